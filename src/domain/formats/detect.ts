import { isUtf8 } from 'node:buffer';
import { bytesSource, headOf, type Source } from '../base/source.ts';
import { isPlainPickle, readPickle, startsPickle } from './pickle/index.ts';
import { formatOfName, TEXT_FORMATS } from './names.ts';
import {
  isCoreMl,
  isMetaGraph,
  isOnnxModel,
  isSavedModel,
  isSentencePiece,
  isTensorflowGraph,
} from './protobuf-probe.ts';
import {
  isCoreMlWeights,
  isCtranslate2,
  isPaddleParams,
  isTensorTable,
  OPENVINO,
  recognise,
  TABLE_MAGIC,
  XGBOOST_UBJ,
} from './recognised.ts';
import { mayBeginMessage } from './protobuf.ts';
import { checksumFits } from './tar.ts';
import type { FormatId, NamedSource } from './types.ts';

export const HEAD_BYTES = 4096;
const TAIL_BYTES = 65_557;

/** Fixed bytes at fixed places; what needs more than equality has a function below. msgpack: thinc's first key, `nodes`. */
const MAGIC = magics([
  { format: 'gguf', at: 0, hex: '47475546' },
  { format: 'torch-legacy', at: 0, hex: '80028a0a6cfc9c46f9206aa850192e' },
  { format: 'npy', at: 0, hex: '934e554d5059' },
  { format: 'hdf5', at: 0, hex: '894844460d0a1a0a' },
  { format: 'tflite', at: 4, hex: '54464c33' },
  { format: 'ort', at: 4, hex: '4f52544d' },
  { format: 'executorch', at: 4, hex: '45543132' },
  { format: 'executorch-data', at: 4, hex: '46543031' },
  { format: 'litert-lm', at: 0, hex: '4c49544552544c4d' },
  { format: 'catboost', at: 0, hex: '43424d31' },
  { format: 'fasttext', at: 0, hex: 'ba164f2f' },
  { format: 'xgboost', at: 0, hex: XGBOOST_UBJ },
  { format: 'parquet', at: 0, hex: '50415231' },
  { format: 'arrow', at: 0, hex: '4152524f5731' },
  { format: 'zip', at: 0, hex: '504b0304' },
  { format: 'zip', at: 0, hex: '504b0506' },
  { format: 'zip', at: 0, hex: '504b0708' },
  { format: 'gzip', at: 0, hex: '1f8b' },
  { format: 'bzip2', at: 0, hex: '425a68' },
  { format: 'xz', at: 0, hex: 'fd377a585a00' },
  { format: 'lzma', at: 0, hex: '5d00' },
  { format: 'zlib', at: 0, hex: '7801' },
  { format: 'zlib', at: 0, hex: '785e' },
  { format: 'zlib', at: 0, hex: '789c' },
  { format: 'zlib', at: 0, hex: '78da' },
  { format: 'zstd', at: 0, hex: '28b52ffd' },
  { format: 'lz4', at: 0, hex: '04224d18' },
  { format: '7z', at: 0, hex: '377abcaf271c' },
  { format: 'rar', at: 0, hex: '526172211a07' },
  { format: 'cab', at: 0, hex: '4d534346' },
  { format: 'ar', at: 0, hex: '213c617263683e0a' },
  { format: 'compress', at: 0, hex: '1f9d' },
  { format: 'compress', at: 0, hex: '1fa0' },
  { format: 'lzip', at: 0, hex: '4c5a4950' },
  { format: 'r-data', at: 0, hex: '580a00000002' },
  { format: 'r-data', at: 0, hex: '580a00000003' },
  { format: 'r-data', at: 0, hex: '524458320a' },
  { format: 'r-data', at: 0, hex: '524458330a' },
  { format: 'r-data', at: 0, hex: '524441320a' },
  { format: 'r-data', at: 0, hex: '524441330a' },
  { format: 'r-data', at: 0, hex: '410a320a' },
  { format: 'r-data', at: 0, hex: '410a330a' },
  { format: 'tar', at: 257, hex: '7573746172' },
  { format: 'image', at: 0, hex: '89504e470d0a1a0a' },
  { format: 'image', at: 0, hex: 'ffd8ff' },
  { format: 'image', at: 0, hex: '474946383761' },
  { format: 'image', at: 0, hex: '474946383961' },
  { format: 'image', at: 8, hex: '57454250' },
  { format: 'image', at: 0, hex: '49492a00' },
  { format: 'image', at: 0, hex: '4d4d002a' },
  { format: 'audio', at: 8, hex: '57415645' },
  { format: 'audio', at: 0, hex: '664c6143' },
  { format: 'audio', at: 0, hex: '4f676753' },
  { format: 'audio', at: 0, hex: '494433' },
  { format: 'video', at: 4, hex: '66747970' },
  { format: 'video', at: 0, hex: '1a45dfa3' },
  { format: 'msgpack', at: 1, hex: 'a56e6f646573' },
  { format: 'sqlite', at: 0, hex: '53514c69746520666f726d6174203300' },
  { format: 'pdf', at: 0, hex: '255044462d' },
  { format: 'executable', at: 0, hex: '7f454c46' },
  { format: 'executable', at: 0, hex: 'cffaedfe' },
  { format: 'executable', at: 0, hex: 'cefaedfe' },
  { format: 'executable', at: 0, hex: 'feedfacf' },
  { format: 'executable', at: 0, hex: 'cafebabe' },
  { format: 'executable', at: 0, hex: '0061736d01000000' },
  { format: 'script', at: 0, hex: '2321' },
]);

/** For each first byte, the few that a file which begins with it may have, in their order. */
const BY_FIRST_BYTE: readonly (readonly Magic[])[] = Array.from({ length: 256 }, (_, byte) =>
  MAGIC.filter(({ at, bytes }) => at > 0 || bytes[0] === byte),
);

interface Magic {
  readonly format: FormatId;
  readonly at: number;
  readonly bytes: Uint8Array;
}

function magics(all: readonly { format: FormatId; at: number; hex: string }[]): readonly Magic[] {
  return all.map(({ format, at, hex }) => ({ format, at, bytes: Buffer.from(hex, 'hex') }));
}

/** `MZqFpD`: a program for several systems, with a zip file at its end. */
const APE = '4d5a71467044';

export interface Detected {
  readonly format: FormatId;
  readonly matches: readonly FormatId[];
  readonly named?: FormatId;
}

/** What a file is, by its bytes first and its name second. Reads 4 KiB at the start, 64 KiB at the end, and probes. */
export async function detect(file: NamedSource): Promise<Detected> {
  if (latest?.source === file.source && latest.path === file.path) return latest.detected;
  const known = DETECTED.get(file.source);
  if (known?.path === file.path) return known.detected;
  latest = { source: file.source, path: file.path, detected: detectAnew(file) };
  if (file.source.size > HEAD_BYTES) DETECTED.set(file.source, latest);
  return latest.detected;
}

interface Known {
  readonly source: Source;
  readonly path: string;
  readonly detected: Promise<Detected>;
}

/** What is scanned and described in one run is recognised once. Of small files, of which there may be a million, the last is kept. */
const DETECTED = new WeakMap<Source, Known>();
let latest: Known | null = null;

async function detectAnew(file: NamedSource): Promise<Detected> {
  const named = formatOfName(file.path);
  const matches = await matchesOf(file);
  const format = choose(matches, named);
  const all = matches.includes(format) || format === 'unknown' ? matches : [format, ...matches];
  return { format, matches: all, ...(named === undefined ? {} : { named }) };
}

async function matchesOf(file: NamedSource): Promise<FormatId[]> {
  const { source } = file;
  if (source.size === 0) return ['empty'];
  const head = await headOf(source, HEAD_BYTES);
  const certain = head.length === source.size ? certainMatches(head, file.path) : null;
  return certain ?? matchesAnew(file, head);
}

/**
 * What a whole small file certainly is, by what costs least: nothing, or an image, and nothing else of what is looked for below.
 * Of a million files that are one or the other the tests one by one, each of which may read, are most of the work. Null: they
 * decide.
 */
export function certainMatches(bytes: Uint8Array, path: string): FormatId[] | null {
  const named = formatOfName(path);
  if (named !== undefined && !MEDIA.has(named)) return null;
  if (bytes.length === 0 || startsPickle(bytes[0] ?? 0) || hasNoControls(bytes) || isLfsPointer(bytes, bytes.length))
    return null;
  const magic = (BY_FIRST_BYTE[bytes[0] ?? 0] ?? []).filter((each) => hasAt(bytes, each.at, each.bytes));
  const [own] = magic;
  if (magic.length > 1 || (own !== undefined && own.format !== 'image')) return null;
  if (isAnythingElse(bytes, path)) return null;
  return own === undefined ? [] : ['image'];
}

/** What is not told by fixed bytes at a fixed place; in doubt, true. */
function isAnythingElse(bytes: Uint8Array, path: string): boolean {
  return (
    recognise(bytes, bytes.length, false).length > 0 ||
    isCtranslate2(bytes) ||
    isCoreMlWeights(bytes) ||
    isSafetensors(bytes, { path, size: bytes.length }) ||
    isExecutable(bytes) ||
    isMp3(bytes) ||
    (bytes.length >= 512 && bytes[0] !== 0 && checksumFits(bytes)) ||
    ANYWHERE.some((mark) => isWithin(bytes, mark)) ||
    mayBeginMessage(bytes, bytes.length)
  );
}

/** What a name may promise without deciding how bytes are read. */
const MEDIA: ReadonlySet<FormatId> = new Set(['image', 'audio', 'video']);

/** Marks that are looked for at more than one place: of zip, Parquet, HDF5, Arrow streams, tables of LevelDB. */
const ANYWHERE = ['504b0506', '50415231', '894844460d0a1a0a', 'ffffffff', TABLE_MAGIC].map((hex) =>
  Buffer.from(hex, 'hex'),
);

function isWithin(bytes: Uint8Array, magic: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(magic) >= 0;
}

/** By every test there is. */
export async function matchesAnew(file: NamedSource, head: Uint8Array): Promise<FormatId[]> {
  const { source } = file;
  const named = formatOfName(file.path);
  const found = new Set<FormatId>();
  if (isLfsPointer(head, source.size)) return ['lfs-pointer'];
  const plain = isText(head);
  const text = plain || isLegacyText(head, file.path);
  const onlyText = plain && head.length === source.size;
  for (const { format, at, bytes } of BY_FIRST_BYTE[head[0] ?? 0] ?? [])
    if (hasAt(head, at, bytes) && !(text && format === 'zlib')) found.add(format);
  for (const format of recognise(head, source.size, text)) found.add(format);
  if (isCtranslate2(head)) found.add('ctranslate2');
  if (isCoreMlWeights(head)) found.add('coreml-weights');
  if (named === 'paddle-params' && isPaddleParams(head)) found.add('paddle-params');
  if (isSafetensors(head, { path: file.path, size: source.size })) found.add('safetensors');
  if (isExecutable(head)) found.add('executable');
  if (isMp3(head)) found.add('audio');
  if (await isPickle(head, file)) found.add('pickle');
  if (head.length >= 512 && head[0] !== 0 && checksumFits(head)) found.add('tar');
  if (startsWith(head, 0, 'ffffffff') && head.length > 8) found.add('arrow-stream');
  // Their marks hold bytes that no text does, or lengths that no small one has.
  if (!onlyText) {
    await probeTail(source, found);
    await probeHdf5(file, head, found);
  }
  if (found.size === 0 && source.size > 32_774 && startsWith(await source.read(32_769, 5), 0, '4344303031'))
    found.add('iso');
  if (found.size === 0 && !onlyText && (await isTensorTable(source))) found.add('tf-checkpoint');
  if (text && found.has('lightgbm')) return ['lightgbm'];
  if (text && !found.has('r-data')) for (const format of textMatches(head, file.path)) found.add(format);
  else await probeProtobuf(file, head, found);
  if (found.has('torch-legacy')) found.delete('pickle');
  if (named === 'torch-dcp' && found.delete('zip')) found.add('torch-dcp');
  return found.has('zip') && startsWith(head, 0, APE) ? ['llamafile', ...found] : [...found];
}

const ZIP_END = Buffer.from('504b0506', 'hex');

async function probeTail(source: Source, found: Set<FormatId>): Promise<void> {
  if (found.has('zip') || source.size < 22) return;
  const length = Math.min(TAIL_BYTES, source.size);
  const { buffer, byteOffset, byteLength } = await source.read(source.size - length, length);
  const tail = Buffer.from(buffer, byteOffset, byteLength);
  if (tail.lastIndexOf(ZIP_END) >= 0) found.add('zip');
  if (!found.has('parquet') && tail.subarray(-4).toString('latin1') === 'PAR1') found.add('parquet');
}

/**
 * A superblock may also lie at 512, 1024, 2048… (HDF5 file format specification, II.A). Beyond the head it is looked for
 * only where it would be found: under an HDF5 name, or when the file is nothing else.
 */
async function probeHdf5({ path, source }: NamedSource, head: Uint8Array, found: Set<FormatId>): Promise<void> {
  const everywhere = found.size === 0 || ['hdf5', 'keras-v3'].includes(formatOfName(path) ?? '');
  for (let at = 512; at + 8 <= (everywhere ? source.size : head.length) && !found.has('hdf5'); at *= 2) {
    const bytes = at + 8 <= head.length ? head.subarray(at, at + 8) : await source.read(at, 8);
    if (startsWith(bytes, 0, '894844460d0a1a0a')) found.add('hdf5');
  }
}

async function probeProtobuf(file: NamedSource, head: Uint8Array, found: Set<FormatId>): Promise<void> {
  if (!mayBeginMessage(head, file.source.size)) return;
  const named = formatOfName(file.path);
  if (found.size > 0 && named !== 'onnx' && named !== 'saved-model') return;
  if (await isOnnxModel(file.source)) found.add('onnx');
  else if (await isSavedModel(file.source)) found.add('saved-model');
  else if ((await isTensorflowGraph(file.source)) || (await isMetaGraph(file.source))) found.add('tf-graph');
  else if (await isCoreMl(file.source)) found.add('coreml');
  else if (await isSentencePiece(file.source)) found.add('sentencepiece');
}

function choose(matches: readonly FormatId[], named: FormatId | undefined): FormatId {
  if (named !== undefined && matches.includes(named)) return named;
  const [first] = matches;
  if (first !== undefined) return first;
  return named === 'msgpack' || named === 'raw-weights' || named === 'brotli' ? named : 'unknown';
}

/** Byte by byte: nearly always the first one tells, and a text of each would be made for each file. */
function hasAt(bytes: Uint8Array, at: number, magic: Uint8Array): boolean {
  for (let index = 0; index < magic.length; index++) if (bytes[at + index] !== magic[index]) return false;
  return true;
}

function startsWith(bytes: Uint8Array, at: number, hex: string): boolean {
  const length = hex.length / 2;
  return (
    bytes.length >= at + length && Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('hex') === hex
  );
}

/** A header's length and its `{`; an impossible length is still safetensors if the name says so. */
function isSafetensors(head: Uint8Array, { path, size }: { path: string; size: number }): boolean {
  if (formatOfName(path) === 'safetensors' && head.length >= 8 && (head[8] ?? 0x7b) === 0x7b) return true;
  return (
    head.length >= 10 && head[8] === 0x7b && Buffer.from(head.subarray(0, 8)).readBigUInt64LE() <= BigInt(size - 8)
  );
}

/** PE: `MZ` and a `PE\0\0` where the header says. */
function isExecutable(head: Uint8Array): boolean {
  if (!startsWith(head, 0, '4d5a') || head.length < 64) return false;
  return startsWith(head, Buffer.from(head).readUInt32LE(60), '50450000') || head.length === HEAD_BYTES;
}

function isMp3(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2 && (head[2] ?? 0) >> 4 !== 15;
}

/** Protocols 2 to 5 by their PROTO opcode, the earlier ones by what an unpickler would do with the bytes. */
async function isPickle(head: Uint8Array, { path, source }: NamedSource): Promise<boolean> {
  if (head[0] === 0x80 && head.length >= 3) return (head[1] ?? 0) <= 5;
  const named = formatOfName(path);
  const whole = head.length === source.size && source.bytes === undefined ? bytesSource(head) : source;
  if (named !== 'pickle' && named !== 'joblib') return isPlainPickle(whole);
  return (await readPickle(whole, { keep: 0 })).complete || isPlainPickle(whole);
}

const LFS = 'version https://git-lfs.github.com/spec/';

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
function isLfsPointer(head: Uint8Array, size: number): boolean {
  return size <= 1024 && viewOf(head).toString('latin1', 0, LFS.length) === LFS;
}

/** A table or document in an encoding of its own: no control characters, but not UTF-8; or UTF-16 by its mark. */
function isLegacyText(head: Uint8Array, path: string): boolean {
  const named = formatOfName(path);
  if (named === undefined || !TEXT_FORMATS.has(named)) return false;
  return startsWith(head, 0, 'fffe') || startsWith(head, 0, 'feff') || isWide(head) || hasNoControls(head);
}

/** UTF-16 or UTF-32 without a mark, or UTF-32 with one: zeros around the first characters, which are of ASCII. */
function isWide(head: Uint8Array): boolean {
  return /^(?:0000feff|fffe0000|000000[2-7].|00[2-7].00[0-7].|[2-7].000000|[2-7].00[0-7].00)/.test(
    Buffer.from(head.subarray(0, 4)).toString('hex'),
  );
}

function hasNoControls(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte < 32 && !(byte >= 9 && byte <= 13) && byte !== 27) return false;
  return true;
}

/** No byte of a control character that text does not use, and valid UTF-8; a head may end inside a character. */
function isText(head: Uint8Array): boolean {
  if (!hasNoControls(head)) return false;
  return isUtf8(head.length === HEAD_BYTES ? head.subarray(0, wholeCharacters(head)) : head);
}

/** How many bytes there are before a last character of UTF-8 that is begun and not ended. */
function wholeCharacters(bytes: Uint8Array): number {
  for (const [back, begins] of [0xc2, 0xe0, 0xf0].entries()) {
    const byte = bytes[bytes.length - back - 1] ?? 0;
    if (byte >= 0xc0 || byte < 0x80) return byte >= begins && byte <= 0xf4 ? bytes.length - back - 1 : bytes.length;
  }
  return bytes.length;
}

/** A line that opens a section of TOML or INI: `[build-system]`, `[[tool.x]]`, which is no array of JSON. */
const SECTION =
  /^\[{1,2}(?!(?:true|false|null|NaN|Infinity)\b)[A-Za-z_][\w."' :*-]{0,200}\]{1,2}[ \t]*(?:[#;].*)?(?:\r?\n|$)/;

function isJsonStart(text: string): boolean {
  return /^(?:\[|\{(?![{%]))/.test(text) && !SECTION.test(text);
}

function textMatches(head: Uint8Array, path: string): FormatId[] {
  const text = viewOf(head)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const named = formatOfName(path);
  const binary: readonly (FormatId | undefined)[] = [
    'safetensors',
    'gguf',
    'onnx',
    'torch-zip',
    'pickle',
    'hdf5',
    'zip',
    'parquet',
    'image',
    'audio',
  ];
  if (named === 'jsonl' && text.startsWith('{')) return ['jsonl'];
  if (isJsonStart(text) && (named === undefined || binary.includes(named))) return ['json'];
  if (text.startsWith('<') && OPENVINO.test(text)) return ['openvino'];
  if (text.startsWith('<?xml')) return ['xml'];
  if (/^<(!doctype html|html)/i.test(text)) return ['html'];
  if (named === undefined || binary.includes(named)) return ['text'];
  return TEXT_FORMATS.has(named) ? [named] : ['text'];
}
