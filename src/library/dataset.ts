import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Verdict } from '../domain/base/verdict.ts';
import { isHex256 } from '../domain/digest/hex.ts';
import type { Records } from '../domain/ports/records.ts';
import type { Derivation } from '../domain/records/derivation.ts';
import { formatProof, type Proven } from '../domain/records/proof.ts';
import type { DataDiff } from '../flows/data/diff.ts';
import type { IndexOutcome } from '../flows/data/index-dataset.ts';
import type { DataPorts, Declared } from '../flows/data/locate.ts';
import type { ProveInput } from '../flows/data/prove.ts';
import { callPorts, signalOf, type CallOptions } from './ports.ts';

export interface DatasetOptions extends CallOptions {
  /** Folder of caches: indexes are kept in `weighmark/records` below it. The command's is `$XDG_CACHE_HOME`, else `~/.cache`. */
  readonly cache: string;
}

export interface IndexOptions extends CallOptions {
  /** As of the other calls; absent: roots alone, no index, and nothing can be proven or compared later. */
  readonly cache?: string;
  /** How records are read; what is not said follows from file names, never from content. */
  readonly reading?: Declared;
  /** 32 bytes under which records are hashed. */
  readonly secret?: Uint8Array;
}

/**
 * Reads a dataset once: roots over its records, written beside it, and an index for proofs and comparison. `records` and
 * `distinct` of the roots are counts, `ordered` and `set` BLAKE3 in lower-case hex.
 * @throws WeighmarkError `usage` if the format is not plain, `key-unusable` for a secret of another size, `record-invalid`,
 * `records-unsupported`, `file-changed`, `disk-full`, `interrupted`.
 */
export async function indexDataset(path: string, options: IndexOptions = {}): Promise<IndexOutcome> {
  const { indexDataset: flow } = await import('../flows/data/index-dataset.ts');
  const { cache, reading = {}, secret } = options;
  const input = { root: resolve(path), declared: reading, secret: secretOf(secret), keep: cache !== undefined };
  return flow(input, await dataPorts(options));
}

export interface DatasetDiffOptions extends DatasetOptions {
  /** Columns that tell records apart: the others are compared cell by cell. */
  readonly key?: readonly string[];
  /** A column whose values are counted. */
  readonly label?: string;
  /** Tell the records themselves, which may speak of people. */
  readonly show?: boolean;
}

export interface DatasetDiff extends DataDiff {
  /** Datasets that nobody saw indexed where they lie: what is told is of what was indexed. */
  readonly unseen: readonly string[];
}

/**
 * What changed from one indexed dataset to another, record by record. Exact; positions are counted from 0.
 * @throws WeighmarkError `not-found` without an index, `file-changed`, `usage` for a column that is not there.
 */
export async function diffDatasets(a: string, b: string, options: DatasetDiffOptions): Promise<DatasetDiff> {
  const { diffDatasets: flow } = await import('../flows/data/diff.ts');
  const { key = [], label = null, show = false } = options;
  return flow({ a: resolve(a), b: resolve(b), key, label, show }, await dataPorts(options));
}

/** What is to be proven: a record as JSON or by its hash (`blake3:…`), the one at a position from 0, or that an earlier version is the beginning. */
export type RecordsAsked = { readonly record: string } | { readonly position: number } | { readonly extends: string };

export interface ProvenRecords {
  /** The proof as a file holds it: what `checkProof` reads. */
  readonly proof: string;
  /** What it shows; `absent` is an answer too. */
  readonly proven: Proven;
  /** Whether the files are known to be those that were indexed. */
  readonly seen: boolean;
}

/**
 * A proof about an indexed dataset that is checked without it. @param asked an `extends` names roots, or a dataset that has them.
 * @throws WeighmarkError `not-found` without an index, `file-changed`, `usage` for a record without its secret.
 */
export async function proveRecords(
  path: string,
  asked: RecordsAsked,
  options: DatasetOptions & { readonly secret?: Uint8Array },
): Promise<ProvenRecords> {
  const { prove } = await import('../flows/data/prove.ts');
  const ports = await dataPorts(options);
  const input = { root: resolve(path), secret: secretOf(options.secret), asked: await askedOf(asked) };
  const { proof, proven, seen } = await prove(input, ports);
  return { proof: formatProof(proof), proven, seen };
}

async function askedOf(asked: RecordsAsked): Promise<ProveInput['asked']> {
  if ('extends' in asked) {
    const { rootsAt } = await import('../flows/data/locate.ts');
    return { by: 'extension', before: await rootsAt(resolve(asked.extends), createFiles()) };
  }
  if ('record' in asked) {
    const hash = asked.record.replace(/^blake3:/, '');
    return isHex256(hash) ? { by: 'hash', hash: Buffer.from(hash, 'hex') } : { by: 'text', text: asked.record };
  }
  if (Number.isSafeInteger(asked.position) && asked.position >= 0) return { by: 'position', position: asked.position };
  throw new WeighmarkError('usage', `${asked.position} is no position: they are whole numbers from 0`);
}

/**
 * Checks a proof file against roots that the caller trusts: a file of them, or a dataset beside which they stand.
 * @param of.record JSON of the record it is to speak of. @param of.extends roots of the version an extension is to begin with.
 * @throws WeighmarkError `proof-invalid` unless it holds, `usage` for an extension without `of.extends`, `not-found`, `file-changed`.
 */
export async function checkProof(
  proof: string,
  roots: string,
  of: { readonly record?: string; readonly extends?: string } = {},
): Promise<{ readonly proven: Proven; readonly seen: boolean }> {
  const { checkProofFile } = await import('../flows/data/check-proof.ts');
  const before = of.extends === undefined ? null : resolve(of.extends);
  const input = { proof: resolve(proof), roots: resolve(roots), record: of.record ?? null, before };
  return checkProofFile(input, { files: createFiles(), records: await recordsOf({}) });
}

/**
 * Are datasets what a step makes of others, recomputed from the indexes of both? The answer is in the verdict.
 * @throws WeighmarkError `not-found` without an index, `file-changed`, `usage` with nothing that went in or came out.
 */
export async function checkDerivation(
  step: Derivation,
  datasets: { readonly from: readonly string[]; readonly to: readonly string[] },
  options: DatasetOptions,
): Promise<Verdict> {
  const { verifyDerivation } = await import('../flows/data/check-derivation.ts');
  const { from, to } = datasets;
  if (from.length === 0 || to.length === 0)
    throw new WeighmarkError('usage', 'a step is checked of what came out against what went in');
  const at = (path: string): string => resolve(path);
  return verifyDerivation(
    { step, before: from.map(at), after: to.map(at), shown: to.join(' ') },
    await dataPorts(options),
  );
}

/** Do two indexed datasets share no record, such as training and test data? @throws WeighmarkError `not-found`, `file-changed`. */
export async function checkDisjoint(a: string, b: string, options: DatasetOptions): Promise<Verdict> {
  const { verifyDisjoint } = await import('../flows/data/check-derivation.ts');
  return verifyDisjoint([resolve(a), resolve(b)], a, await dataPorts(options));
}

/** Is no record on a list in the dataset? @param list a file of record hashes. @throws WeighmarkError `not-found`, `file-changed`. */
export async function checkRemoved(path: string, list: string, options: DatasetOptions): Promise<Verdict> {
  const { verifyRemoved } = await import('../flows/data/check-derivation.ts');
  return verifyRemoved(resolve(path), resolve(list), path, await dataPorts(options));
}

const SECRET_BYTES = 32;

function secretOf(secret: Uint8Array | undefined): Uint8Array | null {
  if (secret === undefined) return null;
  if (secret.length === SECRET_BYTES) return secret;
  throw new WeighmarkError('key-unusable', `a secret is ${SECRET_BYTES} bytes, not ${secret.length}`);
}

async function dataPorts(options: CallOptions & { readonly cache?: string }): Promise<DataPorts> {
  const { files, progress } = callPorts(options);
  const jobs = options.jobs === undefined ? {} : { jobs: options.jobs };
  return { files, progress, signal: signalOf(options), ...jobs, records: await recordsOf(options) };
}

/** Without a cache one that is not there: nothing of the user's own is read or written. */
async function recordsOf({ cache }: { readonly cache?: string }): Promise<Records> {
  const { createRecords } = await import('../adapters/records/index.ts');
  const folder = cache === undefined ? join(tmpdir(), `weighmark-no-cache-${randomUUID()}`) : resolve(cache);
  return createRecords({ env: { XDG_CACHE_HOME: folder } });
}
