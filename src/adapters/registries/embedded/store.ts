import { isDigest, ociDigest } from '../../../domain/digest/hex.ts';
import { join } from 'node:path';
import { INDEX_TYPE, MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import { asGone } from '../gone.ts';
import { BUNDLE_MEDIA_TYPE } from '../../../domain/claims/predicates.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import type { Registry, RegistryEntry } from '../../../domain/ports/registry.ts';
import type { TransparencyLog } from '../../../domain/ports/log.ts';
import { checkArtifactName, checkTag } from '../../../domain/registry/reference.ts';
import {
  attachmentReferrer,
  claimReferrer,
  descriptorsOf,
  EMPTY_CONFIG,
  fallbackTag,
  readDescriptor,
  type Descriptor,
  type Referrer,
} from '../../../domain/registry/referrer.ts';
import { withLock } from '../../log-store/lock.ts';
import {
  areThere,
  blobPath,
  getFile,
  getFiles,
  hasBlob,
  openBlob,
  putBytes,
  putFile,
  putFiles,
  readBlob,
} from './blobs.ts';
import { collectGarbage } from './garbage.ts';
import { createCommit, type Commit } from './commit.ts';
import { modelNames, readLayout, tagOf, withManifest, withTag, type Layout } from './layout.ts';

const ARTIFACT_TYPE = 'application/vnd.cncf.model.manifest.v1+json';
const FALLBACK_TAG = /^sha256-[0-9a-f]{64}$/;

interface Store {
  readonly folder: string;
  readonly lockFile: string;
  readonly commit: Commit;
}

/** A registry in a folder: one OCI image layout a model below `models/`, the log beside them. */
export function embeddedRegistry(
  { location, folder }: { location: string; folder: string },
  parts: { log: TransparencyLog; lockFile: string },
): Registry {
  const store: Store = { folder, lockFile: parts.lockFile, commit: createCommit(parts.lockFile) };
  const layout = (name: string) => layoutOf(store, name);
  return {
    location,
    log: parts.log,
    list: () => list(store),
    resolve: (name, reference) => resolve(store, name, reference),
    hasBlob: (name, digest) => hasBlob(layout(name), digest),
    putFile: (name, digest, file) => putFile(layout(name), digest, file),
    putFiles: (name, files) => putFiles(layout(name), files),
    getFiles: (name, files) => getFiles(layout(name), files),
    putBytes: (name, digest, bytes) => putBytes(layout(name), digest, bytes),
    mountBlob: (name, digest) => hasBlob(layout(name), digest),
    putManifest: (name, manifest, tag) => putManifest(store, { name, ...manifest, tag }),
    getManifest: (name, digest) => readBlob(layout(name), digest, LIMITS.manifestBytes),
    openBlob: (name, digest, sizeBytes) => openBlob(layout(name), digest, sizeBytes),
    blobFile: (name, digest) => blobPath(layout(name), digest),
    getFile: (name, digest, file) => getFile(layout(name), digest, file),
    claims: (name, manifest) => referred(store, { name, manifest, artifactType: BUNDLE_MEDIA_TYPE }),
    putClaim: async (name, manifest, bundle) =>
      attach(store, { name, manifest, referrers: (subject) => [claimReferrer(subject, bundle)] }),
    putReferrers: async (name, manifest, all) =>
      attach(store, {
        name,
        manifest,
        referrers: (subject) =>
          all.map(({ artifactType, content }) =>
            artifactType === undefined
              ? claimReferrer(subject, content)
              : attachmentReferrer(subject, artifactType, content),
          ),
      }),
    attachments: (name, manifest, artifactType) => referred(store, { name, manifest, artifactType }),
    putAttachment: async (name, manifest, artifactType, content) =>
      attach(store, { name, manifest, referrers: (subject) => [attachmentReferrer(subject, artifactType, content)] }),
    attachmentTypes: async (name, manifest) => {
      const listed = await referrersOf(layout(name), await readLayout(layout(name)), manifest);
      return [...new Set(listed.flatMap((each) => each.artifactType ?? []))].filter(
        (type) => type !== BUNDLE_MEDIA_TYPE,
      );
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
  return (
    await Promise.all(names.map(async (name) => entriesOf(name, (await readLayout(layoutOf(store, name))).manifests)))
  ).flat();
}

function entriesOf(name: string, manifests: readonly Descriptor[]): readonly RegistryEntry[] {
  const artifacts = manifests.filter((each) => isArtifact(each));
  return [...Map.groupBy(artifacts, (each) => each.digest)].map(([id, group]) => ({
    name,
    id,
    tags: group.flatMap((each) => tagOf(each) ?? []).toSorted(),
  }));
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
    const found = (await readLayout(layout)).byTag.get(reference);
    if (found !== undefined && isArtifact(found)) return found.digest;
  }
  const separator = isDigest(reference) ? '@' : ':';
  throw new WeighmarkError('not-found', `the registry has no ${name}${separator}${reference}`, {
    subject: `${name}${separator}${reference}`,
    hint: 'see what there is with `weighmark list`',
  });
}

async function putManifest(
  store: Store,
  manifest: { name: string; bytes: Uint8Array; mediaType: string; digest: string; tag: string | undefined },
): Promise<void> {
  const { name, bytes, mediaType, digest, tag } = manifest;
  const layout = layoutOf(store, name);
  await putBytes(layout, digest, bytes);
  const { artifactType } = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, subject: 'the manifest' });
  const descriptor = {
    mediaType,
    digest,
    size: bytes.length,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
  };
  await store.commit(layout, async () => async (manifests) => {
    await requireBlobs(layout, digest, bytes);
    return tag === undefined ? withManifest(manifests, descriptor) : withTag(manifests, checkTag(tag), descriptor);
  });
}

async function setTag(
  store: Store,
  { name, tag, digest }: { name: string; tag: string; digest: string },
): Promise<void> {
  const descriptor = await describe(store, name, digest);
  await store.commit(
    layoutOf(store, name),
    async () => async (manifests) => withTag(manifests, checkTag(tag), descriptor),
  );
}

/** Descriptor of a stored manifest, from its bytes. */
async function describe(store: Store, name: string, digest: string): Promise<Descriptor> {
  const bytes = await readBlob(layoutOf(store, name), digest, LIMITS.manifestBytes);
  const { mediaType, artifactType } = parseStrictJsonObject(bytes, {
    maxBytes: LIMITS.manifestBytes,
    subject: 'the manifest',
    refuseCaseDuplicates: false,
  });
  const type = typeof mediaType === 'string' ? mediaType : MANIFEST_TYPE;
  return { mediaType: type, digest, size: bytes.length, ...(typeof artifactType === 'string' ? { artifactType } : {}) };
}

/** A manifest and all it names: under the lock, so that none is collected as garbage any more. @throws WeighmarkError `not-found`. */
async function requireBlobs(layout: string, manifest: string, bytes: Uint8Array): Promise<void> {
  const { config, layers } = parseStrictJsonObject(bytes, {
    maxBytes: LIMITS.manifestBytes,
    subject: 'the manifest',
    refuseCaseDuplicates: false,
  });
  const named = [config, ...(Array.isArray(layers) ? layers : [])].flatMap(
    (each) => readDescriptor(each)?.digest ?? [],
  );
  const digests = [manifest, ...named];
  const lacking = areThere(layout, digests).indexOf(false);
  if (lacking < 0) return;
  throw new WeighmarkError('not-found', 'a blob that a manifest names is not in the registry', {
    subject: digests[lacking] ?? '',
    hint: 'repeat: it was an old one, and was collected as garbage just now',
  });
}

interface Attaching {
  readonly name: string;
  readonly manifest: string;
  readonly referrers: (subject: Descriptor) => readonly Referrer[];
}

/**
 * Lists each referrer twice: in the fallback index that registries and `ocidir://` readers look for, and by itself, as
 * servers that serve a layout folder expect.
 */
async function attach(store: Store, { name, manifest: subject, referrers: make }: Attaching): Promise<void> {
  const layout = layoutOf(store, name);
  await store.commit(layout, async () => {
    const referrers = make(await describe(store, name, subject));
    const blobs = [
      { digest: EMPTY_DIGEST, bytes: EMPTY_CONFIG },
      ...referrers.flatMap(({ layer, descriptor, manifest }) => [
        layer,
        { digest: descriptor.digest, bytes: manifest },
      ]),
    ];
    for (const { digest, bytes } of blobs) await putBytes(layout, digest, bytes);
    return async (manifests) => {
      for (const { descriptor, manifest } of referrers) await requireBlobs(layout, descriptor.digest, manifest);
      return withReferrers(layout, { manifests, descriptors: referrers.map(({ descriptor }) => descriptor), subject });
    };
  });
}

async function withReferrers(
  layout: string,
  {
    manifests,
    descriptors,
    subject,
  }: { manifests: readonly Descriptor[]; descriptors: readonly Descriptor[]; subject: string },
): Promise<readonly Descriptor[]> {
  const listed = await listedIn(
    layout,
    manifests.find((each) => tagOf(each) === fallbackTag(subject)),
  );
  const known = new Set(listed.map((each) => each.digest));
  const added = descriptors.filter(({ digest: each }) => !known.has(each) && known.add(each));
  if (added.length === 0) return manifests;
  const index = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, ...added] }),
  );
  const digest = ociDigest(index);
  await putBytes(layout, digest, index);
  return withTag(added.reduce(withManifest, manifests), fallbackTag(subject), {
    mediaType: INDEX_TYPE,
    digest,
    size: index.length,
  });
}

const EMPTY_DIGEST = ociDigest(EMPTY_CONFIG);

async function referrersOf(layout: string, { byTag }: Layout, manifest: string): Promise<readonly Descriptor[]> {
  return listedIn(layout, byTag.get(fallbackTag(manifest)));
}

async function listedIn(layout: string, fallback: Descriptor | undefined): Promise<readonly Descriptor[]> {
  return fallback === undefined ? [] : descriptorsOf(await readBlob(layout, fallback.digest, LIMITS.manifestBytes));
}

/** The bytes that referrers of one type bring, as they were put. */
async function referred(
  store: Store,
  { name, manifest, artifactType }: { name: string; manifest: string; artifactType: string },
): Promise<readonly Uint8Array[]> {
  const layout = layoutOf(store, name);
  const listed = await referrersOf(layout, await readLayout(layout), manifest);
  const wanted = listed.filter((each) => each.artifactType === artifactType);
  if (wanted.length > LIMITS.claimsPerFile)
    throw new WeighmarkError('claims-limit', `more than ${LIMITS.claimsPerFile} referrers`, { subject: name });
  const read = async ({ digest }: Descriptor): Promise<Uint8Array> =>
    readLayer(layout, await readBlob(layout, digest, LIMITS.manifestBytes));
  return Promise.all(wanted.map((each) => read(each).catch(asGone(each.digest))));
}

async function readLayer(layout: string, manifest: Uint8Array): Promise<Uint8Array> {
  const { layers } = parseStrictJsonObject(manifest, {
    maxBytes: LIMITS.manifestBytes,
    subject: 'a referrer',
    refuseCaseDuplicates: false,
  });
  const layer = Array.isArray(layers) ? readDescriptor(layers[0]) : null;
  if (layer === null) throw new WeighmarkError('format-invalid', 'a referrer without a layer');
  return readBlob(layout, layer.digest, LIMITS.signatureBytes);
}
