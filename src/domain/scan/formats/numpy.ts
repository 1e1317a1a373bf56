import { windowSource, type Source } from '../../base/source.ts';
import type { NamedSource } from '../../formats/types.ts';
import { judgePickles } from '../pickle/judge.ts';
import { isPlainDescr, readLiteral, type Literal } from './npy-header.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { atLeast } from '../types.ts';

/** NumPy itself reads 10,000 bytes unless it is told to trust the file. */
const HEADER_LIMIT = 1 << 16;

/**
 * A .npy file: an object dtype means a pickle follows. `numpy.load` decides by the header alone, so a numeric header with
 * a pickle behind is only data; but the header itself is a Python literal and must be one.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export async function judgeNpy(spot: Spot, { source }: NamedSource): Promise<boolean> {
  for (let [at, arrays] = [0, 0]; at < source.size; arrays++) {
    if (arrays === ARRAYS) leaveOut(spot, `more than ${ARRAYS} arrays in one file`);
    const length = arrays < ARRAYS ? await judgeArray(spot, windowSource(source, at, source.size - at)) : null;
    if (length === null) return at > 0;
    at += length;
  }
  return true;
}

/** `numpy.save` may be called again and again with one open file, and `numpy.load` too. */
const ARRAYS = 10_000;

/** Judges the array a source begins with; its length, or all there is if no other array follows; null if it is none. */
async function judgeArray(spot: Spot, source: Source): Promise<number | null> {
  const start = Buffer.from(await source.read(0, 12));
  if (start.length < 10) return null;
  const major = start[6] ?? 0;
  const prefix = major === 1 ? 10 : 12;
  const length = major === 1 ? start.readUInt16LE(8) : start.length >= 12 ? start.readUInt32LE(8) : 0;
  if (length > HEADER_LIMIT || prefix + length > source.size)
    return malformed(spot, source, 'the header is longer than the file or than any array needs');
  const header = Buffer.from(await source.read(prefix, length)).toString('latin1');
  if (/[A-Za-z_]\w{0,100}\(/.test(header))
    report(spot, 'WM-FILE-006', 'the header calls something', { severity: 'high' });
  const value = readLiteral(header);
  if (!(value instanceof Map)) return malformed(spot, source, 'the header is not a plain dictionary');
  const fields = value as ReadonlyMap<string, Literal>;
  const after = prefix + length;
  if (isPlainDescr(fields.get('descr')))
    return after + (await judgeLength(spot, fields, windowSource(source, after, source.size - after)));
  await judgeObjects(spot, windowSource(source, after, source.size - after));
  return source.size;
}

async function judgeObjects(spot: Spot, data: Source): Promise<void> {
  await judgePickles(spot, data, { aside: true });
  const harmful = spot.session.findings.some((finding) => atLeast(finding.severity, 'high'));
  report(spot, 'WM-PICKLE-021', 'an array of Python objects: loading needs allow_pickle', {
    severity: harmful ? 'high' : 'low',
  });
}

/** Bytes the shape and dtype need against those that are there; how many are the array's, if another one follows. */
async function judgeLength(spot: Spot, fields: ReadonlyMap<string, Literal>, data: Source): Promise<number> {
  const there = data.size;
  const [descr, shape] = [fields.get('descr'), fields.get('shape')];
  const [, kind, width] = typeof descr === 'string' ? (/^[|<>=]?([a-zA-Z?])(\d+)$/.exec(descr) ?? []) : [];
  if (width === undefined || !Array.isArray(shape)) return there;
  const count = (shape as readonly Literal[]).reduce<number>((product, size) => product * Number(size), 1);
  const needed = count * Number(width) * (kind === 'U' ? 4 : 1);
  const follows = needed >= 0 && needed < there ? await data.read(needed, 6) : new Uint8Array(0);
  if (Buffer.from(follows).toString('latin1') === '\x93NUMPY') return needed;
  if (needed > there) report(spot, 'WM-FILE-006', `the array needs ${needed} bytes, ${there} are there`);
  else if (needed < there) report(spot, 'WM-FILE-005', `${there - needed} bytes follow the array`);
  return there;
}

function malformed(spot: Spot, source: Source, message: string): number {
  report(spot, 'WM-FILE-006', message);
  leaveOut(spot, message);
  return source.size;
}
