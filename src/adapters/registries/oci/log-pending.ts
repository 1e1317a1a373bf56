import { sha256Hex } from '../../../domain/digest/hex.ts';
import type { LoggedLeaf } from '../../../domain/ports/log.ts';
import { formatLeaf, parseLeaf, type LogLeaf } from '../../../domain/tlog/leaf.ts';
import { allTags } from './manifests.ts';
import { type LogPlace, TYPES, putLayer, putArtifact, readOnlyLayer } from './log-artifacts.ts';
import { type Remote, load, loggedLeaves } from './log-read.ts';

const PENDING = 'pending-';

/** Every waiting entry has its own tag, named by its content: no writer overwrites another's, and a repeat is the same. */
export async function putPending(remote: Remote, leaves: readonly LogLeaf[]): Promise<readonly LoggedLeaf[]> {
  for (const leaf of leaves) {
    const bytes = formatLeaf(leaf);
    const layer = await putLayer(remote, { bytes: Buffer.from(bytes), title: 'leaf.json' });
    await putArtifact(remote, { tag: `${PENDING}${sha256Hex(bytes)}`, type: TYPES.entry, layers: [layer] });
  }
  return leaves.map((leaf) => ({ leaf, index: null }));
}

export interface Pending {
  readonly tag: string;
  readonly bytes: Uint8Array;
  readonly leaf: LogLeaf;
}

async function pendingTags(remote: LogPlace): Promise<readonly string[]> {
  const tags = await allTags(remote.client, remote.repository);
  return tags.filter((tag) => /^pending-[0-9a-f]{64}$/.test(tag)).toSorted();
}

/** Where nobody may delete, the tags of logged entries stay: those do not wait. */
export async function waitingLeaves(remote: Remote): Promise<readonly LogLeaf[]> {
  const { pending } = await readPending(remote);
  const logged = pending.length === 0 ? new Set<string>() : await loggedLeaves(await load(remote));
  return pending.filter(({ bytes }) => !logged.has(sha256Hex(bytes))).map(({ leaf }) => leaf);
}

/**
 * What waits, in the order of its tags, and the tags that say so and hold no entry: anybody may tag anything. Both of one
 * look: what comes afterwards is in neither, and what cannot be read may be an entry.
 */
export async function readPending(
  remote: LogPlace,
): Promise<{ readonly pending: readonly Pending[]; readonly strays: readonly string[] }> {
  const tags = await pendingTags(remote);
  const read = await Promise.all(
    tags.map(async (tag) => ({ tag, bytes: await readOnlyLayer(remote, tag).catch(() => null) })),
  );
  const held = read.flatMap(({ tag, bytes }) => (bytes === null ? [] : [{ tag, entry: entryOf(tag, bytes) }]));
  return {
    pending: held.flatMap(({ entry }) => entry ?? []),
    strays: held.flatMap(({ tag, entry }) => (entry === null ? [tag] : [])),
  };
}

function entryOf(tag: string, bytes: Uint8Array): Pending | null {
  if (`${PENDING}${sha256Hex(bytes)}` !== tag) return null;
  try {
    return { tag, bytes, leaf: parseLeaf(bytes) };
  } catch {
    return null;
  }
}
