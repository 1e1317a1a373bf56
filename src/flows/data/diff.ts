import { firstOf } from '../../domain/base/lists.ts';
import { compareIndexes, type Positions } from '../../domain/records/compare.ts';
import { differingFields, fieldsOf, toJson } from '../../domain/records/decode.ts';
import { recordHash } from '../../domain/records/keys.ts';
import { isOfFiles } from '../../domain/records/members.ts';
import { eachRecord } from './each-record.ts';
import { placeOf, withDatasets, type IndexedDataset } from './indexed.ts';
import type { DataPorts } from './locate.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';

export interface DiffInput {
  readonly a: string;
  readonly b: string;
  /** Columns that say which record is which; none: a changed record is one removed and one added. */
  readonly key: readonly string[];
  /** A column whose values are counted. */
  readonly label: string | null;
  /** Whether records themselves are told. */
  readonly show: boolean;
}

export interface ToldRecord {
  readonly position: number;
  readonly path: string;
  readonly record?: unknown;
}

export interface ChangedRecord {
  readonly before: ToldRecord;
  readonly after: ToldRecord;
  readonly cells: readonly { readonly column: string; readonly before?: unknown; readonly after?: unknown }[];
}

export interface DataDiff {
  readonly records: readonly [number, number];
  readonly common: number;
  readonly removed: number;
  readonly added: number;
  readonly changed: number;
  readonly moved: number;
  /** Records beyond the first of their kind, in each. */
  readonly repeated: readonly [number, number];
  readonly sameSchema: boolean;
  /** How much more often a label stands in the second, by its JSON. */
  readonly labels?: Readonly<Record<string, number>>;
  /** How often each label stands in the first and in the second, by its JSON; `null` where there is none. */
  readonly balance?: Readonly<Record<string, readonly [number, number]>>;
  /** The first of each, in order of position. */
  readonly examples: {
    readonly removed: readonly ToldRecord[];
    readonly added: readonly ToldRecord[];
    readonly changed: readonly ChangedRecord[];
  };
  readonly differs: boolean;
}

export interface DiffOutcome extends DataDiff {
  /** Datasets that nobody saw indexed where they lie: what is told is of what was indexed. */
  readonly unseen: readonly string[];
}

const TOLD = 20;

/** What changed from one dataset to another, record by record; by key to the cell. Exact. */
export async function diffDatasets(input: DiffInput, ports: DataPorts): Promise<DiffOutcome> {
  return withDatasets([input.a, input.b], ports, async ([a, b]) => {
    if (a === undefined || b === undefined) throw new WeighmarkError('internal', 'two datasets were asked for');
    requireColumns([...input.key, ...(input.label === null ? [] : [input.label])], [a, b]);
    const { common, removed, added, moved } = compareIndexes(a.index, b.index);
    const needsRecords = input.key.length > 0 || input.label !== null || input.show;
    const gone = await readSide(a, removed, { ports, whole: needsRecords });
    const come = await readSide(b, added, { ports, whole: needsRecords });
    const changed = input.key.length === 0 ? [] : pairByKey(gone, come, input.key);
    const paired = new Set(changed.flatMap(({ before, after }) => [before, after]));
    const left = (side: readonly Read[]): readonly Read[] => side.filter((each) => !paired.has(each));
    const tell = teller(input.show, isOfFiles(a.roots.reading) ? 'hex' : 'base64');
    return {
      records: [a.roots.records, b.roots.records],
      common,
      removed: removed.count - changed.length,
      added: added.count - changed.length,
      changed: changed.length,
      moved,
      repeated: [a.roots.records - a.roots.distinct, b.roots.records - b.roots.distinct],
      sameSchema: JSON.stringify(a.roots.columns) === JSON.stringify(b.roots.columns),
      ...(input.label === null
        ? {}
        : { labels: labelChanges(input.label, gone, come), balance: await balanceOf(input.label, [a, b], ports) }),
      examples: {
        removed: left(gone).slice(0, TOLD).map(tell.record),
        added: left(come).slice(0, TOLD).map(tell.record),
        changed: changed.slice(0, TOLD).map(tell.change),
      },
      unseen: [a, b].flatMap(({ seen, root }) => (seen ? [] : [root])),
      differs: removed.count + added.count + moved > 0,
    };
  });
}

/** A column that neither has would make all records alike. @throws WeighmarkError `usage` naming those there are. */
function requireColumns(asked: readonly string[], datasets: readonly IndexedDataset[]): void {
  const known = datasets.map(({ roots }) => roots.columns);
  if (known.includes(null)) return;
  const names = [...new Set(known.flatMap((columns) => Object.keys(columns ?? {})))];
  const missing = asked.find((column) => !names.includes(column));
  if (missing === undefined) return;
  throw new WeighmarkError('usage', `there is no column ${missing}`, {
    subject: missing,
    hint: `there are: ${firstOf(names, NAMED)}`,
  });
}

const NAMED = 20;

interface Read {
  readonly position: number;
  readonly path: string;
  /** Empty where it was not read again. */
  readonly encoding: Uint8Array;
}

/** @throws WeighmarkError `limit-exceeded` for more than a million records to be read again. */
async function readSide(
  { roots, files, index }: IndexedDataset,
  { count, positions }: Positions,
  { ports, whole }: { readonly ports: DataPorts; readonly whole: boolean },
): Promise<readonly Read[]> {
  if (positions === null && !whole) return [];
  if (positions === null)
    throw new WeighmarkError('limit-exceeded', `${count} records came or went: too many to read again`, {
      hint: 'without --key, --label and --show they are counted',
    });
  const place = (position: number) => ({ position, path: placeOf(roots, position).path });
  if (!whole) return [...positions.subarray(0, TOLD)].map((position) => ({ ...place(position), encoding: NONE }));
  const read: Read[] = [];
  const source = { files, roots, offsetBefore: (position: number) => index.offsetBefore(position) };
  for await (const { position, encoding } of ports.records.read(source, [...positions])) {
    const at = place(position);
    if (roots.hashing === 'open' && !Buffer.from(recordHash(encoding, null)).equals(index.hashAt(position)))
      throw new WeighmarkError('file-changed', `${at.path} no longer holds the records that were indexed`, {
        subject: at.path,
        hint: 'index it again with `weighmark dataset index`',
      });
    read.push({ ...at, encoding });
  }
  return read;
}

const NONE = new Uint8Array(0);

function pairByKey(
  gone: readonly Read[],
  come: readonly Read[],
  key: readonly string[],
): readonly { readonly before: Read; readonly after: Read }[] {
  const byKey = Map.groupBy(gone, (each) => keyOf(each, key));
  return come.flatMap((after) => {
    const before = byKey.get(keyOf(after, key))?.shift();
    return before === undefined ? [] : [{ before, after }];
  });
}

function keyOf({ encoding }: Read, key: readonly string[]): string {
  const fields = fieldsOf(encoding);
  return key.map((name) => Buffer.from(fields.get(name) ?? NONE).toString('hex')).join(' ');
}

function labelChanges(label: string, gone: readonly Read[], come: readonly Read[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  const add = (by: number) => (each: Read) => {
    const text = JSON.stringify(toJson(fieldsOf(each.encoding).get(label)));
    counts.set(text, (counts.get(text) ?? 0) + by);
  };
  gone.forEach(add(-1));
  come.forEach(add(1));
  return Object.fromEntries([...counts].filter(([, count]) => count !== 0).toSorted(([x], [y]) => (x < y ? -1 : 1)));
}

/** Classes that are counted; a column with more of them is no label. */
const MAX_CLASSES = 10_000;

async function balanceOf(
  label: string,
  datasets: readonly [IndexedDataset, IndexedDataset],
  ports: DataPorts,
): Promise<NonNullable<DataDiff['balance']>> {
  const counts = new Map<string, [number, number]>();
  for (const [side, dataset] of datasets.entries())
    for await (const { encoding } of eachRecord(dataset, ports)) {
      const text = JSON.stringify(toJson(fieldsOf(encoding).get(label)));
      const count = counts.get(text) ?? [0, 0];
      count[side === 0 ? 0 : 1] += 1;
      counts.set(text, count);
      if (counts.size > MAX_CLASSES)
        throw new WeighmarkError('limit-exceeded', `${label} has more than ${MAX_CLASSES} different values: no label`);
    }
  return Object.fromEntries([...counts].toSorted(([x], [y]) => (x < y ? -1 : 1)));
}

/** Records are told only where they are asked for: they may speak of people. @param bytes digests are told in hex */
function teller(show: boolean, bytes: 'base64' | 'hex') {
  const record = ({ position, path, encoding }: Read): ToldRecord => ({
    position,
    path,
    ...(show ? { record: toJson(encoding, bytes) } : {}),
  });
  const change = ({ before, after }: { readonly before: Read; readonly after: Read }): ChangedRecord => {
    const [old, current] = [fieldsOf(before.encoding), fieldsOf(after.encoding)];
    return {
      before: record(before),
      after: record(after),
      cells: differingFields(before.encoding, after.encoding).map((column) => ({
        column,
        ...(show ? { before: toJson(old.get(column), bytes), after: toJson(current.get(column), bytes) } : {}),
      })),
    };
  };
  return { record, change };
}
