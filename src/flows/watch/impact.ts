import type { TrustEntry, VerifiedClaim } from '../../domain/claims/types.ts';
import { hear } from '../../domain/authority/speaker.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { bindingOf } from '../../domain/claims/binding.ts';
import { namesFrom, namesIn, namesOfArtifact } from '../../domain/claims/names.ts';
import { artifactsIn } from '../registry/known.ts';
import { edgeWord } from '../../domain/lineage/edges.ts';
import { isProvenance, readProvenance } from '../../domain/lineage/provenance.ts';
import type { EdgeWord } from '../../domain/lineage/types.ts';
import type { Clock } from '../../domain/ports/terminal.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import type { LogEntry } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';

/** An artifact that descends from the one in question. */
export interface Descendant {
  readonly id: string;
  /** Names the registry and the log know it by. */
  readonly names: readonly string[];
  /** Through what it descends: the nearest ancestor on a shortest way, and how. */
  readonly through: string;
  readonly word: EdgeWord;
  readonly distance: number;
  /** Where it is the newest promotion in the log; who promoted it is `audit`'s question. */
  readonly environments: readonly { readonly name: string; readonly environment: string; readonly index: number }[];
}

export interface ImpactInput {
  /** Hex SHA-256 of the artifact, or of a single file. */
  readonly digest: string;
  /** Whose provenance counts. Every trusted signer's does, dated or not: an impact is better found once too often. */
  readonly trust: readonly TrustEntry[];
  readonly timestampAuthorities: readonly string[];
}

export interface ImpactPorts {
  readonly clock: Clock;
  readonly keyless: () => Promise<KeylessVerifier>;
}

export interface ImpactOutcome {
  readonly id: string;
  readonly descendants: readonly Descendant[];
  /** Where the artifact itself is promoted. */
  readonly environments: Descendant['environments'];
}

/** Everything in the registry that was made from an artifact, however far down, and where it runs. */
export async function impact(
  { digest, ...input }: ImpactInput,
  registry: Registry,
  ports: ImpactPorts,
): Promise<ImpactOutcome> {
  return { id: `sha256:${digest}`, ...(await impactOf({ ...input, digests: [digest] }, registry, ports)) };
}

/** The same of several artifacts at once; the nearest of them is the one it is said to come through. */
export async function impactOf(
  input: Omit<ImpactInput, 'digest'> & { readonly digests: readonly string[] },
  registry: Registry,
  ports: ImpactPorts,
): Promise<Omit<ImpactOutcome, 'id'>> {
  const verification: Verification = {
    trust: input.trust,
    keyless: ports.keyless,
    now: ports.clock.now(),
    timestampAuthorities: input.timestampAuthorities,
    maxBytes: LIMITS.signatureBytes,
  };
  const log = [...(await registry.log.read()).entries];
  const claims = await allClaims(registry, verification);
  const { sameAs } = namesFrom([
    ...(await artifactsIn(registry, await registry.list())).map(namesOfArtifact),
    ...claims.map(({ statement }) => namesIn(statement)),
  ]);
  const children = childrenByInput(claims);
  const names = await namesById(registry, log);
  const current = currentPromotions(log);
  const roots = [...new Set(input.digests.flatMap(sameAs))];
  const descendants = walkDown(roots, (digest) => sameAs(digest).flatMap((each) => children.get(each) ?? [])).map(
    ({ digest, ...rest }) => ({
      id: `sha256:${digest}`,
      names: names.get(`sha256:${digest}`) ?? [],
      ...rest,
      environments: current.get(`sha256:${digest}`) ?? [],
    }),
  );
  return { descendants, environments: roots.flatMap((digest) => current.get(`sha256:${digest}`) ?? []) };
}

async function allClaims(registry: Registry, verification: Verification): Promise<readonly VerifiedClaim[]> {
  const seen = new Set<string>();
  const claims: VerifiedClaim[] = [];
  for (const { name, id } of await registry.list()) {
    for (const bytes of await registry.claims(name, id)) {
      const digest = sha256Hex(bytes);
      if (seen.has(digest)) continue;
      seen.add(digest);
      const heard = await hear(bytes, verification);
      if (heard.standing === 'named') claims.push(heard.claim);
    }
  }
  return claims;
}

interface Child {
  readonly digest: string;
  readonly word: EdgeWord;
}

function childrenByInput(claims: readonly VerifiedClaim[]): ReadonlyMap<string, readonly Child[]> {
  const children = new Map<string, Child[]>();
  for (const claim of claims.filter(({ statement }) => isProvenance(statement))) {
    const binding = bindingOf(claim);
    if (binding.kind !== 'one') continue;
    for (const { sha256, word } of inputsOf(claim))
      children.set(sha256, [...(children.get(sha256) ?? []), { digest: binding.digest, word }]);
  }
  return children;
}

function inputsOf(claim: VerifiedClaim): readonly { sha256: string; word: EdgeWord }[] {
  try {
    const { step, inputs } = readProvenance(claim.statement);
    return inputs.flatMap(({ sha256, role }) => (sha256 === null ? [] : [{ sha256, word: edgeWord(step, role) }]));
  } catch {
    return [];
  }
}

function walkDown(
  roots: readonly string[],
  childrenOf: (digest: string) => readonly Child[],
): readonly (Child & { through: string; distance: number })[] {
  const found = new Map<string, Child & { through: string; distance: number }>();
  for (let queue: readonly string[] = roots, distance = 1; queue.length > 0; distance += 1) {
    const next: string[] = [];
    for (const parent of queue) {
      for (const child of childrenOf(parent)) {
        if (roots.includes(child.digest) || found.has(child.digest)) continue;
        found.set(child.digest, { ...child, through: `sha256:${parent}`, distance });
        next.push(child.digest);
      }
    }
    queue = next;
  }
  return [...found.values()];
}

async function namesById(
  registry: Registry,
  log: readonly LogEntry[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, Set<string>>();
  const add = (id: string, name: string): void => void names.set(id, (names.get(id) ?? new Set()).add(name));
  for (const { id, name, tags } of await registry.list())
    for (const each of tags.length === 0 ? [name] : tags.map((tag) => `${name}:${tag}`)) add(id, each);
  for (const { leaf } of log) if (leaf.kind === 'push' && !names.has(leaf.manifest)) add(leaf.manifest, leaf.name);
  return new Map([...names].map(([id, all]) => [id, [...all].toSorted()]));
}

function currentPromotions(log: readonly LogEntry[]): ReadonlyMap<string, Descendant['environments']> {
  const newest = new Map(
    log.filter(({ leaf }) => leaf.kind === 'promotion').map((entry) => [`${entry.leaf.name} ${entry.leaf.env}`, entry]),
  );
  const byId = Map.groupBy(newest.values(), ({ leaf }) => leaf.manifest);
  return new Map(
    [...byId].map(([id, entries]) => [
      id,
      entries.map(({ index, leaf }) => ({ name: leaf.name, environment: leaf.env ?? '', index })),
    ]),
  );
}
