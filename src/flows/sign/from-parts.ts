import { randomInt } from 'node:crypto';
import { workersText } from '../../domain/bom/worker-digests.ts';
import type { Digests } from '../../domain/digest/algorithm.ts';
import { joinParts, type HashPart } from '../../domain/digest/parts.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Tree, TreeEntry } from '../../domain/ports/files.ts';
import { CONTENT_BYTES } from '../content/hash-tree.ts';
import type { Hasher, HashJob, HashOptions, HashResult } from '../../domain/ports/hasher.ts';

/** Digests that many workers found, and how many of the files are read again before they are signed. */
export interface FromParts {
  readonly parts: readonly HashPart[];
  readonly recheck: 'sample' | 'all';
}

/** Of files that a scan does not read whole one in so many is read again, and one at least; smaller ones cost nothing more to hash. */
const SAMPLE = 100;

/** A hasher that answers for the files of a tree by what workers found. What it read again is counted. */
export interface PartsHasher extends Hasher {
  readonly said: string;
}

/**
 * Digests of workers are nobody's word: those of a sample that they cannot foresee, or all, are found again here, and one that
 * differs ends it. That all files are there, with the sizes the workers saw, is held in any case.
 * @throws WeighmarkError `usage` for parts without both digests, `format-invalid` for those of another tree, and what joining throws;
 * its `hash` also `digest-conflict`.
 */
export function hasherFromParts(tree: Tree, { parts, recheck }: FromParts, hasher: Hasher): PartsHasher {
  const known = digestsOf(tree, parts, hasher);
  const places = placesOf(tree, known);
  const again = recheck === 'all' ? null : sampleOf([...places.values()], tree.entries);
  const isRead = ({ location }: TreeEntry): boolean => again?.has(places.get(location) ?? -1) ?? true;
  const read = tree.entries.filter(isRead).length;
  const hash = async (jobs: readonly HashJob[], options: HashOptions): Promise<readonly HashResult[]> => {
    const placed = jobs.map((job) => ({ job, at: places.get(job.location) ?? -1 }));
    const chosen = placed.filter(({ at }) => again === null || again.has(at));
    const found = await hasher.hash(
      chosen.map(({ job }) => job),
      options,
    );
    const results = new Map(chosen.map(({ job, at }, index) => [job, agreed(job, known[at], found[index])]));
    return placed.map(({ job, at }) => results.get(job) ?? { sizeBytes: job.sizeBytes ?? 0, digests: known[at] ?? {} });
  };
  return { ...hasher, hash, said: workersText({ parts: parts[0]?.of ?? 0, read, files: tree.entries.length }) };
}

function digestsOf({ entries, root, kind }: Tree, parts: readonly HashPart[], hasher: Hasher): readonly Digests[] {
  if (parts.some(({ algorithms }) => !algorithms.includes('sha256') || !algorithms.includes('blake3')))
    throw new WeighmarkError('usage', 'the parts do not have both digests', {
      hint: 'workers run `weighmark hash PATH --part I/N --algorithm sha256 --algorithm blake3 -o FILE`',
    });
  const joined = joinParts(parts, hasher.tree);
  const first = joined[0]?.name ?? '';
  const prefix =
    kind === 'file' ? first.slice(0, -(entries[0]?.path ?? '').length) : prefixOf(first, entries[0]?.path ?? '');
  const isSame =
    joined.length === entries.length &&
    joined.every(
      ({ name, sizeBytes }, at) => name === prefix + entries[at]?.path && sizeBytes === entries[at]?.sizeBytes,
    );
  if (isSame) return joined.map(({ digests }) => digests);
  throw new WeighmarkError('format-invalid', `the parts are of other files than ${root} holds`, {
    subject: root,
    hint: 'hash it again: files came, went or changed, or the workers were given another folder',
  });
}

/** What the workers called the folder. */
function prefixOf(name: string, path: string): string {
  return name.endsWith(`/${path}`) ? name.slice(0, -path.length) : '';
}

/** The first of the files at each location: links of one store to one object are one file, of which workers say one thing. */
function placesOf({ entries }: Tree, known: readonly Digests[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [at, { location, path }] of entries.entries()) {
    const first = places.get(location);
    if (first === undefined) places.set(location, at);
    else if (known[first]?.sha256 !== known[at]?.sha256 || known[first]?.blake3 !== known[at]?.blake3)
      throw new WeighmarkError(
        'digest-conflict',
        `workers found different bytes in ${path} and ${entries[first]?.path}`,
        { subject: path },
      );
  }
  return places;
}

/** What the scan reads whole anyway, and of the rest places chosen by chance: no worker knows which. */
function sampleOf(places: readonly number[], entries: readonly TreeEntry[]): ReadonlySet<number> {
  const isSmall = (at: number): boolean => (entries[at]?.sizeBytes ?? 0) <= CONTENT_BYTES;
  const large = places.filter((at) => !isSmall(at));
  const chosen = new Set<number>();
  while (chosen.size < Math.ceil(large.length / SAMPLE)) chosen.add(large[randomInt(large.length)] ?? 0);
  for (const at of places) if (isSmall(at)) chosen.add(at);
  return chosen;
}

function agreed(job: HashJob, said: Digests | undefined, found: HashResult | undefined): HashResult {
  if (found !== undefined && found.digests.sha256 === said?.sha256 && found.digests.blake3 === said?.blake3)
    return found;
  throw new WeighmarkError('digest-conflict', `a worker found other bytes in ${job.location} than are there`, {
    subject: job.location,
    facts: { worker: `sha256:${said?.sha256 ?? ''}`, found: `sha256:${found?.digests.sha256 ?? ''}` },
    hint: 'run that worker again, on a machine you trust, or hash it here: `weighmark seal` without --from-parts',
  });
}
