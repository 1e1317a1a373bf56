import { basename } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Verdict } from '../../domain/base/verdict.ts';
import {
  buildCroissant,
  checkCroissant,
  CROISSANT_BYTES,
  formatCroissant,
  type CroissantVersion,
  type Described,
  type DescribedFile,
} from '../../domain/metadata/croissant.ts';
import { checkDatasetInfo, isDatasetInfo, statedInfo } from '../../domain/metadata/dataset-info.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { hashTree, type HashTreePorts } from '../content/hash-tree.ts';
import { confirmRoots, type ConfirmPorts } from './confirm.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { EncodedReader } from '../../domain/records/decode.ts';
import { featureOf, joinFeatures, type Feature } from '../../domain/metadata/hub-features.ts';
import { splitsOf, type HubInfo } from '../../domain/metadata/hub-card.ts';
import type { Format } from '../../domain/records/reading.ts';
import type { Records } from '../../domain/ports/records.ts';
import { eachRecord } from './each-record.ts';
import { recordFiles } from './locate.ts';
import { parseRoots, type Roots } from '../../domain/records/roots.ts';

export type DescribePorts = HashTreePorts & ConfirmPorts;

/** Files that one description names, at most. */
const MAX_FILES = 100_000;

async function filesOf(root: string, ports: DescribePorts) {
  const tree = await ports.files.walk(root, { allowSymlinks: true });
  if (tree.entries.length > MAX_FILES)
    throw new WeighmarkError('limit-exceeded', `more than ${MAX_FILES} files to describe one by one`, {
      subject: root,
    });
  const hashed = await hashTree(tree.entries, { label: 'hashing', algorithms: ['sha256'] }, ports);
  const files = hashed.map(({ entry, digests }): DescribedFile => ({
    path: entry.path,
    sizeBytes: entry.sizeBytes,
    sha256: digests.sha256 ?? '',
  }));
  return { tree, files };
}

/**
 * A Croissant description of a dataset: digests of files read now, and the columns of its records where it was indexed.
 * @throws WeighmarkError `digest-mismatch` where the roots beside it are those of another state.
 */
export async function describeDataset(
  {
    root,
    version,
    described,
    secret,
  }: {
    readonly root: string;
    readonly version: CroissantVersion;
    readonly described: Described;
    readonly secret: Uint8Array | null;
  },
  ports: DescribePorts,
): Promise<string> {
  const { tree, files } = await filesOf(root, ports);
  const isIndexed = (await ports.files.kindOf(sidecarsOf(tree).records)) === 'file';
  const roots: Roots | null = isIndexed ? parseRoots(await confirmRoots(tree, secret, ports)) : null;
  return formatCroissant(buildCroissant({ version, described, files, roots }));
}

/** Formats that do not say the types of their columns themselves. */
const UNTYPED: readonly Format[] = ['jsonl', 'csv', 'tsv', 'text'];

export interface HubInput {
  readonly root: string;
  readonly described: Described;
  readonly secret: Uint8Array | null;
}

/**
 * What `datasets` is to be told of a dataset that was indexed: how many records each split has, and the type of each column where
 * files do not say it. @throws WeighmarkError `not-found` without roots, `digest-mismatch` where they are those of another state.
 */
export async function hubInfo(
  { root, described, secret }: HubInput,
  ports: DescribePorts,
): Promise<{ readonly info: HubInfo; readonly leftOut: string | null }> {
  const tree = await ports.files.walk(root, { allowSymlinks: true });
  const roots = parseRoots(await confirmRoots(tree, secret, ports));
  const files = recordFiles(tree, roots.reading.format);
  const read = UNTYPED.includes(roots.reading.format)
    ? await featuresOf({ roots, files }, await ports.records())
    : { features: null, leftOut: null };
  const parts = roots.parts.map((part, at) => ({ ...part, bytes: files[at]?.sizeBytes ?? 0 }));
  const info = { described, features: read.features, splits: splitsOf(parts) };
  return { info, leftOut: read.leftOut };
}

async function featuresOf(dataset: Parameters<typeof eachRecord>[0], records: Records) {
  let all: Feature = { fields: new Map(Object.keys(dataset.roots.columns ?? {}).map((name) => [name, NOTHING])) };
  for await (const { encoding } of eachRecord(dataset, { records })) {
    all = joinFeatures(all, featureOf(new EncodedReader(encoding)));
    if ('why' in all) return { features: null, leftOut: all.why };
  }
  return { features: 'fields' in all ? all.fields : null, leftOut: null };
}

const NOTHING: Feature = { dtype: 'null' };

export interface CheckInput {
  readonly root: string;
  readonly description: string;
  readonly secret: Uint8Array | null;
  readonly shown: string;
}

/**
 * Whether a dataset's files are those that a Croissant description names by digest; or its records as many, in the columns, that
 * a card or `dataset_info.json` states.
 */
export async function checkDescription(
  { root, description, secret, shown }: CheckInput,
  ports: DescribePorts,
): Promise<Verdict> {
  if (isDatasetInfo(description)) {
    const stated = statedInfo(await ports.files.read(description, LIMITS.documentBytes), basename(description));
    const tree = await ports.files.walk(root, { allowSymlinks: true });
    return checkDatasetInfo(stated, parseRoots(await confirmRoots(tree, secret, ports)), shown);
  }
  const bytes = await ports.files.read(description, CROISSANT_BYTES);
  const { files } = await filesOf(root, ports);
  const inside = description.startsWith(`${root}/`) ? description.slice(root.length + 1) : null;
  return checkCroissant(
    bytes,
    files.filter(({ path }) => path !== inside),
    shown,
  );
}
