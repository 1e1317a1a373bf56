import type { Source } from '../base/source.ts';
import { Cursor } from './cursor.ts';
import { invalid, note } from './problem.ts';
import { elementsOf, startTally } from './tensors.ts';
import type { Dtype, Findings, NamedSource, Problem, TensorInfo } from './types.ts';

const HEADER_BYTES = 1 << 16;

const KINDS: Readonly<Record<string, string>> = { f: 'F', i: 'I', u: 'U' };

/** One of our dtype names, and the bytes of an element, for a NumPy type string such as `<f4`; structured types keep theirs. */
export function numpyDtype(descr: string): { dtype: Dtype; bytes: number } {
  const match = /^[<>|=]?([biufcOSUVmM?])(\d{0,9})$/.exec(descr);
  if (match === null) return { dtype: descr.slice(0, 200), bytes: Number.NaN };
  const [, kind = '', digits = ''] = match;
  const width = Number(digits === '' ? (kind === 'b' || kind === '?' ? 1 : 0) : digits);
  if (kind === 'O') return { dtype: 'OBJECT', bytes: Number.NaN };
  if (kind === 'b' || kind === '?') return { dtype: 'BOOL', bytes: 1 };
  if (kind === 'c') return { dtype: `C${width * 8}`, bytes: width };
  if (kind === 'U') return { dtype: 'STRING', bytes: width * 4 };
  if (kind === 'S') return { dtype: 'STRING', bytes: width };
  const letter = KINDS[kind];
  return letter === undefined
    ? { dtype: descr, bytes: width === 0 ? Number.NaN : width }
    : { dtype: `${letter}${width * 8}`, bytes: width };
}

export interface NpyHeader {
  readonly version: string;
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  readonly dataStart: number;
}

/**
 * The header of a `.npy` array: a Python dict literal, matched, never evaluated.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function readNpyHeader(source: Source): Promise<NpyHeader> {
  const cursor = new Cursor(source);
  if (Buffer.from(await cursor.bytes(6)).toString('latin1') !== '\x93NUMPY') throw invalid('no NumPy magic');
  const [major, minor] = [await cursor.u8(), await cursor.u8()];
  if (major < 1 || major > 3) throw invalid(`no npy version ${major}.${minor}`);
  const length = major === 1 ? await cursor.u16le() : await cursor.u32le();
  const text = await cursor.text(length, HEADER_BYTES);
  return { version: `${major}.${minor}`, ...parseHeader(text), dataStart: cursor.offset };
}

function parseHeader(text: string): Pick<NpyHeader, 'descr' | 'fortran' | 'shape'> {
  const quoted = /'descr'\s*:\s*'([^']{0,200})'/.exec(text)?.[1];
  const structured = /'descr'\s*:\s*(\[[^{}]*\])\s*,\s*'fortran_order'/.exec(text)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\sL,]{0,2000})\)/.exec(text)?.[1];
  const descr = quoted ?? structured;
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw invalid('the array header is not descr, fortran_order and shape');
  const sizes = shape
    .split(',')
    .map((part) => part.replace('L', '').trim())
    .filter((part) => part !== '')
    .map(Number);
  return { descr, fortran: fortran === 'True', shape: sizes };
}

/** A tensor for one `.npy`, whose elements start at `base` in the file if they are there uncompressed. */
export function npyTensor(
  name: string,
  header: NpyHeader,
  place: { size: number; base?: number; location?: string },
): { tensor: TensorInfo; problems: Problem[] } {
  const { dtype, bytes } = numpyDtype(header.descr);
  const length = elementsOf(header.shape) * bytes;
  const there = place.size - header.dataStart;
  const problems: Problem[] = [];
  if (elementsOf(header.shape) !== 0 && Number.isNaN(elementsOf(header.shape)))
    note(problems, { code: 'overflow', message: 'its dimensions are impossible', subject: name });
  if (length > there)
    note(problems, {
      code: 'truncated',
      message: `its shape and dtype need ${length} bytes, ${there} are there`,
      subject: name,
    });
  if (length < there)
    note(problems, {
      code: 'trailing',
      message: `${there - length} bytes after the array`,
      offset: header.dataStart + length,
      subject: name,
    });
  const where =
    place.base === undefined
      ? {}
      : { offset: place.base + header.dataStart, ...(Number.isNaN(length) ? {} : { length }) };
  const location = place.location === undefined ? {} : { location: place.location };
  return { tensor: { name, dtype, shape: header.shape, ...where, ...location }, problems };
}

export async function readNpy({ path, source }: NamedSource): Promise<Findings> {
  const header = await readNpyHeader(source);
  const { tensor, problems } = npyTensor(path.slice(path.lastIndexOf('/') + 1), header, { size: source.size, base: 0 });
  const tally = startTally();
  tally.add(tensor);
  const metadata = [{ key: 'fortran_order', value: header.fortran, place: 'header:fortran_order' }];
  return {
    format: 'npy',
    version: header.version,
    headerLength: header.dataStart,
    metadata,
    problems,
    ...tally.finish(),
  };
}
