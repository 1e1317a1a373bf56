import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';
import { findRecord } from '../../domain/report/record.ts';
import type { BulkHasher } from '../../domain/records/blake3.ts';
import { findInSource } from '../../domain/records/find.ts';
import { findInSamples, isWantedFile } from '../../domain/records/find-file.ts';
import { formatOfName } from '../../domain/records/reading.ts';
import type { Source } from '../../domain/base/source.ts';
import { impactOf, type ImpactInput, type ImpactOutcome, type ImpactPorts } from './impact.ts';
import { filesOf } from '../registry/registry-show.ts';

export interface RecordImpactInput extends Omit<ImpactInput, 'digest'> {
  readonly name: string;
  /** `sha256:<hex>` of the version that was asked about. */
  readonly id: string;
  /** SHA-256 of the record as a line of its file, or as a file, lower-case hex. */
  readonly record: string;
  /** Its hash as a record, whatever its bytes (docs/datasets.md); null where only the line is known. */
  readonly logical: Uint8Array | null;
}

/** A version of the dataset that holds the record. */
export interface RecordHolder {
  readonly id: string;
  readonly tags: readonly string[];
  readonly places: readonly { readonly path: string; readonly lines: readonly number[]; readonly count: number }[];
}

export interface RecordImpact extends ImpactOutcome {
  readonly record: {
    readonly sha256: string;
    readonly holders: readonly RecordHolder[];
    /** Files that could hold it all the same. */
    readonly unexamined: readonly { readonly id: string; readonly path: string; readonly why: string }[];
  };
}

/**
 * Which versions of a dataset hold one record, and what was made from those: "this row must go: what learnt from it?". Each
 * version of the name is read; of what was made from a version that holds it, all counts as affected, however it was filtered.
 */
export async function impactOfRecord(
  { name, id, record, logical, ...input }: RecordImpactInput,
  registry: Registry,
  ports: ImpactPorts & { readonly hasher: BulkHasher },
): Promise<RecordImpact> {
  const listed = (await registry.list()).filter((entry) => entry.name === name);
  const versions: readonly RegistryEntry[] = listed.some((entry) => entry.id === id)
    ? listed
    : [...listed, { name, id, tags: [] }];
  const looked = [];
  for (const version of versions)
    looked.push(await lookInto(version, { record, logical, hasher: ports.hasher }, registry));
  const holders = looked.flatMap(({ holder }) => (holder.places.length === 0 ? [] : [holder]));
  const outcome = await impactOf(
    { ...input, digests: holders.map((holder) => holder.id.slice('sha256:'.length)) },
    registry,
    ports,
  );
  return {
    ...outcome,
    id,
    record: { sha256: record, holders, unexamined: looked.flatMap(({ unexamined }) => unexamined) },
  };
}

interface Wanted {
  readonly record: string;
  readonly logical: Uint8Array | null;
  readonly hasher: BulkHasher;
}

/** Files of records by what their records are, images and sounds as records themselves; others, and what does not read as records, by their lines. */
async function lookAt(blob: Source, path: string, { record, logical, hasher }: Wanted) {
  const format = formatOfName(path);
  if (logical !== null && format === 'jsonl') {
    const found = await findInSource(blob, { format, profile: 'typed' }, { record: logical, hasher });
    if (found !== null) return found;
  }
  if (format !== 'media' && format !== 'webdataset') return findRecord(blob, record);
  const wanted = { sha256: record, logical, hasher };
  const found = format === 'media' ? await isWantedFile(blob, path, wanted) : await findInSamples(blob, wanted);
  return { lines: [], ...found };
}

interface Looked {
  readonly holder: RecordHolder;
  readonly unexamined: RecordImpact['record']['unexamined'];
}

/** A version that cannot be read could hold it: said, and no reason to leave out the others. */
async function lookInto({ name, id, tags }: RegistryEntry, wanted: Wanted, registry: Registry): Promise<Looked> {
  const places: RecordHolder['places'][number][] = [];
  const unexamined: RecordImpact['record']['unexamined'][number][] = [];
  try {
    for (const { path, sha256, sizeBytes } of await filesOf(registry, name, id)) {
      const blob = await registry.openBlob(name, `sha256:${sha256}`, sizeBytes);
      try {
        const found = await lookAt(blob, path, wanted);
        if ('why' in found) unexamined.push({ id, path, why: found.why });
        else if (found.count > 0) places.push({ path, ...found });
      } finally {
        await blob.close();
      }
    }
  } catch (error) {
    if (!(error instanceof WeighmarkError) || error.code === 'interrupted') throw error;
    unexamined.push({ id, path: '', why: error.message });
  }
  return { holder: { id, tags, places }, unexamined };
}
