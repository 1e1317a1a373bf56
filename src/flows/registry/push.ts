import { aboutOf, leafOfClaim, versionSaid } from './attach.ts';
import { inputsOf } from '../../domain/registry/inputs.ts';
import { BOUND_LISTS, boundList } from '../../domain/registry/lists.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import { checkArtifactName, checkTag, parseReference } from '../../domain/registry/reference.ts';
import { parseBundle } from '../../domain/claims/bundle.ts';
import {
  differing,
  matchNames,
  mismatchFinding,
  missingFinding,
  unsignedFinding,
} from '../../domain/claims/oms-match.ts';
import { isIgnored, parseOms } from '../../domain/claims/oms.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { digestListBytes, digestListSha256, type ListedFile } from '../../domain/digest/list.ts';
import { buildManifest, idsOf, NEWEST, type Manifest, type ManifestVersion } from '../../domain/digest/manifest.ts';
import { unportable } from '../../domain/base/paths.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { LogLeaf } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { Staging, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { hashListed, type HashTreePorts } from '../content/hash-tree.ts';
import { madeOutboards, outboardPlaces, putOutboards, type MadeOutboard } from '../content/outboards.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import type { Sidecars } from '../content/found.ts';
import { findSidecars } from '../content/sidecars.ts';

export interface PushInput {
  /** Absolute path of the artifact. */
  readonly root: string;
  /** `NAME:TAG`; absent: the name and version its claims were signed for. */
  readonly as?: string;
  readonly allowSymlinks?: boolean;
  /** Absent: the version that its seal signed, else the newest. */
  readonly manifest?: ManifestVersion;
  readonly jobs?: number;
}

export interface PushOutcome {
  readonly name: string;
  readonly tag: string;
  readonly id: string;
  readonly files: number;
  readonly sizeBytes: number;
  readonly claims: number;
  /** No signature came along: whoever pulls it has nothing to verify. */
  readonly unsigned: boolean;
  /** What the tag pointed to before, if something else. */
  readonly movedFrom: string | null;
  readonly logged: readonly LoggedLeaf[];
}

export interface PushPorts extends HashTreePorts {
  /** For the outboards of large files on their way; absent: they are not stored. Opened if there are large files. */
  readonly scratch?: () => Promise<Staging>;
}

const PARALLEL_LAYERS = 4;
/** Asking where else a file lies costs as much as sending a smaller one. */
const MOUNT_FROM_BYTES = 1 << 20;
const MAX_BASES = 4;

/**
 * Hashes a tree, then stores exactly the bytes that were hashed, with its claims, and logs it. The tag comes last: what a
 * tag names is whole and logged. A repeat finishes what was interrupted and changes nothing that was done.
 * Names that nobody could pull are refused before anything is hashed.
 * @throws WeighmarkError `name-unsafe`, `digest-mismatch`, `file-missing`, `file-unsigned` if the tree is not what its own signature
 * says; `file-changed`, `name-invalid`, `key-unusable`, `disk-full`, and what the registry throws.
 */
export async function push(input: PushInput, ports: PushPorts, registry: Registry): Promise<PushOutcome> {
  await refuseEarly(input, registry);
  const tree = await ports.files.walk(input.root, { allowSymlinks: input.allowSymlinks === true });
  const unsafe = unportable(tree.entries.map(({ path }) => path));
  if (unsafe !== null) throw unsafe;
  const sidecars = await findSidecars({ root: tree.root, kind: tree.kind }, ports.files);
  const places = await outboardPlaces(tree.entries, ports.scratch);
  try {
    return await pushHashed(
      { tree, sidecars, ...(await hashFiles(tree, places?.at, { input, ports })) },
      input,
      registry,
    );
  } finally {
    await places?.staging.discard();
  }
}

/** What would otherwise be said only after gigabytes were hashed and sent: a name that is none, a registry without a log. */
async function refuseEarly({ as }: PushInput, registry: Registry): Promise<void> {
  if (as !== undefined) nameFrom(as);
  await registry.log.checkpoint();
}

interface Hashed {
  readonly tree: Tree;
  readonly sidecars: Sidecars;
  readonly files: readonly ListedFile[];
  readonly outboards: readonly MadeOutboard[];
}

async function pushHashed(
  { tree, sidecars, files, outboards }: Hashed,
  input: PushInput,
  registry: Registry,
): Promise<PushOutcome> {
  requireSigned(tree, files, sidecars);
  const bundles = [...sidecars.signatures, ...sidecars.claims].map(({ bytes }) => bytes);
  // Only a claim names an id: without one none need be known yet.
  const ids = bundles.length === 0 ? [] : idsOf(files);
  const manifest = buildManifest(files, input.manifest ?? versionSaid(ids, bundles) ?? NEWEST);
  const { name, tag } = nameOf(input.as, ids, bundles);
  await storeContent(registry, { name, tree, files, manifest, bases: basesOf(bundles) });
  await putOutboards(registry, { name, id: manifest.id }, outboards);
  await storeSidecars(registry, { name, manifest, files, sidecars, bundles });
  const logged = await registry.log.append(leavesOf(name, manifest.id, bundles));
  const movedFrom = await moveTag(registry, { name, tag, id: manifest.id });
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return {
    name,
    tag,
    id: manifest.id,
    files: files.length,
    sizeBytes,
    claims: bundles.length,
    unsigned: bundles.length === 0,
    movedFrom,
    logged,
  };
}

type PlaceOf = (entry: TreeEntry) => string | undefined;

async function hashFiles(
  tree: Tree,
  placeOf: PlaceOf = () => undefined,
  { input, ports }: { input: PushInput; ports: PushPorts },
): Promise<Pick<Hashed, 'files' | 'outboards'>> {
  const jobs = input.jobs === undefined ? {} : { jobs: input.jobs };
  const files = await hashListed(tree, { outboardTo: placeOf, ...jobs }, ports);
  const places = tree.entries.map((entry, index) => ({ place: placeOf(entry), blake3: files[index]?.blake3 ?? '' }));
  return { files, outboards: await madeOutboards(places, await ports.hasher()) };
}

/** A tree that its own signature contradicts is nothing to hand on: nobody could verify it. */
function requireSigned(tree: Tree, files: readonly ListedFile[], sidecars: Sidecars): void {
  const [finding] = [
    ...listFindings(files, sidecars),
    ...sidecars.signatures.flatMap(({ bytes }) => signatureFindings(tree, files, bytes)),
  ];
  if (finding === undefined) return;
  throw new WeighmarkError(finding.code, finding.message, {
    ...(finding.subject === undefined ? {} : { subject: finding.subject }),
    ...(finding.facts === undefined ? {} : { facts: finding.facts }),
    hint: 'sign what is there now with `weighmark seal`, or restore what was signed',
  });
}

function listFindings(files: readonly ListedFile[], { digestList }: Sidecars): readonly Finding[] {
  if (digestList === null || digestList.sha256 === digestListSha256(files)) return [];
  return [
    { code: 'digest-mismatch', message: 'the files are not those of their digest list', subject: '.weighmark/files' },
  ];
}

function signatureFindings(tree: Tree, files: readonly ListedFile[], bundle: Uint8Array): readonly Finding[] {
  const signed = parseOms(parseStatement(parseBundle(bundle, LIMITS.signatureBytes).payload, LIMITS.filesPerTree));
  const matching = matchNames(signed, files, tree.kind === 'file');
  const changed = differing(signed, matching.signed, files).map(({ file, signed: digest }) =>
    mismatchFinding(file.path, { algorithm: 'sha256', signed: digest, found: file.sha256, sizeBytes: file.sizeBytes }),
  );
  const unsigned = matching.unsigned.filter((path) => !isIgnored(path, signed.ignorePaths));
  return [
    ...changed,
    ...matching.missing.map((path) => missingFinding(path, 'its signer')),
    ...unsigned.map((path) => unsignedFinding(path, 'its signer')),
  ];
}

/** @throws WeighmarkError `usage` if neither the user nor a claim names it. */
function nameOf(
  given: string | undefined,
  ids: readonly string[],
  bundles: readonly Uint8Array[],
): { name: string; tag: string } {
  const text = given ?? signedNameOf(ids, bundles);
  if (text === undefined)
    throw new WeighmarkError('usage', 'under which name? no claim names it', {
      hint: 'say `weighmark push PATH NAME:TAG`',
    });
  return nameFrom(text);
}

function nameFrom(text: string): { name: string; tag: string } {
  const ref = parseReference(text);
  if (ref.kind !== 'name' || !('tag' in ref))
    throw new WeighmarkError('name-invalid', `\`${text}\` is not NAME:TAG`, { subject: text });
  return { name: checkArtifactName(ref.name), tag: checkTag(ref.tag) };
}

function signedNameOf(ids: readonly string[], bundles: readonly Uint8Array[]): string | undefined {
  const names = bundles
    .map(aboutOf)
    .filter(({ manifest }) => manifest !== null && ids.includes(manifest))
    .map(({ name }) => name);
  return (
    names.find((name) => name !== null && /^[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) ?? undefined
  );
}

interface Content {
  readonly name: string;
  readonly tree: Tree;
  readonly files: readonly ListedFile[];
  readonly manifest: Manifest;
  readonly bases: readonly string[];
}

/** Names of what it says it was made from: its unchanged files may lie there already. */
function basesOf(bundles: readonly Uint8Array[]): readonly string[] {
  return [...new Set(bundles.flatMap(inputsOf).flatMap(({ name }) => name ?? []))].slice(0, MAX_BASES);
}

async function mountedFrom(
  bases: readonly string[],
  registry: Registry,
  { name, digest, sizeBytes }: { name: string; digest: string; sizeBytes: number },
): Promise<boolean> {
  if (sizeBytes < MOUNT_FROM_BYTES) return false;
  for (const base of bases)
    if (await registry.mountBlob(name, digest, { location: registry.location, name: base })) return true;
  return false;
}

/** Content first, manifests after it, the id last: a manifest that is there is whole. */
async function storeContent(registry: Registry, { name, tree, files, manifest, bases }: Content): Promise<void> {
  const entries = tree.entries.map((entry, at) => ({ entry, digest: `sha256:${files[at]?.sha256 ?? ''}` }));
  const distinct = [...new Map(entries.map((each) => [each.digest, each])).values()];
  const isSmall = ({ entry }: (typeof distinct)[number]) => entry.sizeBytes <= LIMITS.smallFileBytes;
  await registry.putFiles?.(
    name,
    distinct.filter(isSmall).map(({ entry: { location, sizeBytes }, digest }) => ({ location, sizeBytes, digest })),
  );
  const single = registry.putFiles === undefined ? distinct : distinct.filter((each) => !isSmall(each));
  await inParallel(single, PARALLEL_LAYERS, async ({ entry: { location, sizeBytes }, digest }) => {
    if (!(await mountedFrom(bases, registry, { name, digest, sizeBytes })))
      await registry.putFile(name, digest, { location, sizeBytes });
  });
  for (const config of manifest.configs) await registry.putBytes(name, config.digest, config.bytes);
  for (const part of [...manifest.parts, manifest.top]) await registry.putManifest(name, part);
}

interface Companions {
  readonly name: string;
  readonly manifest: Manifest;
  readonly files: readonly ListedFile[];
  readonly sidecars: Sidecars;
  readonly bundles: readonly Uint8Array[];
}

async function storeSidecars(
  registry: Registry,
  { name, manifest, files, sidecars, bundles }: Companions,
): Promise<void> {
  const attachments = [
    { artifactType: ATTACHMENTS.digestList, content: digestListBytes(files) },
    ...(sidecars.bom === null ? [] : [{ artifactType: ATTACHMENTS.bom, content: sidecars.bom }]),
    ...BOUND_LISTS.flatMap(([list, artifactType]) => {
      const content = boundList(sidecars[list] === null ? [] : [sidecars[list]], bundles);
      return content === null ? [] : [{ artifactType, content }];
    }),
  ];
  const claims = bundles.map((content) => ({ content }));
  if (registry.putReferrers !== undefined) return registry.putReferrers(name, manifest.id, [...attachments, ...claims]);
  for (const { artifactType, content } of attachments)
    await registry.putAttachment(name, manifest.id, artifactType, content);
  for (const bundle of bundles) await registry.putClaim(name, manifest.id, bundle);
}

/** The push itself is logged with the signature it came with; without one, with the id. */
function leavesOf(name: string, id: string, bundles: readonly Uint8Array[]): readonly LogLeaf[] {
  const claims = bundles.map((bundle) => leafOfClaim(bundle, { name, id }));
  return [
    { v: 1, kind: 'push', name, manifest: id, bundle: bundles[0] === undefined ? id : ociDigest(bundles[0]) },
    ...claims,
  ];
}

async function moveTag(
  registry: Registry,
  { name, tag, id }: { name: string; tag: string; id: string },
): Promise<string | null> {
  const before = await registry.resolve(name, tag).catch((error: unknown) => {
    if (error instanceof WeighmarkError && error.code === 'not-found') return null;
    throw error;
  });
  if (before !== id) await registry.setTag(name, tag, id);
  return before === id ? null : before;
}
