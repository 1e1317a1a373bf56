import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { TrustEntry } from '../domain/claims/types.ts';
import type { Files } from '../domain/ports/files.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { KnownPlace } from '../domain/metadata/known-stores.ts';
import type { Inventory } from '../flows/load/inventory-types.ts';
import { gateInput, gatePorts, type GateOptions } from './gate.ts';
import { callPorts, keyless, signalOf, type CallOptions } from './ports.ts';

export interface InventoryOptions extends CallOptions {
  /** Folders and files to look in, besides the stores. */
  readonly paths?: readonly string[];
  /**
   * Look in the caches and stores of a user too, and in this machine's packages, as an environment says where they are; HOME at
   * least. Default: only in the paths.
   */
  readonly stores?: Readonly<Record<string, string | undefined>>;
  /** Read every byte: ids, the content behind signatures, what stores recorded. Default: headers alone. */
  readonly hash?: boolean;
  /** Whose signatures count; default: nobody's, and no signature is said to be anybody's. */
  readonly trust?: readonly TrustEntry[];
  /** PEM chains of RFC 3161 authorities to believe. */
  readonly timestampAuthorities?: readonly string[];
  /** Files of threat intelligence to hold all of it against, and the public key (PEM) that must have signed each as `FILE.sig`. */
  readonly feeds?: readonly string[];
  readonly feedKey?: string;
  /** Ask what is promoted: to this environment, or absent to any of the policy. Its people are then whose signatures count. */
  readonly promotion?: Pick<GateOptions, 'policy' | 'stateFolder'> & {
    readonly registry: Registry;
    readonly environment?: string;
  };
}

/**
 * Every model, dataset, adapter and agent skill below the places: what it is, whose, what is known against it, where it is
 * promoted. What cannot be read is in `broken`, and the list is then not whole: the command ends with 4. Sizes are bytes.
 * @throws WeighmarkError `not-found` for a path that is not there, `usage` with neither paths nor stores, `trust-invalid`, `interrupted`.
 */
export async function inventory(options: InventoryOptions): Promise<Inventory> {
  const [{ inventory: flow }, { findArtifacts }] = await Promise.all([
    import('../flows/load/inventory.ts'),
    import('../flows/load/find-artifacts.ts'),
  ]);
  const files = createFiles();
  const finds = await findArtifacts(await placesOf(options, files), { files, signal: signalOf(options) });
  const asked = await promotionOf(options);
  const { trust = [], timestampAuthorities = [], hash = false } = options;
  const { policyTrust, policyFileTrust } = await import('../domain/authority/authority.ts');
  const input = { finds, hash, ...(await feedsOf(options)), ...(asked === undefined ? {} : { promotion: asked }) };
  return flow(input, {
    ...callPorts(options),
    keyless,
    trust: async () => (asked === undefined ? trust : policyTrust(asked.policy)),
    ...(asked === undefined ? {} : { fileTrust: async () => policyFileTrust(asked.policy) }),
    timestampAuthorities: async () => [...(asked?.policy.timestampAuthorities ?? []), ...timestampAuthorities],
  });
}

async function placesOf({ paths = [], stores }: InventoryOptions, files: Files): Promise<readonly KnownPlace[]> {
  if (paths.length === 0 && stores === undefined)
    throw new WeighmarkError('usage', 'where to look? give `paths`, or `stores` with the environment of a user');
  const named = paths.map((path) => ({ store: 'folder' as const, location: resolve(path) }));
  for (const { location } of named)
    if ((await files.kindOf(location)) === 'none')
      throw new WeighmarkError('not-found', `${location}: there is no such file or folder`, { subject: location });
  if (stores === undefined) return named;
  const { userPlaces } = await import('../flows/load/user-places.ts');
  return [...named, ...(await userPlaces(stores, { home: homeOf(stores), cwd: process.cwd() }, files))];
}

function homeOf({ HOME: home }: Readonly<Record<string, string | undefined>>): string {
  if (home !== undefined && home !== '') return home;
  throw new WeighmarkError('usage', 'whose stores? `stores` names the user by HOME');
}

async function promotionOf({ promotion, timestampAuthorities, ...options }: InventoryOptions) {
  if (promotion === undefined) return undefined;
  const { registry, environment = null, policy: text, stateFolder } = promotion;
  const asked = {
    registry,
    policy: text,
    name: '',
    reference: '',
    ...(timestampAuthorities === undefined ? {} : { timestampAuthorities }),
  };
  const { policy } = await gateInput(asked);
  const ports = await gatePorts({ ...options, ...(stateFolder === undefined ? {} : { stateFolder }) });
  return { policy, environment, timestampAuthorities: timestampAuthorities ?? [], registry, ports };
}

async function feedsOf({ feeds = [], feedKey }: InventoryOptions) {
  if (feeds.length === 0 && feedKey !== undefined) throw new WeighmarkError('usage', 'a key of feeds without feeds');
  if (feeds.length === 0) return {};
  const [{ readFeeds }, { createFeeds }] = await Promise.all([
    import('../flows/content/scan.ts'),
    import('../adapters/feeds/index.ts'),
  ]);
  const settings = { env: {}, cwd: process.cwd(), offline: true };
  const ports = { feeds: createFeeds(settings), clock: { now: () => new Date() } };
  return { feeds: (await readFeeds(feeds, ports, feedKey)).index };
}
