import { compareUtf8 } from '../base/paths.ts';
import type { BomSummary, BomSummaryFile, Named } from './summary.ts';

/** One difference in meaning between two BOMs. */
export interface BomChange {
  readonly what:
    'artifact' | 'file' | 'tensors' | 'licence' | 'dataset' | 'base-model' | 'card' | 'citation' | 'composition';
  readonly kind: 'added' | 'removed' | 'changed' | 'renamed';
  /** A path, a dataset's name, a field. */
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** What changed from `a` to `b`, by meaning: order, references, times and tools do not count. */
export function diffBoms(a: BomSummary, b: BomSummary): readonly BomChange[] {
  return [
    ...fieldChanges(
      'artifact',
      { name: a.name, version: a.version, type: a.type },
      { name: b.name, version: b.version, type: b.type },
    ),
    ...listChange(a, b),
    ...filesChanged(a, b),
    ...(a.files.length + b.files.length === 0 ? digestChange(a, b) : []),
    ...setChanges('licence', a.licences, b.licences),
    ...namedChanges('dataset', a.datasets, b.datasets),
    ...namedChanges('base-model', a.baseModels, b.baseModels),
    ...fieldChanges('card', cardOf(a), cardOf(b)),
    ...countChanges('citation', a.said.citations, b.said.citations),
    ...countChanges('composition', a.said.compositions, b.said.compositions),
  ];
}

/** Where a BOM names some files only, and a list of all: the lists are compared, and the files that both name. */
function filesChanged(a: BomSummary, b: BomSummary): readonly BomChange[] {
  const changes = fileChanges(a.files, b.files);
  if (a.fileList === undefined && b.fileList === undefined) return changes;
  return changes.filter(({ what, kind }) => what !== 'file' || kind === 'changed');
}

function listChange(a: BomSummary, b: BomSummary): readonly BomChange[] {
  return fieldChanges('artifact', { 'digest list': a.fileList }, { 'digest list': b.fileList });
}

type Fields = Readonly<Record<string, string | undefined>>;

function cardOf(summary: BomSummary): Fields {
  return { task: summary.task, architecture: summary.architecture, ...summary.properties };
}

function fieldChanges(what: BomChange['what'], a: Fields, b: Fields): readonly BomChange[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.flatMap((name) => {
    const [before, after] = [a[name], b[name]];
    if (before === after) return [];
    const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    return [
      { what, kind, name, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) },
    ];
  });
}

function digestChange(a: BomSummary, b: BomSummary): readonly BomChange[] {
  return fieldChanges('artifact', { content: contentOf(a) }, { content: contentOf(b) });
}

/** One digest to compare by, the strongest both tools write; undefined where none is known. */
function contentOf(thing: Pick<Named, 'digests' | 'id'>): string | undefined {
  const { sha256, blake3 } = thing.digests;
  return sha256 === undefined ? (blake3 === undefined ? thing.id : `blake3:${blake3}`) : `sha256:${sha256}`;
}

function fileChanges(a: readonly BomSummaryFile[], b: readonly BomSummaryFile[]): readonly BomChange[] {
  const before = new Map(a.map((file) => [file.path, file]));
  const after = new Map(b.map((file) => [file.path, file]));
  const gone = new Map(a.filter(({ path }) => !after.has(path)).map((file) => [contentOf(file) ?? file.path, file]));
  const changes = b.flatMap((file): readonly BomChange[] => {
    const old = before.get(file.path);
    if (old !== undefined) return changedFile(old, file);
    const moved = gone.get(contentOf(file) ?? '');
    if (moved === undefined) return [{ what: 'file', kind: 'added', name: file.path }];
    gone.delete(contentOf(file) ?? '');
    return [{ what: 'file', kind: 'renamed', name: file.path, before: moved.path, after: file.path }];
  });
  const kept = new Set([...gone.values()].map(({ path }) => path));
  const removed = a
    .filter(({ path }) => kept.has(path))
    .map(({ path }): BomChange => ({ what: 'file', kind: 'removed', name: path }));
  return [...changes, ...removed].toSorted((x, y) => compareUtf8(x.name, y.name));
}

/** Digests both sides know must all be equal; a file that neither digests is compared by size. */
function changedFile(a: BomSummaryFile, b: BomSummaryFile): readonly BomChange[] {
  const both = (['sha256', 'blake3'] as const).filter(
    (key) => a.digests[key] !== undefined && b.digests[key] !== undefined,
  );
  const same =
    both.length > 0
      ? both.every((key) => a.digests[key] === b.digests[key])
      : a.sizeBytes === b.sizeBytes && contentOf(a) === contentOf(b);
  if (same) return [];
  return [{ what: 'file', kind: 'changed', name: a.path, ...sides(contentOf(a), contentOf(b)) }, ...tensorChange(a, b)];
}

/** Where both headers are known: other tensors, or the same tensors with other values. */
function tensorChange(a: BomSummaryFile, b: BomSummaryFile): readonly BomChange[] {
  const [before, after] = [tensorsOf(a), tensorsOf(b)];
  const layouts = [a.properties['tensor-layout'], b.properties['tensor-layout']];
  if (before === '' && after === '') return [];
  if (layouts[0] !== undefined && layouts[0] === layouts[1])
    return [
      { what: 'tensors', kind: 'changed', name: a.path, before, after: 'same names, shapes and dtypes; other values' },
    ];
  return [{ what: 'tensors', kind: 'changed', name: a.path, before, after }];
}

function tensorsOf({ properties }: BomSummaryFile): string {
  const shown = Object.entries(properties).filter(([name]) => name === 'tensors' || name.startsWith('elements:'));
  return shown
    .map(([name, value]) => (name === 'tensors' ? `${value} tensors` : `${value} ${name.slice('elements:'.length)}`))
    .join(', ');
}

function sides(before: string | undefined, after: string | undefined): { before?: string; after?: string } {
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function setChanges(
  what: 'licence' | 'citation' | 'composition',
  a: readonly string[],
  b: readonly string[],
): readonly BomChange[] {
  const added = b.filter((name) => !a.includes(name)).map((name): BomChange => ({ what, kind: 'added', name }));
  const removed = a.filter((name) => !b.includes(name)).map((name): BomChange => ({ what, kind: 'removed', name }));
  return [...removed, ...added];
}

/** What came and what went; of what stayed, where less is said of it. More facts from one source are told by the facts. */
function countChanges(
  what: 'citation' | 'composition',
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): readonly BomChange[] {
  return [...new Set([...a.keys(), ...b.keys()])].toSorted(compareUtf8).flatMap((name): readonly BomChange[] => {
    const [before, after] = [a.get(name) ?? 0, b.get(name) ?? 0];
    if (before === 0) return [{ what, kind: 'added', name }];
    if (after === 0) return [{ what, kind: 'removed', name }];
    return after < before ? [{ what, kind: 'changed', name, before: `${before} times`, after: `${after} times` }] : [];
  });
}

function namedChanges(what: 'dataset' | 'base-model', a: readonly Named[], b: readonly Named[]): readonly BomChange[] {
  const [before, after] = [
    new Map(a.map((thing) => [thing.name, thing])),
    new Map(b.map((thing) => [thing.name, thing])),
  ];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name): readonly BomChange[] => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old === undefined) return [{ what, kind: 'added', name }];
    if (now === undefined) return [{ what, kind: 'removed', name }];
    const [from, to] = [identityOf(old), identityOf(now)];
    return from === to ? [] : [{ what, kind: 'changed', name, ...sides(from, to) }];
  });
}

function identityOf(thing: Named): string | undefined {
  const parts = [thing.version, contentOf(thing), thing.id].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : [...new Set(parts)].join(' ');
}
