import { artifactIn } from './known.ts';
import { INDEX_TYPE, MANIFEST_TYPE, parseIndex } from '../../domain/digest/manifest.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { LogEntry, LogLeaf } from '../../domain/tlog/leaf.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';
import type { Stagings } from '../../domain/ports/files.ts';
import { leafOfClaim } from './attach.ts';
import { bundleFinder } from './door.ts';
import { inputsOf } from '../../domain/registry/inputs.ts';
import type { Place } from '../../domain/registry/reference.ts';
import { ATTACHMENTS, EMPTY_CONFIG, readDescriptor } from '../../domain/registry/referrer.ts';
import { copyOutboards } from '../content/outboards.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import { filesOf } from './registry-show.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface CopyInput {
  readonly place: Pick<Place, 'name' | 'reference'>;
  /** Absolute path of a folder that need not exist, for files on their way. */
  readonly scratch: string;
}

export interface Copied {
  readonly name: string;
  readonly id: string;
  readonly tags: readonly string[];
  readonly claims: number;
  readonly proofs: number;
  /** Whether it is what was asked for, or an ancestor of it. */
  readonly role: 'asked' | 'ancestor';
}

export interface CopyOutcome {
  readonly copied: readonly Copied[];
  readonly revocations: number;
  readonly logged: readonly LoggedLeaf[];
}

export interface CopyPorts {
  readonly stagings: Stagings;
  readonly progress: Progress;
}

const PARALLEL_LAYERS = 4;

/**
 * Takes an artifact to another registry with all that makes it verifiable there: its ancestors, claims, promotions, policy
 * bytes, proofs out of the source's log, and every revocation the source knows. Blobs are hashed on the way.
 * @throws WeighmarkError `not-found`, `digest-mismatch`, and what either registry throws.
 */
export async function copy(
  input: CopyInput,
  ports: CopyPorts,
  { source, target }: { source: Registry; target: Registry },
): Promise<CopyOutcome> {
  const { name, reference } = input.place;
  if (target.log.origin === '') await target.log.checkpoint();
  const id = await source.resolve(name, reference);
  const listed = await source.list();
  const asked = listed.find((entry) => entry.name === name && entry.id === id) ?? { name, id, tags: [] };
  const entries = source.log.origin === '' ? [] : await source.log.find({});
  const all = await withAncestors(asked, listed, source);
  const copied: Copied[] = [];
  const leaves: LogLeaf[] = [];
  for (const entry of all) {
    const done = await copyOne(entry, { input, ports, source, target, entries });
    copied.push({ ...done.copied, role: entry === asked ? 'asked' : 'ancestor' });
    pushAll(leaves, done.leaves);
  }
  const revocations = await copyRevocations(asked, entries, { source, target });
  const logged = await target.log.append([...leaves, ...revocations]);
  for (const entry of all) for (const tag of entry.tags) await target.setTag(entry.name, tag, entry.id);
  return { copied, revocations: revocations.length, logged };
}

/** What the artifact was made from, as far as the source has it: by the digests its claims name. */
async function withAncestors(
  asked: RegistryEntry,
  listed: readonly RegistryEntry[],
  source: Registry,
): Promise<readonly RegistryEntry[]> {
  const found = new Map([[asked.id, asked]]);
  const queue = [asked];
  let all: Promise<ReadonlyMap<string, RegistryEntry>> | undefined;
  const byAnyId = () => (all ??= entriesById(listed, source));
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const named = (await source.claims(entry.name, entry.id)).flatMap(inputsOf);
    for (const { sha256 } of named) {
      const ancestor =
        listed.find((each) => each.id === `sha256:${sha256}`) ?? (await byAnyId()).get(`sha256:${sha256}`);
      if (ancestor === undefined || found.has(ancestor.id)) continue;
      if (found.size >= LIMITS.lineageNodes)
        throw new WeighmarkError('limit-exceeded', `more than ${LIMITS.lineageNodes} ancestors`, {
          subject: asked.name,
        });
      found.set(ancestor.id, ancestor);
      queue.push(ancestor);
    }
  }
  return [...found.values()].toReversed();
}

/** Read where a digest is nobody's id that was pushed: the same content may lie there under another. */
async function entriesById(
  listed: readonly RegistryEntry[],
  source: Registry,
): Promise<ReadonlyMap<string, RegistryEntry>> {
  const found = new Map<string, RegistryEntry>();
  for (const entry of listed)
    for (const id of (await artifactIn(source, entry.name, entry.id))?.ids ?? []) found.set(id, entry);
  return found;
}

interface Job {
  readonly input: CopyInput;
  readonly ports: CopyPorts;
  readonly source: Registry;
  readonly target: Registry;
  readonly entries: readonly LogEntry[];
}

async function copyOne(
  entry: RegistryEntry,
  job: Job,
): Promise<{ copied: Omit<Copied, 'role'>; leaves: readonly LogLeaf[] }> {
  const { name, id, tags } = entry;
  const { source, target } = job;
  await copyFiles(entry, job);
  await copyManifests(entry, job);
  const bundles = await source.claims(name, id);
  for (const bundle of bundles) await target.putClaim(name, id, bundle);
  for (const type of await source.attachmentTypes(name, id)) {
    for (const bytes of await source.attachments(name, id, type))
      await (type === ATTACHMENTS.outboards
        ? copyOutboards(entry, bytes, { ...job, ...job.input, ...job.ports })
        : target.putAttachment(name, id, type, bytes));
  }
  const ids = (await artifactIn(source, name, id))?.ids ?? [];
  const own = job.entries.filter(
    ({ leaf }) => leaf.name === name && (leaf.manifest === id || ids.includes(leaf.manifest)),
  );
  await requireClaims(own, new Set(bundles.map(ociDigest)), source);
  for (const { index } of own)
    await target.putAttachment(name, id, ATTACHMENTS.proof, Buffer.from(await source.log.prove(index)));
  const push: LogLeaf = {
    v: 1,
    kind: 'push',
    name,
    manifest: id,
    bundle: bundles[0] === undefined ? id : ociDigest(bundles[0]),
  };
  return {
    copied: { name, id, tags, claims: bundles.length, proofs: own.length },
    leaves: [push, ...bundles.map((bundle) => leafOfClaim(bundle, { name, id }))],
  };
}

/** What is logged here and not there might say no: where it was never logged, nobody would miss it. @throws WeighmarkError `claim-missing`. */
async function requireClaims(own: readonly LogEntry[], here: ReadonlySet<string>, source: Registry): Promise<void> {
  const bundleOf = bundleFinder(source);
  for (const { index, leaf } of own)
    if (leaf.kind === 'claim' && !here.has(leaf.bundle) && (await bundleOf(leaf)) === null)
      throw new WeighmarkError('claim-missing', `log entry ${index} is a claim that the registry no longer holds`, {
        subject: leaf.manifest,
        facts: { bundle: leaf.bundle, name: leaf.name },
        hint: 'bring its bundle back: what it says must come along',
      });
}

/** Each blob is hashed into a scratch file and from there into the target; what is there is not sent. */
async function copyFiles({ name, id }: RegistryEntry, { input, ports, source, target }: Job): Promise<void> {
  const files = await filesOf(source, name, id);
  const distinct = [...new Map(files.map((file) => [file.sha256, file])).values()];
  const staging = await ports.stagings.open(input.scratch, id.slice(7, 19));
  const bar = ports.progress.start(
    `copying ${name}`,
    distinct.reduce((sum, file) => sum + file.sizeBytes, 0),
  );
  try {
    await inParallel(distinct, PARALLEL_LAYERS, async ({ sha256, sizeBytes }) => {
      const digest = `sha256:${sha256}`;
      const location = staging.partOf(digest);
      if (!(await target.mountBlob(name, digest, { location: source.location, name }))) {
        await source.getFile(name, digest, { location, sizeBytes });
        await target.putFile(name, digest, { location, sizeBytes });
      }
      bar.advance(sizeBytes);
    });
    await staging.discard();
  } finally {
    bar.end();
    staging.release();
  }
}

async function copyManifests({ name, id }: RegistryEntry, { source, target }: Job): Promise<void> {
  const top = await source.getManifest(name, id);
  const parts = parseIndex(top);
  for (const part of parts ?? [])
    await copyManifest({ name, digest: part, bytes: await source.getManifest(name, part) }, { source, target });
  if (parts === null) await copyManifest({ name, digest: id, bytes: top }, { source, target });
  else await target.putManifest(name, { bytes: top, mediaType: INDEX_TYPE, digest: id });
}

async function copyManifest(
  { name, digest, bytes }: { name: string; digest: string; bytes: Uint8Array },
  { source, target }: Pick<Job, 'source' | 'target'>,
): Promise<void> {
  const config = readDescriptor(parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes })['config']);
  if (config !== null && !(await target.hasBlob(name, config.digest)))
    await target.putBytes(name, config.digest, await smallBlob(source, name, config));
  await target.putManifest(name, { bytes, mediaType: MANIFEST_TYPE, digest });
}

async function smallBlob(
  source: Registry,
  name: string,
  { digest, size }: { digest: string; size: number },
): Promise<Uint8Array> {
  if (digest === ociDigest(EMPTY_CONFIG)) return EMPTY_CONFIG;
  if (size > LIMITS.manifestBytes)
    throw new WeighmarkError('limit-exceeded', 'a config blob of absurd size', { subject: digest });
  const blob = await source.openBlob(name, digest, size);
  try {
    return await blob.read(0, size);
  } finally {
    await blob.close();
  }
}

/**
 * Revocations are good everywhere: whoever trusts the revoker honours them. They travel with what was asked for, and are
 * logged there: a reader finds each where its entry says.
 */
async function copyRevocations(
  { name, id }: RegistryEntry,
  entries: readonly LogEntry[],
  { source, target }: Pick<Job, 'source' | 'target'>,
): Promise<readonly LogLeaf[]> {
  const leaves: LogLeaf[] = [];
  const places = new Map<string, Promise<ReadonlyMap<string, Uint8Array>>>();
  for (const { leaf } of entries.filter(({ leaf: { kind } }) => kind === 'revocation')) {
    const place = `${leaf.name}@${leaf.manifest}`;
    const bundles = places.get(place) ?? bundlesOf(source, leaf);
    places.set(place, bundles);
    const bundle = (await bundles).get(leaf.bundle);
    if (bundle === undefined)
      throw new WeighmarkError('claim-missing', 'a revocation is logged, but its claim is not there', {
        subject: leaf.bundle,
        facts: { manifest: leaf.manifest, name: leaf.name },
      });
    await target.putClaim(name, id, bundle);
    leaves.push({ ...leaf, name, manifest: id });
  }
  return leaves;
}

/** By digest. */
async function bundlesOf(source: Registry, leaf: LogLeaf): Promise<ReadonlyMap<string, Uint8Array>> {
  return new Map((await source.claims(leaf.name, leaf.manifest)).map((bundle) => [ociDigest(bundle), bundle]));
}
