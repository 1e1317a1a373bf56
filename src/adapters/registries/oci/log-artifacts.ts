import { ociDigest } from '../../../domain/digest/hex.ts';
import { MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject, type Json } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { EMPTY_CONFIG, EMPTY_CONFIG_TYPE, readDescriptor, type Descriptor } from '../../../domain/registry/referrer.ts';
import { parseVkey } from '../../../domain/tlog/note.ts';
import type { LogIdentity } from '../setup.ts';
import type { OciClient } from './client.ts';
import { downloadBytes } from './download.ts';
import { fetchManifest, sendManifest } from './manifests.ts';
import { uploadBlob } from './upload.ts';

/** The log in a repository of its own: `identity` says whose it is, `head` lists checkpoint and tiles as layers. */
export interface LogPlace {
  readonly client: OciClient;
  readonly repository: string;
  /** What the registry is called: the key of the memory of places. */
  readonly place: string;
  readonly stateFolder: string;
}

const TITLE = 'org.opencontainers.image.title';

export const TYPES = {
  identity: 'application/vnd.weighmark.log-identity.v1',
  head: 'application/vnd.weighmark.log.v1',
  entry: 'application/vnd.weighmark.log-entry.v1',
} as const;

export async function readIdentity(place: Pick<LogPlace, 'client' | 'repository'>): Promise<LogIdentity | null> {
  const bytes = await readOnlyLayer(place, 'identity');
  if (bytes === null) return null;
  const { version, origin, vkeys } = parseStrictJsonObject(bytes, {
    code: 'log-invalid',
    subject: 'the identity of a log',
  });
  if (version !== 1 || typeof origin !== 'string' || !Array.isArray(vkeys))
    throw new WeighmarkError('log-invalid', 'the identity of the log has an unknown form');
  return { origin, vkeys: vkeys.map((vkey) => (parseVkey(String(vkey)), String(vkey))) };
}

export async function writeIdentity(place: LogPlace, identity: LogIdentity): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ version: 1, ...identity }));
  await putArtifact(place, {
    tag: 'identity',
    type: TYPES.identity,
    layers: [await putLayer(place, { bytes, title: 'identity.json' })],
  });
}

/** Descriptors of the newest published state, by path below a log's folder. */
export async function headLayers(place: LogPlace): Promise<ReadonlyMap<string, Descriptor>> {
  const fetched = await fetchManifest(place.client, place.repository, 'head');
  return fetched === null ? new Map() : layersOf(fetched.bytes);
}

function layersOf(manifest: Uint8Array): ReadonlyMap<string, Descriptor> {
  const { layers } = parseStrictJsonObject(manifest, {
    code: 'log-invalid',
    subject: 'the list of tiles',
    maxBytes: LIMITS.manifestBytes,
  });
  if (!Array.isArray(layers)) throw new WeighmarkError('log-invalid', 'the list of tiles has no layers');
  return new Map(
    layers
      .map((entry: Json) => readDescriptor(entry))
      .flatMap((layer) =>
        layer?.annotations?.[TITLE] === undefined ? [] : [[layer.annotations[TITLE], layer] as const],
      ),
  );
}

export async function putLayer(
  place: LogPlace,
  { bytes, title }: { bytes: Uint8Array; title: string },
): Promise<Descriptor> {
  const digest = ociDigest(bytes);
  await uploadBlob({ repository: place.repository, digest, content: bytes }, place);
  return { mediaType: 'application/octet-stream', digest, size: bytes.length, annotations: { [TITLE]: title } };
}

export async function putArtifact(
  place: LogPlace,
  { tag, type, layers }: { tag: string; type: string; layers: readonly Descriptor[] },
): Promise<string> {
  await uploadBlob({ repository: place.repository, digest: ociDigest(EMPTY_CONFIG), content: EMPTY_CONFIG }, place);
  const config = { mediaType: EMPTY_CONFIG_TYPE, digest: ociDigest(EMPTY_CONFIG), size: EMPTY_CONFIG.length };
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, artifactType: type, config, layers }),
  );
  await sendManifest(place.client, place.repository, { reference: tag, bytes, mediaType: MANIFEST_TYPE });
  return ociDigest(bytes);
}

/** Content of an artifact of one layer; null if there is no such tag. */
export async function readOnlyLayer(
  place: Pick<LogPlace, 'client' | 'repository'>,
  tag: string,
): Promise<Uint8Array | null> {
  const fetched = await fetchManifest(place.client, place.repository, tag);
  const [layer] = fetched === null ? [] : layersOf(fetched.bytes).values();
  return layer === undefined
    ? null
    : downloadBytes(place.client, { repository: place.repository, digest: layer.digest }, LIMITS.configBytes);
}
