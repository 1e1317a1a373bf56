import { policyHearing } from '../../domain/authority/authority.ts';
import { hear } from '../../domain/authority/speaker.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { isTooLarge, looseEnvelope } from '../../domain/claims/loose-envelope.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { Admission, Door } from '../../domain/tlog/door.ts';
import type { LogLeaf } from '../../domain/tlog/leaf.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { claimsIfThere } from './gate-claims.ts';

export interface DoorQuestion {
  /** Whose word is admitted; null: nobody's that decides anything, so pushes and claims alone. */
  readonly policy: Policy | null;
  readonly verification: Omit<Verification, 'trust'>;
}

/** A claim is stored before its entry is asked for: one that is not there by then never will be, or comes with another. */
const GRACE_MS = 24 * 3_600_000;
/** Manifests of a name that are looked through for one claim. */
const MOST_PLACES = 100;

/**
 * The log's door. Whoever may push may ask for an entry, and every decision reads every revocation: so an entry is admitted
 * only if its bundle is there and by somebody who is, or once was, of the policy. What is proven to be nobody's is swept; what
 * may be somebody's and cannot be proven here waits, and is reported.
 */
export function doorOf({ policy, verification }: DoorQuestion, registry: Registry): Door {
  const bundles = bundleFinder(registry);
  return async (leaf, since) => {
    if (leaf.kind === 'push' && leaf.bundle === leaf.manifest) return pushed(leaf, since, { registry, verification });
    if (policy === null && leaf.kind !== 'push' && leaf.kind !== 'claim')
      return kept(`a ${leaf.kind} is admitted under a policy: say \`--policy FILE\``);
    const bytes = await bundles(leaf).catch(asUnread);
    if (bytes === null) return absent(since, verification.now);
    if (typeof bytes === 'string') return kept(bytes);
    return leaf.kind === 'push' ? ADMITTED : judged(bytes, policy, verification);
  };
}

async function judged(
  bytes: Uint8Array,
  policy: Policy | null,
  verification: DoorQuestion['verification'],
): Promise<Admission> {
  const maxBytes = LIMITS.signatureBytes;
  if (looseEnvelope(bytes, maxBytes) === null)
    return isTooLarge(bytes, maxBytes) ? kept(TOO_LARGE) : swept('its bundle holds no signed statement');
  if (policy === null) return ADMITTED;
  const heard = await hear(bytes, { ...verification, trust: policyHearing(policy), maxBytes });
  if (heard.standing === 'stranger') return swept(`it is by nobody whom the policy names: ${heard.why.message}`);
  if (heard.standing === 'named' || heard.proven) return ADMITTED;
  return kept(`it says to be by ${heard.names.join(' or ')}, and that cannot be proven here: ${heard.why.message}`);
}

const TOO_LARGE = 'its bundle is too large to be read: nobody can tell whose it is';

const UNREAD: readonly string[] = ['limit-exceeded', 'claim-missing'];

/** What the registry has, or may have, and nobody here reads, is not nobody's; of other failures nothing is decided. */
function asUnread(error: unknown): string {
  if (error instanceof WeighmarkError && UNREAD.includes(error.code)) return `it is not read: ${error.message}`;
  throw error;
}

const ADMITTED: Admission = { answer: 'admitted' };

function kept(why: string): Admission {
  return { answer: 'kept', why };
}

function swept(why: string): Admission {
  return { answer: 'swept', why };
}

function absent(since: Date, now: Date): Admission {
  const isOver = now.getTime() - since.getTime() >= GRACE_MS;
  return isOver ? swept('what it names did not come within a day') : kept('what it names is not there (yet)');
}

async function pushed(
  { name, manifest }: LogLeaf,
  since: Date,
  { registry, verification }: { registry: Registry; verification: DoorQuestion['verification'] },
): Promise<Admission> {
  const isThere = await registry.getManifest(name, manifest).then(
    () => true,
    () => false,
  );
  return isThere ? ADMITTED : absent(since, verification.now);
}

/**
 * The bundle that an entry names: where it says, else with anything of its name, newest first, since claims about ancestors come
 * along. Null: it is nowhere.
 * @throws WeighmarkError `limit-exceeded` where it may lie further back, or is larger than anything that is read.
 */
export function bundleFinder(
  registry: Registry,
  most: number = MOST_PLACES,
): (leaf: LogLeaf) => Promise<Uint8Array | null> {
  const places = new Map<string, Promise<ReadonlyMap<string, Uint8Array>>>();
  const at = (name: string, id: string): Promise<ReadonlyMap<string, Uint8Array>> => {
    const key = `${name}@${id}`;
    const known = places.get(key) ?? byDigest(registry, name, id);
    places.set(key, known);
    return known;
  };
  let listed: Promise<readonly { readonly name: string; readonly id: string }[]> | undefined;
  return async (leaf) => {
    const own = (await at(leaf.name, leaf.manifest)).get(leaf.bundle);
    if (own !== undefined) return own;
    const others = (await (listed ??= registry.list())).filter(({ name }) => name === leaf.name).toReversed();
    for (const { id } of others.slice(0, most)) {
      const found = (await at(leaf.name, id)).get(leaf.bundle);
      if (found !== undefined) return found;
    }
    if (others.length <= most) return null;
    throw new WeighmarkError(
      'limit-exceeded',
      `${leaf.name} has more than ${most} versions, and it is with none of the newest`,
    );
  };
}

async function byDigest(registry: Registry, name: string, id: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const bundles = await claimsIfThere(registry, name, id);
  return new Map(bundles.map((bytes) => [`sha256:${sha256Hex(bytes)}`, bytes]));
}
