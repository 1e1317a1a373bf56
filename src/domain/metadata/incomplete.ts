import type { Reference } from '../formats/types.ts';
import { fact, folderOf } from './read.ts';
import { pick, type BomFile, type Fact, type MetadataProblem } from './types.ts';
import { holdsWeights } from './weights.ts';

/** What is missing of an artifact, as far as its own files tell. */
export interface Incomplete {
  readonly problems: readonly MetadataProblem[];
  /** What is odd, and no loss: an index of shards that are not there beside weights that are whole. */
  readonly notes: readonly Fact[];
  /** Files of which a part is missing elsewhere: what is counted in them is not the model's count. */
  readonly partial: ReadonlySet<string>;
}

const NUMBERED = /[-_](\d{2,6})-of-(\d{2,6})(?=\.[^/]*$|$)/;
const NAMED = 3;

/** Holds shards, splits, indexes, external data and adapters against the files that are there. */
export function findIncomplete(files: readonly BomFile[], facts: readonly Fact[]): Incomplete {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const all = [
    ...numberedShards(files),
    ...splitGgufs(files),
    ...files.flatMap((file) => referencesOf(file, byPath)),
    ...cutWeights(files),
    ...programsAlone(files),
  ];
  const missing = all.filter(({ note }) => note !== true);
  const problems = [...missing, ...adaptersAlone(facts)].map(({ path, message }): MetadataProblem => ({
    path,
    code: 'incomplete',
    message: `${path}: ${message}`,
  }));
  const notes = all
    .filter(({ note }) => note === true)
    .map(({ path, message }) => fact('detail', { name: 'stale-index', value: message }, { file: path }));
  return { problems, notes, partial: new Set(missing.flatMap(({ partial }) => partial)) };
}

interface Lack {
  readonly path: string;
  readonly message: string;
  readonly partial: readonly string[];
  readonly note?: true;
}

/** `x-00001-of-00004.safetensors`: all four, or something is missing. */
function numberedShards(files: readonly BomFile[]): readonly Lack[] {
  const weights = files.filter(({ path, report }) => NUMBERED.test(path) && holdsWeights(report));
  const groups = Map.groupBy(weights, ({ path }) => path.replace(NUMBERED, '-*-of-$2'));
  return [...groups.values()].flatMap((group) => {
    const total = Number(NUMBERED.exec(group[0]?.path ?? '')?.[2] ?? 0);
    const numbers = new Set(group.map(({ path }) => NUMBERED.exec(path)?.[1]));
    return numbers.size >= total ? [] : [lackOf(group, `${numbers.size} of ${total} shards are here`)];
  });
}

/** GGUF says itself of how many files it is one. */
function splitGgufs(files: readonly BomFile[]): readonly Lack[] {
  const count = ({ report }: BomFile): number => {
    const value = report?.format === 'gguf' ? report.metadata.find(({ key }) => key === 'split.count')?.value : 0;
    return typeof value === 'number' ? value : 0;
  };
  const splits = files.filter((file) => count(file) > 1 && !NUMBERED.test(file.path));
  const groups = Map.groupBy(splits, (file) => `${folderOf(file.path)} ${count(file)}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const total = first === undefined ? 0 : count(first);
    return group.length >= total ? [] : [lackOf(group, `${group.length} of ${total} parts of a split GGUF are here`)];
  });
}

/** Constants that an ExecuTorch program has under a name only lie in a `.ptd`; which one, whoever loads it says. */
function programsAlone(files: readonly BomFile[]): readonly Lack[] {
  const tensors = (format: string): readonly BomFile[] => files.filter(({ report }) => report?.format === format);
  const held = new Set(
    tensors('executorch-data').flatMap(({ report }) => report?.tensors?.items.map(({ name }) => name) ?? []),
  );
  return tensors('executorch').flatMap(({ path, report }) => {
    const apart = report?.tensors?.items.filter(({ offset, name }) => offset === undefined && !held.has(name)) ?? [];
    if (apart.length === 0) return [];
    const message = `needs a .ptd with ${listed(apart.map(({ name }) => name))}, not here`;
    return [{ path, message, partial: [path] }];
  });
}

function lackOf(group: readonly BomFile[], message: string): Lack {
  return { path: group[0]?.path ?? '', message, partial: group.map(({ path }) => path) };
}

const KINDS: ReadonlySet<Reference['kind']> = new Set(['shard', 'weights', 'external-data']);

/** Files a file names beside itself: there, as long as it says, and holding the tensors it says. HDF5's are the scan's. */
function referencesOf({ path, report }: BomFile, byPath: ReadonlyMap<string, BomFile>): readonly Lack[] {
  const named = (report?.references ?? []).filter(({ kind }) => KINDS.has(kind));
  if (report === undefined || report.format === 'hdf5' || named.length === 0) return [];
  const folder = folderOf(path);
  const found = named.map((reference) => ({ reference, file: byPath.get(resolved(folder, reference.target)) }));
  const absent = found.filter(({ file }) => file === undefined);
  const partial = [path, ...found.flatMap(({ file }) => file?.path ?? [])];
  if (absent.length === found.length && isStale(path, report.format, byPath))
    return [{ path, message: 'names shards that are not here; the weights are whole without it', partial, note: true }];
  const lacks: Lack[] = [];
  if (absent.length > 0)
    lacks.push({
      path,
      message: `names ${listed(absent.map(({ reference }) => reference.target))}, not here`,
      partial,
    });
  for (const { reference, file } of found) {
    const message = file === undefined ? null : lackingIn(file, reference);
    if (message !== null) lacks.push({ path, message, partial });
  }
  return lacks;
}

function resolved(folder: string, target: string): string {
  const parts = `${folder}${target}`.split('/').filter((part) => part !== '' && part !== '.');
  return parts.join('/');
}

/** An index left over from before its shards were merged: a weights file of its kind lies beside it. */
function isStale(path: string, format: string, byPath: ReadonlyMap<string, BomFile>): boolean {
  if (format !== 'safetensors-index') return false;
  const whole = byPath.get(path.replace(/\.index\.json$/, ''));
  return whole !== undefined && holdsWeights(whole.report) && whole.report?.complete === true;
}

function lackingIn({ path, sizeBytes, report }: BomFile, { sizeBytes: needed, tensors }: Reference): string | null {
  if (needed !== undefined && sizeBytes < needed) return `needs ${needed} bytes of ${path}, which has ${sizeBytes}`;
  const table = report?.tensors;
  if (tensors === undefined || table === undefined || table.truncated) return null;
  const held = new Set(table.items.map(({ name }) => name));
  const missing = tensors.filter((name) => !held.has(name));
  return missing.length === 0 ? null : `names ${listed(missing)} in ${path}, which has no such tensor`;
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names
    .slice(0, NAMED)
    .map((name) => name.slice(0, 200))
    .join(', ')}${more}`;
}

/** Weights whose own structure reaches beyond their end. */
function cutWeights(files: readonly BomFile[]): readonly Lack[] {
  return files.flatMap(({ path, report }) => {
    const cut = holdsWeights(report) && report?.complete === true;
    const problem = cut ? report.problems.find(({ code }) => code === 'out-of-bounds') : undefined;
    return problem === undefined ? [] : [{ path, message: problem.message, partial: [path] }];
  });
}

/** An adapter whose base nobody names can be loaded on nothing. */
function adaptersAlone(facts: readonly Fact[]): readonly Pick<Lack, 'path' | 'message'>[] {
  if (pick(facts, 'baseModel').length > 0) return [];
  return pick(facts, 'role')
    .filter(({ value }) => value.role === 'adapter')
    .slice(0, 1)
    .map(({ value }) => ({ path: value.path, message: 'an adapter whose base model nobody names' }));
}
