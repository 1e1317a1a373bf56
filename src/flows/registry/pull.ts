import { parseBundle } from '../../domain/claims/bundle.ts';
import { signsFiles } from '../../domain/claims/oms-match.ts';
import { parseOms } from '../../domain/claims/oms.ts';
import { mergeClaims } from '../../domain/claims/claims-file.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import { readDigestList, type ListedFile } from '../../domain/digest/list.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import { outboardPlace } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files, Staging, Stagings } from '../../domain/ports/files.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { StoredOutboard } from '../../domain/registry/outboards.ts';
import type { Place } from '../../domain/registry/reference.ts';
import { BOUND_LISTS, boundList } from '../../domain/registry/lists.ts';
import { ATTACHMENTS, isOmsSignature } from '../../domain/registry/referrer.ts';
import { globMatches } from '../../domain/base/glob.ts';
import { compareUtf8, sidecarsOf, unportable } from '../../domain/base/paths.ts';
import type { Verdict } from '../../domain/base/verdict.ts';
import { fetchOutboard, findOutboards } from '../content/outboards.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import { filesOf } from './registry-show.ts';
import { copySigned, type SignedPairs } from './signed-copy.ts';

export interface PullInput {
  readonly place: Pick<Place, 'name' | 'reference'>;
  /** Absolute path of the folder to make. */
  readonly target: string;
  /** Only files that match; they replace their namesakes in a folder that is there. */
  readonly only?: string;
  /** What somebody trusted signed: files that lie on this machine are held to that, by the digest that is cheap. */
  readonly signed?: SignedPairs;
  /** Judges the staged artifact; unless it passes, nothing is left. */
  readonly gate?: (staged: { readonly root: string; readonly name: string; readonly id: string }) => Promise<Verdict>;
}

export interface PullOutcome {
  readonly name: string;
  readonly id: string;
  readonly target: string;
  readonly scope: 'whole' | 'partial';
  readonly files: readonly ManifestFile[];
  readonly claims: number;
  /** Null if no gate was asked. */
  readonly verdict: Verdict | null;
}

export interface PullPorts {
  readonly files: Files;
  readonly stagings: Stagings;
  readonly progress: Progress;
}

const PARALLEL_LAYERS = 4;

/**
 * Brings an artifact out of a registry. Every byte is hashed as it is written, out of sight; only a whole, right artifact
 * gets its name, its files read-only (security rules 20, 21). An interrupted pull is continued by the next.
 * @throws WeighmarkError `digest-mismatch`, `name-unsafe`, `already-exists`, `not-found`, `network`, `disk-full`.
 */
export async function pull(input: PullInput, ports: PullPorts, registry: Registry): Promise<PullOutcome> {
  await requireFree(input, ports.files);
  const { name } = input.place;
  const id = await registry.resolve(name, input.place.reference);
  const files = await filesOf(registry, name, id);
  requireWritable(files);
  const wanted = wantedFiles(files, input.only);
  const staging = await ports.stagings.open(input.target, id.slice(7, 19));
  try {
    const list = await digestListOf(registry, { name, id, files });
    const outboards = await outboardsBySha256(registry, { name, id, wanted, list });
    const along = await fetchFiles(registry, { name, wanted, outboards, staging, signed: input.signed, ports });
    const claims = await stageSidecars(registry, { name, id, files, staging, list, along });
    const verdict = (await input.gate?.({ root: staging.root, name, id })) ?? null;
    if (verdict !== null && verdict.exitCode !== 0) await staging.discard();
    else await publish(input, { staging, wanted, files: ports.files }).catch((error) => letGo(error, staging));
    const scope = wanted.length === files.length ? 'whole' : 'partial';
    return { name, id, target: input.target, scope, files: wanted, claims, verdict };
  } finally {
    staging.release();
  }
}

/** Names that could leave the folder, or fall together on some file system (DESIGN 8.5). */
export function requireWritable(files: readonly { readonly path: string }[]): void {
  const problem = unportable(files.map(({ path }) => path));
  if (problem !== null) throw problem;
}

function wantedFiles(files: readonly ManifestFile[], only: string | undefined): readonly ManifestFile[] {
  if (only === undefined) return files;
  const wanted = files.filter(({ path }) => globMatches(only, path));
  if (wanted.length > 0) return wanted;
  throw new WeighmarkError('not-found', `no file of the artifact matches \`${only}\``, { subject: only });
}

/** A list that is not this artifact's is left out: it would only mislead. */
async function digestListOf(
  registry: Registry,
  { name, id, files }: { name: string; id: string; files: readonly ManifestFile[] },
): Promise<DigestList | null> {
  const lists = await registry.attachments(name, id, ATTACHMENTS.digestList);
  for (const bytes of lists) {
    const listed = listOf(bytes, files);
    if (listed !== null) return { bytes, files: listed };
  }
  return null;
}

interface DigestList {
  readonly bytes: Uint8Array;
  readonly files: readonly ListedFile[];
}

function listOf(list: Uint8Array, files: readonly ManifestFile[]): readonly ListedFile[] | null {
  try {
    const sorted = files.toSorted((a, b) => compareUtf8(a.path, b.path));
    const listed = readDigestList(list, sorted);
    const isSame = (file: ManifestFile, at: number) =>
      listed[at]?.path === file.path && listed[at].sha256 === file.sha256 && listed[at].sizeBytes === file.sizeBytes;
    return listed.length === files.length && sorted.every(isSame) ? listed : null;
  } catch {
    return null;
  }
}

async function outboardsBySha256(
  registry: Registry,
  { name, id, wanted, list }: { name: string; id: string; wanted: readonly ManifestFile[]; list: DigestList | null },
): Promise<ReadonlyMap<string, StoredOutboard>> {
  const paths = new Set(wanted.map(({ path }) => path));
  const listed = (list?.files ?? []).filter(({ path }) => paths.has(path));
  const found = await findOutboards(registry, { name, id }, listed);
  return new Map(
    listed.flatMap(({ sha256, blake3 }) => {
      const outboard = found.get(blake3);
      return outboard === undefined ? [] : [[sha256, outboard] as const];
    }),
  );
}

interface Fetching {
  readonly name: string;
  readonly wanted: readonly ManifestFile[];
  /** By the files' SHA-256. */
  readonly outboards: ReadonlyMap<string, StoredOutboard>;
  readonly staging: Staging;
  readonly signed: SignedPairs | undefined;
  readonly ports: PullPorts;
}

/** Returns the outboards that came along, by path. */
async function fetchFiles(
  registry: Registry,
  { name, wanted, outboards, staging, signed, ports }: Fetching,
): Promise<ReadonlyMap<string, StoredOutboard>> {
  const along = new Map<string, StoredOutboard>();
  const bar = ports.progress.start(
    'pulling',
    wanted.reduce((sum, file) => sum + file.sizeBytes, 0),
  );
  try {
    const small = registry.getFiles === undefined ? [] : wanted.filter((file) => isSmall(file, outboards));
    await fetchSmall(registry, { name, small, staging });
    bar.advance(small.reduce((sum, file) => sum + file.sizeBytes, 0));
    const single = new Set(small.length === 0 ? wanted : wanted.filter((file) => !isSmall(file, outboards)));
    await inParallel([...Map.groupBy(single, (file) => file.sha256).values()], PARALLEL_LAYERS, async (namesakes) => {
      for (const { path, sha256, sizeBytes } of namesakes) {
        const digest = `sha256:${sha256}`;
        const stored = outboards.get(sha256);
        const outboard = await fetchOutboard(registry, name, { outboard: stored, staging });
        const location = staging.partOf(digest);
        const here = { blob: registry.blobFile?.(name, digest), location, sizeBytes, sha256 };
        const isCopied = signed !== undefined && (await copySigned(here, signed, ports.files));
        if (!isCopied)
          await registry
            .getFile(name, digest, { location, sizeBytes, ...(outboard === undefined ? {} : { outboard }) })
            .catch((error: unknown) => Promise.reject(inFile(error, path)));
        await staging.settle(digest, path);
        if (outboard !== undefined && stored !== undefined) along.set(path, stored);
        bar.advance(sizeBytes);
      }
    });
  } finally {
    bar.end();
  }
  return along;
}

function isSmall({ sizeBytes, sha256 }: ManifestFile, outboards: ReadonlyMap<string, StoredOutboard>): boolean {
  return sizeBytes <= LIMITS.smallFileBytes && !outboards.has(sha256);
}

/** Many at a time; namesakes have parts of their own. */
async function fetchSmall(
  registry: Registry,
  { name, small, staging }: { name: string; small: readonly ManifestFile[]; staging: Staging },
): Promise<void> {
  const seen = new Map<string, number>();
  const parts = small.map(({ path, sha256, sizeBytes }) => {
    const nth = seen.get(sha256) ?? 0;
    seen.set(sha256, nth + 1);
    const digest = `sha256:${sha256}`;
    return { path, digest, sizeBytes, part: nth === 0 ? digest : `${digest}.${nth}` };
  });
  const stored = parts.map(({ digest, sizeBytes, part }) => ({ digest, sizeBytes, location: staging.partOf(part) }));
  await registry.getFiles?.(name, stored).catch((error: unknown) => {
    const named = error instanceof WeighmarkError ? error.facts['named'] : undefined;
    throw inFile(error, parts.find(({ digest }) => digest === named)?.path ?? name);
  });
  await staging.settleAll(parts.map(({ part, path }) => ({ digest: part, path })));
}

/** Which file of the artifact it was. */
function inFile(error: unknown, path: string): unknown {
  if (!(error instanceof WeighmarkError) || error.code !== 'digest-mismatch') return error;
  const { code, message, facts, hint, subject, cause } = error;
  return new WeighmarkError(code, `${path}: ${message}`, {
    subject: path,
    facts: { ...facts, ...(subject === undefined ? {} : { blob: subject }) },
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

interface Staged {
  readonly name: string;
  readonly id: string;
  readonly files: readonly ManifestFile[];
  readonly staging: Staging;
  readonly list: DigestList | null;
  /** Outboards that came along, by path. */
  readonly along: ReadonlyMap<string, StoredOutboard>;
}

/** Restores the sidecars beside the content. Returns how many claims there are. */
async function stageSidecars(registry: Registry, { name, id, files, staging, list, along }: Staged): Promise<number> {
  const bundles = await registry.claims(name, id);
  const signatures = bundles.filter(isOmsSignature);
  const signature = signatures.find((bundle) => signsFiles(bundle, files)) ?? signatures[0];
  const claims = bundles.filter((bundle) => bundle !== signature && bundle.length <= LIMITS.claimBytes);
  const [only] = files;
  const single = files.length === 1 && only !== undefined && signatures.some(namesOnlyFile) ? only.path : null;
  const places =
    single === null ? sidecarsOf({ root: '', kind: 'directory' }) : sidecarsOf({ root: `/${single}`, kind: 'file' });
  const at = (place: string) => place.replace(/^\//, '');
  if (signature !== undefined) await staging.write(at(places.signature), signature);
  if (claims.length > 0) await staging.write(at(places.claims), mergeClaims(null, claims));
  if (list !== null) await staging.write(at(places.digestList), list.bytes);
  for (const [digest, [path = '']] of Map.groupBy(along.keys(), (each) => along.get(each)?.digest ?? ''))
    await staging.settle(digest, at(outboardPlace(places.folder, path)));
  const [bom] = await registry.attachments(name, id, ATTACHMENTS.bom);
  if (bom !== undefined) await staging.write(at(places.bom), bom);
  for (const [list, artifactType] of BOUND_LISTS) {
    const bytes = boundList(await registry.attachments(name, id, artifactType), bundles);
    if (bytes !== null) await staging.write(at(places[list]), bytes);
  }
  return bundles.length;
}

/** OMS names a single signed file `.`, so its sidecars stand beside it. */
function namesOnlyFile(signature: Uint8Array): boolean {
  try {
    return (
      parseOms(parseStatement(parseBundle(signature, LIMITS.signatureBytes).payload, LIMITS.filesPerTree)).resources[0]
        ?.path === '.'
    );
  } catch {
    return false;
  }
}

/** What took the place meanwhile stays there: a repeat would be refused too, so nothing is kept for one. */
async function letGo(error: unknown, staging: Staging): Promise<never> {
  if (error instanceof WeighmarkError && error.code === 'already-exists') await staging.discard();
  throw error;
}

/** Before anything is fetched: what would be refused at the end is refused now. */
async function requireFree({ target, only }: PullInput, files: Files): Promise<void> {
  const kind = await files.kindOf(target);
  if (kind === 'none' || (kind === 'directory' && only !== undefined)) return;
  if (kind === 'directory' && (await files.names(target)).length === 0) return;
  const why = kind === 'directory' ? 'is not empty' : 'is there already';
  throw new WeighmarkError('already-exists', `${target} ${why}`, { subject: target });
}

/** A new folder at once; with `only`, into the folder that is there. */
async function publish(
  input: PullInput,
  { staging, wanted, files }: { staging: Staging; wanted: readonly ManifestFile[]; files: Files },
): Promise<void> {
  const isThere = input.only !== undefined && (await files.kindOf(input.target)) === 'directory';
  await (isThere ? staging.publishInto(wanted.map(({ path }) => path)) : staging.publish());
}
