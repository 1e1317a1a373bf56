import { parseBundle } from '../domain/claims/bundle.ts';
import { signsFiles } from '../domain/claims/oms-match.ts';
import { parseOms } from '../domain/claims/oms.ts';
import { mergeClaims } from '../domain/claims/claims-file.ts';
import { parseStatement } from '../domain/claims/statement.ts';
import { formatDigestList, parseDigestList } from '../domain/digest/list.ts';
import type { ManifestFile } from '../domain/digest/manifest.ts';
import { WeighmarkError } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Files, Progress, Registry, Staging, Stagings } from '../domain/ports.ts';
import type { Place } from '../domain/registry/reference.ts';
import { ATTACHMENTS, isOmsSignature } from '../domain/registry/referrer.ts';
import { globMatches } from '../domain/trust/glob.ts';
import { collidingPaths, portabilityProblem, sidecarsOf } from '../domain/tree.ts';
import type { Verdict } from '../domain/verdict.ts';
import { inParallel } from './parallel.ts';
import { filesOf } from './registry-show.ts';

export interface PullInput {
  readonly place: Pick<Place, 'name' | 'reference'>;
  /** Absolute path of the folder to make. */
  readonly target: string;
  /** Only files that match; they replace their namesakes in a folder that is there. */
  readonly only?: string;
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
  const { name } = input.place;
  const id = await registry.resolve(name, input.place.reference);
  const files = await filesOf(registry, name, id);
  requireWritable(files);
  const wanted = wantedFiles(files, input.only);
  const staging = await ports.stagings.open(input.target, id.slice(7, 19));
  await fetchFiles(registry, { name, wanted, staging, progress: ports.progress });
  const claims = await stageSidecars(registry, { name, id, files, staging });
  const verdict = (await input.gate?.({ root: staging.root, name, id })) ?? null;
  if (verdict !== null && verdict.exitCode !== 0) await staging.discard();
  else await publish(input, { staging, wanted, files: ports.files });
  return { name, id, target: input.target, scope: wanted.length === files.length ? 'whole' : 'partial', files: wanted, claims, verdict };
}

/** Names that could leave the folder, or fall together on some file system (DESIGN 8.5). */
export function requireWritable(files: readonly { readonly path: string }[]): void {
  for (const { path } of files) {
    const problem = portabilityProblem(path);
    if (problem !== null) throw new WeighmarkError('name-unsafe', `the artifact holds a file that cannot be written: ${problem}`, { subject: path });
  }
  const [collision] = collidingPaths(files.map(({ path }) => path));
  if (collision !== undefined) throw new WeighmarkError('name-unsafe', 'two files of the artifact have names that some file systems take for one', { facts: { one: collision[0], other: collision[1] } });
}

function wantedFiles(files: readonly ManifestFile[], only: string | undefined): readonly ManifestFile[] {
  if (only === undefined) return files;
  const wanted = files.filter(({ path }) => globMatches(only, path));
  if (wanted.length > 0) return wanted;
  throw new WeighmarkError('not-found', `no file of the artifact matches \`${only}\``, { subject: only });
}

interface Fetching {
  readonly name: string;
  readonly wanted: readonly ManifestFile[];
  readonly staging: Staging;
  readonly progress: Progress;
}

async function fetchFiles(registry: Registry, { name, wanted, staging, progress }: Fetching): Promise<void> {
  const bar = progress.start('pulling', wanted.reduce((sum, file) => sum + file.sizeBytes, 0));
  try {
    await inParallel([...Map.groupBy(wanted, (file) => file.sha256).values()], PARALLEL_LAYERS, async (namesakes) => {
      for (const { path, sha256, sizeBytes } of namesakes) {
        const digest = `sha256:${sha256}`;
        await registry.getFile(name, digest, { location: staging.partOf(digest), sizeBytes });
        await staging.settle(digest, path);
        bar.advance(sizeBytes);
      }
    });
  } finally {
    bar.end();
  }
}

interface Staged {
  readonly name: string;
  readonly id: string;
  readonly files: readonly ManifestFile[];
  readonly staging: Staging;
}

/** Restores the sidecars beside the content. Returns how many claims there are. */
async function stageSidecars(registry: Registry, { name, id, files, staging }: Staged): Promise<number> {
  const bundles = await registry.claims(name, id);
  const signatures = bundles.filter(isOmsSignature);
  const signature = signatures.find((bundle) => signsFiles(bundle, files)) ?? signatures[0];
  const claims = bundles.filter((bundle) => bundle !== signature && bundle.length <= LIMITS.claimBytes);
  const [only] = files;
  const single = files.length === 1 && only !== undefined && signatures.some(namesOnlyFile) ? only.path : null;
  const places = single === null ? sidecarsOf({ root: '', kind: 'directory' }) : sidecarsOf({ root: `/${single}`, kind: 'file' });
  const at = (place: string) => place.replace(/^\//, '');
  if (signature !== undefined) await staging.write(at(places.signature), signature);
  if (claims.length > 0) await staging.write(at(places.claims), mergeClaims(null, claims));
  await stageDigestList(registry, { name, id, files, staging }, at(places.digestList));
  const [bom] = await registry.attachments(name, id, ATTACHMENTS.bom);
  if (bom !== undefined) await staging.write(at(places.bom), bom);
  return bundles.length;
}

/** A list that is not this artifact's is left out: it would only mislead. */
async function stageDigestList(registry: Registry, { name, id, files, staging }: Staged, path: string): Promise<void> {
  const lists = await registry.attachments(name, id, ATTACHMENTS.digestList);
  const right = lists.find((list) => isListOf(list, files));
  if (right !== undefined) await staging.write(path, right);
}

function isListOf(list: Uint8Array, files: readonly ManifestFile[]): boolean {
  try {
    const listed = parseDigestList(Buffer.from(list).toString());
    const expected = formatDigestList(files.map((file) => ({ ...file, blake3: listed.find(({ path }) => path === file.path)?.blake3 ?? '' })));
    return expected === Buffer.from(list).toString();
  } catch {
    return false;
  }
}

/** OMS names a single signed file `.`, so its sidecars stand beside it. */
function namesOnlyFile(signature: Uint8Array): boolean {
  try {
    return parseOms(parseStatement(parseBundle(signature, LIMITS.signatureBytes).payload, LIMITS.filesPerTree)).resources[0]?.path === '.';
  } catch {
    return false;
  }
}

/** A new folder at once; with `only`, into the folder that is there. */
async function publish(input: PullInput, { staging, wanted, files }: { staging: Staging; wanted: readonly ManifestFile[]; files: Files }): Promise<void> {
  const isThere = input.only !== undefined && (await files.kindOf(input.target)) === 'directory';
  await (isThere ? staging.publishInto(wanted.map(({ path }) => path)) : staging.publish());
}
