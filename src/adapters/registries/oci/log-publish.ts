import { join } from 'node:path';
import { sha256Hex } from '../../../domain/digest/hex.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import type { Integration } from '../../../domain/ports/log.ts';
import type { Door, Waiting } from '../../../domain/tlog/door.ts';
import { parseLeaf, type LogEntry } from '../../../domain/tlog/leaf.ts';
import type { Descriptor } from '../../../domain/registry/referrer.ts';
import { growLog } from '../../../domain/tlog/append.ts';
import { parseCheckpoint, type VerifiedCheckpoint } from '../../../domain/tlog/checkpoint.ts';
import type { LogPolicy } from '../../../domain/tlog/quorum.ts';
import { tilePath, TILE_WIDTH, type Tile } from '../../../domain/tlog/tiles.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import { requireOwnKey, type LogKey } from '../../log-store/log-key.ts';
import { emptyOf, remember, type LogView } from '../../log-store/view.ts';
import { askWitnesses } from '../../log-store/witness.ts';
import { fetchManifest, tryDeleteTag } from './manifests.ts';
import { TYPES, headLayers, putLayer, putArtifact } from './log-artifacts.ts';
import { type Remote, load, loggedLeaves } from './log-read.ts';
import { type Pending, readPending } from './log-pending.ts';

const files = createFiles();

/** What was signed but perhaps not published: a checkpoint of that size is never signed again (security rule 17). */
interface Signed {
  readonly note: string;
  readonly leaves: readonly Uint8Array[];
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

export async function integrate(
  remote: Remote,
  policy: LogPolicy | undefined,
  door: Door | undefined,
): Promise<Integration> {
  const key = requireOwnKey(await remote.loadKey(), remote);
  const before = await load(remote);
  const logged = await loggedLeaves(before);
  const { pending, strays } = await readPending(remote);
  const unfinished = await readSigned(remote, before.head);
  const fresh = pending.filter(({ bytes }) => !logged.has(sha256Hex(bytes)));
  const judged = await atTheDoor(remote, fresh, door);
  const leaves = unfinished?.leaves ?? judged.filter(({ answer }) => answer === 'admitted').map(({ bytes }) => bytes);
  if (leaves.length > 0) await publish(remote, { before, key, leaves, unfinished });
  for (const { tag } of pending.filter(
    ({ bytes }) => logged.has(sha256Hex(bytes)) || leaves.some((leaf) => Buffer.compare(leaf, bytes) === 0),
  )) {
    await tryDeleteTag(remote.client, remote.repository, tag);
  }
  const swept = door === undefined ? [] : await sweep(remote, judged, strays);
  const kept = judged.flatMap(({ answer, leaf, why }) => (answer === 'kept' ? [{ leaf, why }] : []));
  const after = await load(remote);
  const first = before.head?.size ?? 0;
  const added: readonly LogEntry[] = leaves.map((bytes, at) => ({ index: first + at, leaf: parseLeaf(bytes) }));
  return { size: after.head?.size ?? 0, added, swept, kept, ...(await cosign(remote, after, policy)) };
}

interface Judged extends Pending {
  readonly answer: 'admitted' | 'swept' | 'kept';
  readonly why: string;
}

async function atTheDoor(
  remote: Remote,
  fresh: readonly Pending[],
  door: Door | undefined,
): Promise<readonly Judged[]> {
  const seen = door === undefined ? new Map<string, string>() : await firstSeen(remote, fresh);
  const judged: Judged[] = [];
  for (const each of fresh) {
    const admission = await door?.(each.leaf, new Date(seen.get(each.tag) ?? remote.now()));
    judged.push({ ...each, why: '', answer: 'admitted', ...admission });
  }
  return judged;
}

/** Since when each waits, as this operator saw it: a registry's own word on time is anybody's. */
async function firstSeen(remote: Remote, waiting: readonly Pending[]): Promise<ReadonlyMap<string, string>> {
  const path = join(remote.stateFolder, 'waiting', `${sha256Hex(remote.origin).slice(0, 32)}.json`);
  const bytes = await files.readIfThere(path, LIMITS.digestListBytes);
  const known = bytes === null ? {} : parseStrictJsonObject(bytes, { code: 'config-invalid', subject: path });
  const now = remote.now().toISOString();
  const since = waiting.map(({ tag }): readonly [string, string] => {
    const earlier = known[tag];
    return [tag, typeof earlier === 'string' && !Number.isNaN(Date.parse(earlier)) ? earlier : now];
  });
  await writeFileAtomic(path, JSON.stringify(Object.fromEntries(since)), { mode: 0o600 });
  return new Map(since);
}

async function sweep(
  remote: Remote,
  judged: readonly Judged[],
  strays: readonly string[],
): Promise<readonly Waiting[]> {
  const out = judged.filter(({ answer }) => answer === 'swept');
  for (const tag of [...out.map((each) => each.tag), ...strays])
    await tryDeleteTag(remote.client, remote.repository, tag);
  return [
    ...out.map(({ leaf, why }) => ({ leaf, why })),
    ...strays.map(() => ({ leaf: null, why: 'it is no entry of a log' })),
  ];
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
