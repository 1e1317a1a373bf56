import type { Source } from '../base/source.ts';
import { isMarshal } from './marshal.ts';
import type { FormatId } from './types.ts';
import { isWord2vec } from './word2vec.ts';

type Test = (head: Buffer, size: number) => boolean;

/** Byte by byte, as the first one mostly tells: a text of each would be made for each file. */
function magic(text: string): (head: Buffer) => boolean {
  const bytes = Buffer.from(text, 'latin1');
  return (head) =>
    head[0] === bytes[0] && head.length >= bytes.length && head.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

const isStata = magic('<stata_dta><header><release>');
const [isSpss2, isSpss3] = [magic('$FL2@(#)'), magic('$FL3@(#)')];
const isNetcdf = magic('CDF');
const isTree = magic('tree');
const [isEngine, isPlanned] = [magic('ftrt'), magic('ptrt')];

/** Formats known by more than one fixed stretch of bytes. None of them is read here but those that have a reader. */
const TESTS: readonly (readonly [FormatId, Test])[] = [
  ['ocdbt', (head) => head[0] === 0x0c && ['0cdb3a2a', '0cdb20de', '0cdb1234'].includes(head.toString('hex', 0, 4))],
  ['matlab', magic('MATLAB 5.0 MAT-file')],
  ['stata', (head) => isStata(head) || isOldStata(head)],
  ['spss', (head) => isSpss2(head) || isSpss3(head)],
  ['netcdf', (head) => isNetcdf(head) && [1, 2, 5].includes(head[3] ?? 0)],
  ['lightgbm', (head) => isTree(head) && /^tree\r?\nversion=v\d/.test(head.toString('latin1', 0, 32))],
  ['tensorrt-engine', (head) => isEngine(head) || isPlanned(head)],
  ['tesseract', isTesseract],
  ['word2vec', isWord2vec],
  ['marshal', isMarshal],
];

const TEXTS: ReadonlySet<FormatId> = new Set(['lightgbm', 'stata', 'spss', 'matlab']);

/** Formats whose content only these tests tell; all but one of them are no text. */
export function recognise(bytes: Uint8Array, size: number, text: boolean): FormatId[] {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return TESTS.filter(([format, test]) => (!text || TEXTS.has(format)) && test(head, size)).map(([format]) => format);
}

/** Stata 5 to 12: release 105 to 115, byte order 1 or 2, file type 1, and an unused byte. */
function isOldStata(head: Buffer): boolean {
  const [release = 0, order = 0, type, unused] = head;
  return (
    [105, 108, 110, 111, 112, 113, 114, 115].includes(release) &&
    (order === 1 || order === 2) &&
    type === 1 &&
    unused === 0
  );
}

/** Tesseract's `.traineddata`: a count of at most 24 components, and rising offsets of them (or -1) inside the file. */
function isTesseract(head: Buffer, size: number): boolean {
  const count = head.length < 4 ? 0 : head.readInt32LE(0);
  if (count < 17 || count > 24 || head.length < 4 + count * 8) return false;
  let reached = BigInt(4 + count * 8);
  for (let index = 0; index < count; index++) {
    const offset = head.readBigInt64LE(4 + index * 8);
    if (offset === -1n) continue;
    if (offset < reached || offset > BigInt(size)) return false;
    reached = offset;
  }
  return reached > 0n;
}

const VERSIONS = [4, 5, 6] as const;

/** A binary version, and a specification's name that ends in `Spec` and NUL. */
export function isCtranslate2(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  if (bytes.length < 16 || !VERSIONS.some((version) => version === bytes.readUInt32LE(0))) return false;
  const length = bytes.readUInt16LE(4);
  return length > 5 && length <= 256 && /^\w+Spec\0$/.test(bytes.toString('latin1', 6, 6 + length));
}

/** Two 32-bit numbers (how many, version 2), and a record of 64 bytes with its mark at byte 64. */
export function isCoreMlWeights(head: Uint8Array): boolean {
  const view = Buffer.from(head.buffer, head.byteOffset, head.length);
  return view.length >= 128 && view.readUInt32LE(4) === 2 && view.readUInt32LE(64) === 0xdead_beef;
}

/** A version 0, no levels, a version 0 and a description of a few bytes: how every `.pdiparams` begins. */
export function isPaddleParams(head: Uint8Array): boolean {
  const view = Buffer.from(head.buffer, head.byteOffset, head.length);
  if (view.length < 24 || view.readUInt32LE(0) !== 0 || view.readBigUInt64LE(4) !== 0n || view.readUInt32LE(12) !== 0)
    return false;
  const length = view.readUInt32LE(16);
  return length >= 2 && length < 256 && view[20] === 0x08;
}

/** `<net name="…" version="11">`, after the XML declaration. */
export const OPENVINO = /^(?:<\?xml[^>]{0,200}\?>\s*)?<net\s[^>]{0,4000}version="(\d{1,3})"/;

/** The last eight bytes of a table of LevelDB, whose layout TensorFlow keeps its index in. */
export const TABLE_MAGIC = '57fb808b247547db';

/** Whether a file ends as a table of LevelDB does. */
export async function isTensorTable(source: Source): Promise<boolean> {
  if (source.size < 48) return false;
  return Buffer.from(await source.read(source.size - 8, 8)).toString('hex') === TABLE_MAGIC;
}

/** How the keys of an XGBoost model begin, as UBJSON. */
export const XGBOOST_UBJ = '7b4c0000000000000007' + Buffer.from('learner').toString('hex');
