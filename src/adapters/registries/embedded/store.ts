import { join } from 'node:path';
import { ociDigest } from '../../../domain/digest/hex.ts';
import { INDEX_TYPE, MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import { BUNDLE_MEDIA_TYPE } from '../../../domain/claims/predicates.ts';
import { WeighmarkError } from '../../../domain/errors.ts';
import { parseStrictJsonObject } from '../../../domain/json.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { Registry, RegistryEntry, TransparencyLog } from '../../../domain/ports.ts';
import { checkArtifactName, checkTag, isDigest } from '../../../domain/registry/reference.ts';
import { attachmentReferrer, claimReferrer, descriptorsOf, EMPTY_CONFIG, fallbackTag, readDescriptor, type Descriptor, type Referrer } from '../../../domain/registry/referrer.ts';
import { withLock } from '../../log-store/lock.ts';
import { blobPath, getFile, hasBlob, openBlob, putBytes, putFile, readBlob } from './blobs.ts';
import { collectGarbage } from './garbage.ts';
import { modelNames, readLayout, tagOf, withManifest, withTag, writeLayout } from './layout.ts';

const ARTIFACT_TYPE = 'application/vnd.cncf.model.manifest.v1+json';
const FALLBACK_TAG = /^sha256-[0-9a-f]{64}$/;

interface Store {
  readonly folder: string;
  readonly lockFile: string;
}

/** A registry in a folder: one OCI image layout a model below `models/`, the log beside them. */
export function embeddedRegistry({ location, folder }: { location: string; folder: string }, parts: { log: TransparencyLog; lockFile: string }): Registry {
  const store: Store = { folder, lockFile: parts.lockFile };
  const layout = (name: string) => layoutOf(store, name);
  return {
    location,
    log: parts.log,
    list: () => list(store),
    resolve: (name, reference) => resolve(store, name, reference),
    hasBlob: (name, digest) => hasBlob(layout(name), digest),
    putFile: (name, digest, file) => putFile(layout(name), digest, file),
    putBytes: (name, digest, bytes) => putBytes(layout(name), digest, bytes),
    mountBlob: (name, digest, from) => mountBlob(store, { name, digest, from }),
    putManifest: (name, manifest, tag) => putManifest(store, { name, ...manifest, tag }),
    getManifest: (name, digest) => readBlob(layout(name), digest, LIMITS.manifestBytes),
    openBlob: (name, digest, sizeBytes) => openBlob(layout(name), digest, sizeBytes),
    getFile: (name, digest, file) => getFile(layout(name), digest, file),
    claims: (name, manifest) => referred(store, { name, manifest, artifactType: BUNDLE_MEDIA_TYPE }),
    putClaim: async (name, manifest, bundle) => attach(store, name, claimReferrer(await describe(store, name, manifest), bundle), manifest),
    attachments: (name, manifest, artifactType) => referred(store, { name, manifest, artifactType }),
    putAttachment: async (name, manifest, artifactType, content) =>
      attach(store, name, attachmentReferrer(await describe(store, name, manifest), artifactType, content), manifest),
    attachmentTypes: async (name, manifest) => {
      const listed = await referrersOf(layout(name), await readLayout(layout(name)), manifest);
      return [...new Set(listed.flatMap((each) => each.artifactType ?? []))].filter((type) => type !== BUNDLE_MEDIA_TYPE);
    },
    collectGarbage: (options) => withLock(store.lockFile, () => collectGarbage({ folder, log: parts.log }, options)),
    setTag: (name, tag, digest) => setTag(store, { name, tag, digest }),
  };
}

function layoutOf(store: Store, name: string): string {
  return join(store.folder, 'models', ...checkArtifactName(name).split('/'));
}

async function list(store: Store): Promise<readonly RegistryEntry[]> {
  const names = await modelNames(join(store.folder, 'models'));
  return (await Promise.all(names.map(async (name) => entriesOf(name, await readLayout(layoutOf(store, name)))))).flat();
}

function entriesOf(name: string, manifests: readonly Descriptor[]): readonly RegistryEntry[] {
  const artifacts = manifests.filter((each) => isArtifact(each));
  return [...Map.groupBy(artifacts, (each) => each.digest)].map(([id, group]) => ({ name, id, tags: group.flatMap((each) => tagOf(each) ?? []).toSorted() }));
}

/** Tagged by a person, or a model by its own type: referrers and their lists are neither. */
function isArtifact(descriptor: Descriptor): boolean {
  const tag = tagOf(descriptor);
  return tag === undefined ? descriptor.artifactType === ARTIFACT_TYPE : !FALLBACK_TAG.test(tag);
}

async function resolve(store: Store, name: string, reference: string): Promise<string> {
  const layout = layoutOf(store, name);
  if (isDigest(reference)) {
    if (await hasBlob(layout, reference)) return reference;
  } else {
    const found = (await readLayout(layout)).find((each) => tagOf(each) === reference && isArtifact(each));
    if (found !== undefined) return found.digest;
  }
  const separator = isDigest(reference) ? '@' : ':';
  throw new WeighmarkError('not-found', `the registry has no ${name}${separator}${reference}`, { subject: `${name}${separator}${reference}`, hint: 'see what there is with `weighmark list`' });
}

async function putManifest(store: Store, manifest: { name: string; bytes: Uint8Array; mediaType: string; digest: string; tag: string | undefined }): Promise<void> {
  const { name, bytes, mediaType, digest, tag } = manifest;
  await putBytes(layoutOf(store, name), digest, bytes);
  const { artifactType } = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, subject: 'the manifest' });
  const descriptor = { mediaType, digest, size: bytes.length, ...(typeof artifactType === 'string' ? { artifactType } : {}) };
  await update(store, name, (manifests) => (tag === undefined ? withManifest(manifests, descriptor) : withTag(manifests, checkTag(tag), descriptor)));
}

/** Each model's layout is whole by itself, so the blob is copied (or reflinked) out of the other's. */
async function mountBlob(store: Store, { name, digest, from }: { name: string; digest: string; from: string }): Promise<boolean> {
  const source = layoutOf(store, from);
  if (!(await hasBlob(source, digest))) return false;
  await putFile(layoutOf(store, name), digest, { location: blobPath(source, digest), sizeBytes: 0 });
  return true;
}

async function setTag(store: Store, { name, tag, digest }: { name: string; tag: string; digest: string }): Promise<void> {
  const descriptor = await describe(store, name, digest);
  await update(store, name, (manifests) => withTag(manifests, checkTag(tag), descriptor));
}

/** Descriptor of a stored manifest, from its bytes. */
async function describe(store: Store, name: string, digest: string): Promise<Descriptor> {
  const bytes = await readBlob(layoutOf(store, name), digest, LIMITS.manifestBytes);
  const { mediaType, artifactType } = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, subject: 'the manifest', refuseCaseDuplicates: false });
  const type = typeof mediaType === 'string' ? mediaType : MANIFEST_TYPE;
  return { mediaType: type, digest, size: bytes.length, ...(typeof artifactType === 'string' ? { artifactType } : {}) };
}

/** Changes one layout's index under the registry's lock. */
async function update(store: Store, name: string, change: (manifests: readonly Descriptor[]) => readonly Descriptor[]): Promise<void> {
  const layout = layoutOf(store, name);
  await withLock(store.lockFile, async () => {
    const before = await readLayout(layout);
    const after = change(before);
    if (JSON.stringify(after) !== JSON.stringify(before)) await writeLayout(layout, after);
  });
}

/**
 * Lists a referrer twice: in the fallback index that registries and `ocidir://` readers look for, and by itself, as
 * servers that serve a layout folder expect.
 */
async function attach(store: Store, name: string, referrer: Referrer, subject: string): Promise<void> {
  const layout = layoutOf(store, name);
  await putBytes(layout, referrer.layer.digest, referrer.layer.bytes);
  await putBytes(layout, EMPTY_DIGEST, EMPTY_CONFIG);
  await putBytes(layout, referrer.descriptor.digest, referrer.manifest);
  await withLock(store.lockFile, async () => {
    const before = await readLayout(layout);
    const listed = await referrersOf(layout, before, subject);
    if (listed.some((each) => each.digest === referrer.descriptor.digest)) return;
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, referrer.descriptor] }));
    const digest = ociDigest(index);
    await putBytes(layout, digest, index);
    const fallback = { mediaType: INDEX_TYPE, digest, size: index.length };
    await writeLayout(layout, withTag(withManifest(before, referrer.descriptor), fallbackTag(subject), fallback));
  });
}

const EMPTY_DIGEST = ociDigest(EMPTY_CONFIG);

async function referrersOf(layout: string, manifests: readonly Descriptor[], subject: string): Promise<readonly Descriptor[]> {
  const fallback = manifests.find((each) => tagOf(each) === fallbackTag(subject));
  return fallback === undefined ? [] : descriptorsOf(await readBlob(layout, fallback.digest, LIMITS.manifestBytes));
}

/** The bytes that referrers of one type bring, as they were put. */
async function referred(store: Store, { name, manifest, artifactType }: { name: string; manifest: string; artifactType: string }): Promise<readonly Uint8Array[]> {
  const layout = layoutOf(store, name);
  const listed = await referrersOf(layout, await readLayout(layout), manifest);
  const wanted = listed.filter((each) => each.artifactType === artifactType);
  if (wanted.length > LIMITS.claimsPerFile) throw new WeighmarkError('claims-limit', `more than ${LIMITS.claimsPerFile} referrers`, { subject: name });
  return Promise.all(wanted.map(async (each) => readLayer(layout, await readBlob(layout, each.digest, LIMITS.manifestBytes))));
}

async function readLayer(layout: string, manifest: Uint8Array): Promise<Uint8Array> {
  const { layers } = parseStrictJsonObject(manifest, { maxBytes: LIMITS.manifestBytes, subject: 'a referrer', refuseCaseDuplicates: false });
  const layer = Array.isArray(layers) ? readDescriptor(layers[0]) : null;
  if (layer === null) throw new WeighmarkError('format-invalid', 'a referrer without a layer');
  return readBlob(layout, layer.digest, LIMITS.signatureBytes);
}
