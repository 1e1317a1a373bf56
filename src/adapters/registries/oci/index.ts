import { isDigest, ociDigest } from '../../../domain/digest/hex.ts';
import { BUNDLE_MEDIA_TYPE } from '../../../domain/claims/predicates.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import type { Registry, RegistryEntry } from '../../../domain/ports/registry.ts';
import type { TransparencyLog } from '../../../domain/ports/log.ts';
import { checkArtifactName, checkTag, parseOciLocation, repositoryOf } from '../../../domain/registry/reference.ts';
import {
  attachmentReferrer,
  claimReferrer,
  EMPTY_CONFIG,
  readDescriptor,
  type Descriptor,
  type Referrer,
} from '../../../domain/registry/referrer.ts';
import { stateFolder, type RegistryDeps } from '../setup.ts';
import { openClient, type OciClient } from './client.ts';
import { downloadBytes, downloadFile } from './download.ts';
import { openRemoteLog } from './log.ts';
import { allTags, fetchManifest, sendManifest } from './manifests.ts';
import { remoteSource } from './ranges.ts';
import { asGone } from '../gone.ts';
import { isBookkeeping, putReferrer, referrerDigests } from './referrers.ts';
import { blobExists, mountBlob, uploadBlob } from './upload.ts';

interface Remote {
  readonly client: OciClient;
  /** As it is named, which is not always where its API is. */
  readonly host: string;
  readonly prefix: string;
  readonly stateFolder: string;
  readonly chunkBytes?: number;
}

/** `oci://host/prefix`: a repository a model below the prefix, the log in one of its own. */
export async function openRemote(location: string, deps: RegistryDeps): Promise<Registry> {
  const remote = await connect(location, deps);
  const log = await openRemoteLog(
    {
      client: remote.client,
      repository: repositoryOf(remote, LOG_NAME),
      place: location.replace(/\/+$/, ''),
      stateFolder: remote.stateFolder,
    },
    deps,
  );
  return remoteRegistry(location, remote, log);
}

export const LOG_NAME = 'weighmark-log';

export async function connect(location: string, deps: RegistryDeps): Promise<Remote> {
  const { host, prefix } = parseOciLocation(location);
  const { env, cwd = process.cwd(), offline, signal } = deps;
  const client = await openClient(host, {
    env,
    cwd,
    ...(offline === undefined ? {} : { offline }),
    ...(signal === undefined ? {} : { signal }),
  });
  return {
    client,
    host,
    prefix,
    stateFolder: stateFolder(env),
    ...(deps.uploadChunkBytes === undefined ? {} : { chunkBytes: deps.uploadChunkBytes }),
  };
}

function remoteRegistry(location: string, remote: Remote, log: TransparencyLog): Registry {
  const { client } = remote;
  const repo = (name: string) => repositoryOf(remote, checkArtifactName(name));
  return {
    location,
    log,
    list: () => list(remote, log),
    resolve: (name, reference) => resolve(remote, name, reference),
    hasBlob: (name, digest) => blobExists(client, repo(name), digest),
    putFile: (name, digest, content) => uploadBlob({ repository: repo(name), digest, content }, remote),
    putBytes: (name, digest, content) => uploadBlob({ repository: repo(name), digest, content }, remote),
    mountBlob: (name, digest, from) => mountFrom(remote, { repository: repo(name), digest }, from),
    async putManifest(name, { bytes, mediaType, digest }, tag) {
      await sendManifest(client, repo(name), { reference: digest, bytes, mediaType });
      if (tag !== undefined) await sendManifest(client, repo(name), { reference: checkTag(tag), bytes, mediaType });
    },
    getManifest: async (name, digest) => (await manifestOf(remote, name, digest)).bytes,
    openBlob: async (name, digest, sizeBytes) => remoteSource(client, { repository: repo(name), digest, sizeBytes }),
    getFile: (name, digest, { sizeBytes, ...to }) =>
      downloadFile(client, { repository: repo(name), digest, sizeBytes }, to),
    claims: (name, manifest) => referred(remote, { name, manifest, artifactType: BUNDLE_MEDIA_TYPE }),
    putClaim: async (name, manifest, bundle) =>
      attach(remote, {
        name,
        subject: manifest,
        referrer: claimReferrer(await describe(remote, name, manifest), bundle),
      }),
    attachments: (name, manifest, artifactType) => referred(remote, { name, manifest, artifactType }),
    putAttachment: async (name, manifest, artifactType, content) =>
      attach(remote, {
        name,
        subject: manifest,
        referrer: attachmentReferrer(await describe(remote, name, manifest), artifactType, content),
      }),
    attachmentTypes: (name, manifest) => attachmentTypes(remote, name, manifest),
    collectGarbage: async () => {
      throw new WeighmarkError('usage', 'a registry server collects its own garbage', { subject: location });
    },
    async setTag(name, tag, digest) {
      const { bytes, mediaType } = await manifestOf(remote, name, digest);
      await sendManifest(client, repo(name), { reference: checkTag(tag), bytes, mediaType });
    },
  };
}

/** Only within one host: it has the bytes already. */
async function mountFrom(
  { client, host }: Remote,
  { repository, digest }: { repository: string; digest: string },
  { location, name }: { location: string; name: string },
): Promise<boolean> {
  const other = location.startsWith('oci://') ? parseOciLocation(location) : null;
  if (other === null || other.host !== host) return blobExists(client, repository, digest);
  return mountBlob(client, { repository, digest, from: repositoryOf(other, checkArtifactName(name)) });
}

async function manifestOf(
  remote: Remote,
  name: string,
  digest: string,
): Promise<{ bytes: Uint8Array; mediaType: string }> {
  const found = await fetchManifest(remote.client, repositoryOf(remote, checkArtifactName(name)), digest);
  if (found !== null) return found;
  throw new WeighmarkError('not-found', `the registry has no ${name}@${digest}`, { subject: `${name}@${digest}` });
}

async function describe(remote: Remote, name: string, digest: string): Promise<Descriptor> {
  const { bytes, mediaType } = await manifestOf(remote, name, digest);
  return { mediaType, digest, size: bytes.length };
}

async function resolve(remote: Remote, name: string, reference: string): Promise<string> {
  const found = await fetchManifest(
    remote.client,
    repositoryOf(remote, checkArtifactName(name)),
    isDigest(reference) ? reference : checkTag(reference),
  );
  if (found !== null) return found.digest;
  const shown = `${name}${isDigest(reference) ? '@' : ':'}${reference}`;
  throw new WeighmarkError('not-found', `the registry has no ${shown}`, {
    subject: shown,
    hint: 'see what there is with `weighmark list`',
  });
}

/** Names come from the log and what waits for it: registries need not list repositories. */
async function list(remote: Remote, log: TransparencyLog): Promise<readonly RegistryEntry[]> {
  const leaves = [
    ...(await log.find({ kind: 'push' })).map(({ leaf }) => leaf),
    ...(await log.pending()).filter(({ kind }) => kind === 'push'),
  ];
  const names = [...Map.groupBy(leaves, ({ name }) => name)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const entries = await Promise.all(
    names.map(async ([name, pushed]) =>
      entriesOf(name, [...new Set(pushed.map(({ manifest }) => manifest))], await tagsById(remote, name)),
    ),
  );
  return entries.flat();
}

function entriesOf(
  name: string,
  ids: readonly string[],
  tags: ReadonlyMap<string, readonly string[]>,
): readonly RegistryEntry[] {
  const all = [...new Set([...ids, ...tags.keys()])];
  return all.map((id) => ({ name, id, tags: tags.get(id) ?? [] }));
}

async function tagsById(remote: Remote, name: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const repository = repositoryOf(remote, checkArtifactName(name));
  const tags = (await allTags(remote.client, repository)).filter((tag) => !isBookkeeping(tag)).toSorted();
  const byId = new Map<string, string[]>();
  for (const tag of tags) {
    const found = await fetchManifest(remote.client, repository, tag);
    if (found !== null) byId.set(found.digest, [...(byId.get(found.digest) ?? []), tag]);
  }
  return byId;
}

async function attach(
  remote: Remote,
  { name, subject, referrer }: { name: string; subject: string; referrer: Referrer },
): Promise<void> {
  const repository = repositoryOf(remote, checkArtifactName(name));
  const { client } = remote;
  await uploadBlob({ repository, digest: referrer.layer.digest, content: referrer.layer.bytes }, remote);
  await uploadBlob({ repository, digest: ociDigest(EMPTY_CONFIG), content: EMPTY_CONFIG }, remote);
  await putReferrer(client, { repository, subject }, referrer);
}

async function digestsOf(remote: Remote, name: string, subject: string): Promise<readonly string[]> {
  return referrerDigests(remote.client, { repository: repositoryOf(remote, checkArtifactName(name)), subject });
}

async function attachmentTypes(remote: Remote, name: string, manifest: string): Promise<readonly string[]> {
  const repository = repositoryOf(remote, checkArtifactName(name));
  const digests = await digestsOf(remote, name, manifest);
  const types = await Promise.all(
    digests.map(async (digest) => {
      const fetched = await fetchManifest(remote.client, repository, digest);
      const { artifactType } =
        fetched === null
          ? {}
          : parseStrictJsonObject(fetched.bytes, { subject: 'a referrer', refuseCaseDuplicates: false });
      return typeof artifactType === 'string' && artifactType !== BUNDLE_MEDIA_TYPE ? [artifactType] : [];
    }),
  );
  return [...new Set(types.flat())];
}

async function referred(
  remote: Remote,
  { name, manifest, artifactType }: { name: string; manifest: string; artifactType: string },
): Promise<readonly Uint8Array[]> {
  const digests = await digestsOf(remote, name, manifest);
  if (digests.length > LIMITS.claimsPerFile)
    throw new WeighmarkError('claims-limit', `more than ${LIMITS.claimsPerFile} referrers`, { subject: name });
  const repository = repositoryOf(remote, checkArtifactName(name));
  const found = await Promise.all(
    digests.map(async (digest) => layerOf(remote, repository, { digest, subject: manifest, artifactType })),
  );
  return found.filter((bytes) => bytes !== null);
}

/** The bytes a referrer brings; null if it is of another type, or refers to something else than the list says. */
async function layerOf(
  remote: Remote,
  repository: string,
  wanted: { digest: string; subject: string; artifactType: string },
): Promise<Uint8Array | null> {
  const fetched = await fetchManifest(remote.client, repository, wanted.digest);
  if (fetched === null) return null;
  const { layers, subject, artifactType } = parseStrictJsonObject(fetched.bytes, {
    subject: 'a referrer',
    refuseCaseDuplicates: false,
  });
  const layer = Array.isArray(layers) ? readDescriptor(layers[0]) : null;
  // Without a subject, of a registry that refuses one, the list's word is all there is: what it brings binds by itself.
  const isOfAnother = subject !== undefined && readDescriptor(subject)?.digest !== wanted.subject;
  if (artifactType !== wanted.artifactType || isOfAnother || layer === null) return null;
  return downloadBytes(remote.client, { repository, digest: layer.digest }, LIMITS.signatureBytes).catch(
    asGone(wanted.digest),
  );
}
