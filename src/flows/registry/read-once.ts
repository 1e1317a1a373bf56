import type { Registry } from '../../domain/ports/registry.ts';

/** Of what is kept; beyond it all is let go of, and read again where it is asked for. */
const MOST_BYTES = 64 << 20;

/**
 * A registry whose manifests, claims and attachments are read once in a run over many artifacts: what many descend from, whatever
 * was revoked, and earlier policies are asked for with each. Content is read whenever it is asked for. Failures are not kept.
 */
export function readOnce(registry: Registry, mostBytes = MOST_BYTES): Registry {
  let bytes = 0;
  const known = new Map<string, readonly Uint8Array[]>();
  const once = async (key: string, read: () => Promise<readonly Uint8Array[]>): Promise<readonly Uint8Array[]> => {
    const found = known.get(key) ?? (await read());
    if (known.has(key)) return found;
    bytes += found.reduce((sum, { length }) => sum + length, 0);
    if (bytes > mostBytes) {
      known.clear();
      bytes = 0;
    } else known.set(key, found);
    return found;
  };
  return {
    ...registry,
    claims: async (name, id) => once(`claims ${name}@${id}`, async () => registry.claims(name, id)),
    attachments: async (name, id, type) =>
      once(`${type} ${name}@${id}`, async () => registry.attachments(name, id, type)),
    getManifest: async (name, digest) => {
      const [found] = await once(`manifest ${name}@${digest}`, async () => [await registry.getManifest(name, digest)]);
      return found ?? registry.getManifest(name, digest);
    },
  };
}
