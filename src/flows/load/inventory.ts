import { isOfOne } from '../../domain/base/errors.ts';
import { findingOf, findingsOf, type Finding } from '../../domain/base/verdict.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { nameOf } from '../../domain/claims/signers.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { matchDigests, matchName, matchSigner, matchWeights, type FeedIndex } from '../../domain/scan/feeds/match.ts';
import type { ScanFinding } from '../../domain/scan/types.ts';
import { largeFileReader } from '../content/large-files.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import { judgeBundles, type JudgedBundles, type TrustedClaim } from '../verify/bundles.ts';
import { judgeFileSignatures } from '../verify/file-signatures.ts';
import type { JudgedFileSignatures } from '../verify/types.ts';
import { storeView } from '../content/stores.ts';
import { verify, type VerifyPorts } from '../verify/verify.ts';
import type { Finds } from './find-artifacts.ts';
import type { Inventory, InventoryItem, ItemSignature } from './inventory-types.ts';
import { look, type Looked } from './look.ts';
import { promotions, type PromotionQuestion } from './promoted.ts';

export interface InventoryInput {
  readonly finds: Finds;
  /** Read every byte: digests, the content behind signatures, what stores recorded. Default: headers only. */
  readonly hash?: boolean;
  readonly feeds?: FeedIndex;
  /** Absent: nobody is asked what is promoted. */
  readonly promotion?: PromotionQuestion;
}

const AT_ONCE = 8;

/**
 * What was found, each looked into: what it is, whose, what is known against it, where it is promoted. One that cannot be read is told in `broken` and hides no other.
 * @throws WeighmarkError what is wrong with the run: `interrupted`, `config-invalid`, `trust-invalid`, `log-key-mismatch`.
 */
export async function inventory(input: InventoryInput, ports: VerifyPorts): Promise<Inventory> {
  const { found, broken } = input.finds;
  const failures: Finding[] = [...broken];
  const items: InventoryItem[] = [];
  const judge = await judgeOf(input, ports);
  const looking = { ...ports, largeFiles: largeFileReader(ports) };
  await inParallel(found, input.hash === true ? 1 : AT_ONCE, async (each) => {
    try {
      const looked = await look(each, looking, { hash: input.hash === true });
      if (looked !== null) items.push(await judge(looked));
    } catch (error) {
      if (!isOfOne(error)) throw error;
      failures.push({ ...findingOf(error), subject: each.location });
    }
  });
  const byPlace = items.toSorted((a, b) => (a.location < b.location ? -1 : 1));
  return { items: byPlace, broken: failures.toSorted((a, b) => ((a.subject ?? '') < (b.subject ?? '') ? -1 : 1)) };
}

/** Whose it is, what feeds know, where it is promoted: asked of each, prepared once. */
async function judgeOf(input: InventoryInput, ports: VerifyPorts): Promise<(looked: Looked) => Promise<InventoryItem>> {
  const verification: Verification = {
    trust: await ports.trust(),
    timestampAuthorities: await ports.timestampAuthorities(),
    keyless: ports.keyless,
    now: ports.clock.now(),
    name: null,
  };
  const promotedTo = input.promotion === undefined ? null : await promotions(input.promotion);
  return async (looked) => {
    const { item } = looked;
    const { signature, refusals } = await signatureOf(looked, verification, { ports, hash: input.hash === true });
    const answer = promotedTo === null ? null : await promotedTo(looked);
    return {
      ...item,
      signature,
      known: input.feeds === undefined ? [] : knownOf(looked, signature, input.feeds),
      promoted: answer?.environments ?? null,
      findings: [...item.findings, ...refusals, ...(answer?.findings ?? [])],
    };
  };
}

interface Asking {
  readonly ports: VerifyPorts;
  readonly hash: boolean;
}

async function signatureOf(
  { sidecars, found }: Looked,
  verification: Verification,
  { ports, hash }: Asking,
): Promise<{ signature: ItemSignature | null; refusals: readonly Finding[] }> {
  const all = sidecars === null ? [] : [...sidecars.signatures, ...sidecars.claims, ...sidecars.fileSignatures];
  if (sidecars === null || all.length === 0) return { signature: null, refusals: [] };
  const names = [...new Set(all.map(({ shown }) => shown.replace(/, claim \d+$/, '')))];
  if (verification.trust.length === 0)
    return { signature: { found: names, by: null, content: 'unread', why: 'nobody to trust was named' }, refusals: [] };
  if (hash) return verified(found.location, names, ports);
  const bundles = await judgeBundles(sidecars, verification, { name: null });
  const alone = await judgeFileSignatures(sidecars.fileSignatures, verification, ports);
  const by = nameOfSigner(bundles, alone);
  const why = bundles.findings[0]?.message ?? alone.refusals[0]?.message;
  const unknown = by === null ? { why: why ?? 'nobody trusted signed it' } : {};
  return { signature: { found: names, by, content: 'unread', ...unknown }, refusals: brokenOnes(bundles.findings) };
}

/**
 * Who signed the content, as `verify` has it: a signature of it that does not count is not made up for by a claim. Who only
 * judged it, or let it in somewhere, signed nothing of it.
 */
function nameOfSigner(
  { signature, claims, findings }: JudgedBundles,
  { trusted }: JudgedFileSignatures,
): string | null {
  if (findings.length > 0) return null;
  const first = signature ?? claims.find(saysWhatItIs);
  if (first !== undefined) return nameOf(first.claim.signer, first.trustedBy[0]);
  const [file] = trusted;
  return file === undefined ? null : nameOf(file.signer, file.trustedBy[0]);
}

const SAY_WHAT_IT_IS: readonly string[] = [PREDICATES.bom, PREDICATES.provenance, PREDICATES.reference];

function saysWhatItIs({ claim }: TrustedClaim): boolean {
  return SAY_WHAT_IT_IS.includes(claim.statement.predicateType);
}

/** A stranger's signature is a fact about the artifact; one that does not hold is a finding. */
function brokenOnes(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ code }) => !['signer-untrusted', 'identity-mismatch'].includes(code));
}

async function verified(
  location: string,
  found: readonly string[],
  ports: VerifyPorts,
): Promise<{ signature: ItemSignature; refusals: readonly Finding[] }> {
  const { root, files } = await storeView(location, ports.files);
  const { verdict, by, signature, claims } = await verify({ root, shown: location }, { ...ports, files });
  if (verdict.outcome === 'verified') {
    const onlyJudged = signature === null && claims.length > 0 && !claims.some(saysWhatItIs);
    const said = onlyJudged ? { by: null, why: 'nobody trusted signed it, only claims about it' } : { by };
    return { signature: { found, content: 'verified', ...said }, refusals: [] };
  }
  const findings = findingsOf(verdict);
  const why = findings[0]?.message ?? 'it is not verified';
  return { signature: { found, by: null, content: 'refused', why }, refusals: brokenOnes(findings) };
}

function knownOf({ item, weights }: Looked, signature: ItemSignature | null, feeds: FeedIndex): readonly ScanFinding[] {
  const byPath = Map.groupBy(item.digests, ({ path }) => path);
  const name = { name: item.name, ...(item.version === undefined ? {} : { version: item.version }) };
  return [
    ...[...byPath].flatMap(([path, digests]) =>
      matchDigests(feeds, path, Object.fromEntries(digests.map(({ algorithm, hex }) => [algorithm, hex]))),
    ),
    ...weights.flatMap((set) => matchWeights(feeds, set)),
    ...matchName(feeds, item.location, name),
    ...(signature?.by == null ? [] : matchSigner(feeds, item.location, signature.by)),
  ];
}
