import { detect, type Detected } from './detect.ts';
import { kindOf } from './names.ts';
import { problemOf } from './problem.ts';
import { READERS } from './readers.ts';
import { cachedSource } from '../base/source.ts';
import type { Findings, FormatId, FormatReport, NamedSource, Problem, ReadOptions } from './types.ts';

export { Cursor, safeNumber } from './cursor.ts';
export { detect, type Detected } from './detect.ts';
export { formatOfName, kindOf } from './names.ts';
export { problemOf } from './problem.ts';
export { bytesSource, cachedSource, readAll, windowSource } from '../base/source.ts';
export { readZip, type ZipArchive } from './zip.ts';
export type { ZipCentral } from './zip-directory.ts';
export type { ZipEntry } from './zip-entry.ts';
export type { ZipLocal } from './zip-local.ts';
export { memberSource, openMember, rawMember } from './zip-member.ts';
export { chunksOf, collect, firstBytes, inflate, type Compression, type InflateLimits } from './inflate.ts';
export { streamSource } from './stream-source.ts';
export { readTar, type TarArchive, type TarEntry, type TarType } from './tar.ts';
export { readHdf5 } from './hdf5.ts';
export { layersOf } from './keras.ts';
export { readNpyHeader, type NpyHeader } from './numpy.ts';
export { contentOf, type PickledContent, type PickledTensor } from './pickle-tensors.ts';
export { isUnsafePath } from './archive-path.ts';
export { fieldIntegers, fieldReader, fieldText, readFields, type Field, type FieldReader } from './protobuf.ts';
export type * from './types.ts';

/**
 * What a file is, from its structure alone: nothing is executed, unpickled, decompressed beyond LIMITS or followed to
 * another file. A malformed or oversized file yields a report that says so (`problems`, `complete: false`).
 * @throws WeighmarkError only what `source.read` throws: `file-changed`, `unreadable`, `interrupted`.
 */
export async function readFormat(file: NamedSource, options: ReadOptions = {}): Promise<FormatReport> {
  const cached = { path: file.path, source: cachedSource(file.source) };
  const detected = await detect(cached);
  const findings = await examine(cached, detected, options);
  const problems = findings.problems ?? NONE;
  return {
    kind: kindOf(findings.format, file.path),
    metadata: NONE,
    ...findings,
    path: file.path,
    matches: matchesOf(findings.format, detected.matches),
    ...(detected.named === undefined ? {} : { named: detected.named }),
    problems,
    complete: !problems.some(({ code }) => UNEXAMINED.has(code)),
  };
}

/** Reports of a million files are kept at once: what is alike in them is one. */
const NONE: readonly never[] = [];
const matchesKnown = new Map<string, readonly FormatId[]>();
const MATCHES_KEPT = 1000;

function matchesOf(format: FormatId, matches: readonly FormatId[]): readonly FormatId[] {
  const key = `${format} ${matches.join(' ')}`;
  const known = matchesKnown.get(key);
  if (known !== undefined) return known;
  const all = [...new Set([format, ...matches])].filter((each) => each !== 'unknown');
  if (matchesKnown.size < MATCHES_KEPT) matchesKnown.set(key, all);
  return all;
}

const UNEXAMINED: ReadonlySet<Problem['code']> = new Set([
  'malformed',
  'truncated',
  'limit',
  'unsupported',
  'encrypted',
]);

/** A file named as a format with a structure of its own, in which nothing of it, nor of any other, was recognised. */
function brokenPromise({ format, named }: Detected): readonly Problem[] {
  const promised =
    format === 'unknown' && named !== undefined && (kindOf(named, '') === 'weights' || READERS[named] !== undefined);
  if (!promised) return NONE;
  const known = promisesKnown.get(named);
  if (known !== undefined) return known;
  const problems = [
    { code: 'malformed' as const, message: `is not the ${named} its name says, nor anything else that is known` },
  ];
  promisesKnown.set(named, problems);
  return problems;
}

/** A format each. */
const promisesKnown = new Map<FormatId, readonly Problem[]>();

async function examine(file: NamedSource, detected: Detected, options: ReadOptions): Promise<Findings> {
  const reader = READERS[detected.format];
  if (reader === undefined) return { format: detected.format, problems: brokenPromise(detected) };
  try {
    return await reader(file, options);
  } catch (error) {
    return { format: detected.format, problems: [problemOf(error)] };
  }
}
