import { join } from 'node:path';
import { sha256Hex, ociDigest } from '../../../domain/digest/hex.ts';
import { MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject, type Json } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import type { Integration, LoggedLeaf, TransparencyLog } from '../../../domain/ports/log.ts';
import { formatLeaf, parseLeaf, type LogEntry, type LogLeaf } from '../../../domain/tlog/leaf.ts';
import { EMPTY_CONFIG, EMPTY_CONFIG_TYPE, readDescriptor, type Descriptor } from '../../../domain/registry/referrer.ts';
import { growLog } from '../../../domain/tlog/append.ts';
import { auditLog } from '../../../domain/tlog/audit.ts';
import { parseCheckpoint, type VerifiedCheckpoint } from '../../../domain/tlog/checkpoint.ts';
import type { LogPolicy } from '../../../domain/tlog/quorum.ts';
import { tilePath, TILE_WIDTH, type ReadTile, type Tile } from '../../../domain/tlog/tiles.ts';
import { noteText, parseVkey } from '../../../domain/tlog/note.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import { withLock } from '../../log-store/lock.ts';
import { loadLogKey, requireOwnKey, type LogKey } from '../../log-store/log-key.ts';
import { anchor, emptyOf, loadView, readersOf, remember, type Known, type LogView } from '../../log-store/view.ts';
import { askWitnesses } from '../../log-store/witness.ts';
import { logKeyFile, trustedKeys, type LogIdentity, type RegistryDeps } from '../setup.ts';
import type { OciClient } from './client.ts';
import { downloadBytes } from './download.ts';
import { allTags, fetchManifest, sendManifest, tryDeleteTag } from './manifests.ts';
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
const TYPES = {
  identity: 'application/vnd.weighmark.log-identity.v1',
  head: 'application/vnd.weighmark.log.v1',
  entry: 'application/vnd.weighmark.log-entry.v1',
} as const;
const PENDING = 'pending-';
const TILE_BYTES = TILE_WIDTH * (LIMITS.logLeafBytes + 2);
const files = createFiles();

interface Remote extends LogPlace, Known {
  readonly remembered: boolean;
  readonly anchored: boolean;
  readonly loadKey: () => Promise<LogKey>;
  readonly now: () => Date;
}

/** A log of no name if the registry has none: every question to it is refused. @throws WeighmarkError `log-key-mismatch`. */
export async function openRemoteLog(place: LogPlace, deps: RegistryDeps): Promise<TransparencyLog> {
  const said = await readIdentity(place);
  if (said === null) return absentLog(place.place);
  const remote: Remote = {
    ...place,
    origin: said.origin,
    ...(await trustedKeys(said, place.place, deps)),
    loadKey: async () => loadLogKey(logKeyFile(deps, said.origin), said.origin),
    now: deps.now ?? (() => new Date()),
  };
  return {
    origin: remote.origin,
    vkeys: remote.vkeys,
    remembered: remote.remembered,
    anchored: remote.anchored,
    anchor: () => anchor(remote),
    append: (leaves) => putPending(remote, leaves),
    pending: () => waitingLeaves(remote),
    integrate: (policy) => withLock(join(remote.stateFolder, 'operator.db'), () => integrate(remote, policy)),
    ...readersOf(() => load(remote)),
  };
}

/** Artifacts of any OCI registry can be read; nothing can be said of what was logged. */
function absentLog(place: string): TransparencyLog {
  const refuse = async (): Promise<never> => {
    throw new WeighmarkError('not-found', `${place} has no log`, {
      subject: place,
      hint: `make one with \`weighmark registry init ${place}\``,
    });
  };
  return {
    origin: '',
    vkeys: [],
    remembered: false,
    anchored: false,
    anchor: async () => {},
    append: refuse,
    checkpoint: refuse,
    entries: refuse,
    find: refuse,
    pending: refuse,
    prove: refuse,
    verify: refuse,
    integrate: refuse,
  };
}

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

function load(remote: Remote): Promise<LogView> {
  return loadView(remote, async () => {
    const layers = await headLayers(remote);
    const checkpoint = layers.get('checkpoint');
    const note =
      checkpoint === undefined
        ? null
        : noteText(
            await downloadBytes(remote.client, { repository: remote.repository, digest: checkpoint.digest }, 1 << 18),
          );
    return { note, read: tileReader(remote, layers), stored: async () => [...layers.keys()] };
  });
}

/** Descriptors of the newest published state, by path below a log's folder. */
async function headLayers(place: LogPlace): Promise<ReadonlyMap<string, Descriptor>> {
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

/** Full tiles never change: they are kept. All are checked against the checkpoint by whoever reads them. */
function tileReader(place: LogPlace, layers: ReadonlyMap<string, Descriptor>): ReadTile {
  return async (tile: Tile) => {
    const layer = layers.get(tilePath(tile));
    if (layer === undefined)
      throw new WeighmarkError('log-invalid', `${tilePath(tile)} is missing`, { subject: tilePath(tile) });
    const kept = tile.width === TILE_WIDTH ? join(place.stateFolder, 'tiles', layer.digest.slice(7)) : null;
    const found = kept === null ? null : await files.readIfThere(kept, TILE_BYTES);
    if (found !== null && ociDigest(found) === layer.digest) return found;
    const bytes = await downloadBytes(place.client, { repository: place.repository, digest: layer.digest }, TILE_BYTES);
    if (kept !== null) await writeFileAtomic(kept, bytes, { mode: 0o600 }).catch(() => {});
    return bytes;
  };
}

/** Every waiting entry has its own tag, named by its content: no writer overwrites another's, and a repeat is the same. */
async function putPending(remote: Remote, leaves: readonly LogLeaf[]): Promise<readonly LoggedLeaf[]> {
  for (const leaf of leaves) {
    const bytes = formatLeaf(leaf);
    const layer = await putLayer(remote, { bytes: Buffer.from(bytes), title: 'leaf.json' });
    await putArtifact(remote, { tag: `${PENDING}${sha256Hex(bytes)}`, type: TYPES.entry, layers: [layer] });
  }
  return leaves.map((leaf) => ({ leaf, index: null }));
}

interface Pending {
  readonly tag: string;
  readonly bytes: Uint8Array;
  readonly leaf: LogLeaf;
}

/** Where nobody may delete, the tags of logged entries stay: those do not wait. */
async function waitingLeaves(remote: Remote): Promise<readonly LogLeaf[]> {
  const pending = await pendingLeaves(remote);
  const logged = pending.length === 0 ? new Set<string>() : await loggedLeaves(await load(remote));
  return pending.filter(({ bytes }) => !logged.has(sha256Hex(bytes))).map(({ leaf }) => leaf);
}

/** In the order of their tags; what is no leaf, or not what its tag names, is passed over: anybody may tag anything. */
async function pendingLeaves(remote: LogPlace): Promise<readonly Pending[]> {
  const tags = (await allTags(remote.client, remote.repository))
    .filter((tag) => /^pending-[0-9a-f]{64}$/.test(tag))
    .toSorted();
  const found = await Promise.all(
    tags.map(async (tag) => ({ tag, bytes: await readOnlyLayer(remote, tag).catch(() => null) })),
  );
  return found.flatMap(({ tag, bytes }) => {
    if (bytes === null || `${PENDING}${sha256Hex(bytes)}` !== tag) return [];
    try {
      return [{ tag, bytes, leaf: parseLeaf(bytes) }];
    } catch {
      return [];
    }
  });
}

/** What was signed but perhaps not published: a checkpoint of that size is never signed again (security rule 17). */
interface Signed {
  readonly note: string;
  readonly leaves: readonly Uint8Array[];
}

async function integrate(remote: Remote, policy: LogPolicy | undefined): Promise<Integration> {
  const key = requireOwnKey(await remote.loadKey(), remote);
  const before = await load(remote);
  const logged = await loggedLeaves(before);
  const pending = await pendingLeaves(remote);
  const unfinished = await readSigned(remote, before.head);
  const fresh = pending.filter(({ bytes }) => !logged.has(sha256Hex(bytes)));
  const leaves = unfinished?.leaves ?? fresh.map(({ bytes }) => bytes);
  if (leaves.length > 0) await publish(remote, { before, key, leaves, unfinished });
  for (const { tag } of pending.filter(
    ({ bytes }) => logged.has(sha256Hex(bytes)) || leaves.some((leaf) => Buffer.compare(leaf, bytes) === 0),
  )) {
    await tryDeleteTag(remote.client, remote.repository, tag);
  }
  const after = await load(remote);
  const first = before.head?.size ?? 0;
  const added: readonly LogEntry[] = leaves.map((bytes, at) => ({ index: first + at, leaf: parseLeaf(bytes) }));
  return { size: after.head?.size ?? 0, added, ...(await cosign(remote, after, policy)) };
}

async function loggedLeaves({ head, read }: LogView): Promise<ReadonlySet<string>> {
  const hashes = new Set<string>();
  if (head !== null) await auditLog(head, read, (_, leaf) => hashes.add(sha256Hex(leaf)));
  return hashes;
}

interface Publication {
  readonly before: LogView;
  readonly key: LogKey;
  readonly leaves: readonly Uint8Array[];
  readonly unfinished: Signed | null;
}

async function publish(remote: Remote, { before, key, leaves, unfinished }: Publication): Promise<void> {
  const growth = await growLog(before.head ?? emptyOf(remote.origin), leaves, before.read);
  const note =
    unfinished?.note ??
    key.sign(
      { origin: remote.origin, size: growth.size, root: growth.root },
      Math.floor(remote.now().getTime() / 1000),
    );
  await writeFileAtomic(
    signedFile(remote),
    JSON.stringify({ note, leaves: leaves.map((leaf) => Buffer.from(leaf).toString('base64')) }),
    { mode: 0o600 },
  );
  const layers = new Map(
    [...(await headLayers(remote))].filter(([path]) => path !== 'checkpoint' && !path.includes('.p/')),
  );
  for (const { tile, bytes } of growth.tiles)
    layers.set(tilePath(tile), await putLayer(remote, { bytes: Buffer.from(bytes), title: tilePath(tile) }));
  await keepPartials(remote, { layers, grown: growth.tiles.map(({ tile }) => tile) });
  await putHead(remote, { note, layers });
  await remember(remote, { note, anchored: true });
}

/** Unfinished tiles that did not change stay; those that grew are replaced. */
async function keepPartials(
  remote: Remote,
  { layers, grown }: { layers: Map<string, Descriptor>; grown: readonly Tile[] },
): Promise<void> {
  const replaced = new Set(grown.map((tile) => tilePath({ ...tile, width: TILE_WIDTH })));
  for (const [path, layer] of await headLayers(remote)) {
    if (path.includes('.p/') && !replaced.has(path.slice(0, path.indexOf('.p/')))) layers.set(path, layer);
  }
}

/** The new state in one manifest, read back: another operator at work would be noticed here. */
async function putHead(
  remote: Remote,
  { note, layers }: { note: string; layers: ReadonlyMap<string, Descriptor> },
): Promise<void> {
  const checkpoint = await putLayer(remote, { bytes: Buffer.from(note), title: 'checkpoint' });
  const digest = await putArtifact(remote, { tag: 'head', type: TYPES.head, layers: [checkpoint, ...layers.values()] });
  const found = await fetchManifest(remote.client, remote.repository, 'head');
  if (found?.digest !== digest)
    throw new WeighmarkError('log-fork', 'somebody else published a state of the log at the same time', {
      subject: remote.origin,
      hint: 'a log has one operator: let one pipeline run `log integrate`',
    });
}

async function cosign(
  remote: Remote,
  view: LogView,
  policy: LogPolicy | undefined,
): Promise<Pick<Integration, 'cosigned' | 'refused'>> {
  const { head } = view;
  if (head === null || policy === undefined) return { cosigned: [], refused: [] };
  const { note, cosigned, refused } = await askWitnesses({ ...view, head }, policy);
  const layers = new Map(await headLayers(remote));
  layers.delete('checkpoint');
  if (cosigned.length > 0) await putHead(remote, { note, layers });
  return { cosigned, refused };
}

/** Null if the newest signed state is published. @throws WeighmarkError `log-rollback` if the registry lost more than that. */
async function readSigned(remote: Remote, head: VerifiedCheckpoint | null): Promise<Signed | null> {
  const bytes = await files.readIfThere(signedFile(remote), LIMITS.digestListBytes);
  if (bytes === null) return null;
  const { note, leaves } = parseStrictJsonObject(bytes, { code: 'config-invalid', subject: signedFile(remote) });
  if (typeof note !== 'string' || !Array.isArray(leaves))
    throw new WeighmarkError('config-invalid', 'the record of what was signed cannot be read', {
      subject: signedFile(remote),
    });
  const { size } = parseCheckpoint(note);
  const published = head?.size ?? 0;
  if (size <= published) return null;
  if (size === published + leaves.length)
    return { note, leaves: leaves.map((leaf) => Buffer.from(String(leaf), 'base64')) };
  throw new WeighmarkError('log-rollback', 'the log has lost entries that were signed here', {
    subject: remote.origin,
    facts: { signed: `size ${size}`, found: `size ${published}` },
  });
}

function signedFile(remote: Remote): string {
  return join(remote.stateFolder, 'signed', `${sha256Hex(remote.origin).slice(0, 32)}.json`);
}

async function putLayer(place: LogPlace, { bytes, title }: { bytes: Uint8Array; title: string }): Promise<Descriptor> {
  const digest = ociDigest(bytes);
  await uploadBlob({ repository: place.repository, digest, content: bytes }, place);
  return { mediaType: 'application/octet-stream', digest, size: bytes.length, annotations: { [TITLE]: title } };
}

async function putArtifact(
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
async function readOnlyLayer(place: Pick<LogPlace, 'client' | 'repository'>, tag: string): Promise<Uint8Array | null> {
  const fetched = await fetchManifest(place.client, place.repository, tag);
  const [layer] = fetched === null ? [] : layersOf(fetched.bytes).values();
  return layer === undefined
    ? null
    : downloadBytes(place.client, { repository: place.repository, digest: layer.digest }, LIMITS.configBytes);
}
