import { firstOf } from '../../domain/base/lists.ts';
import { bindingOf } from '../../domain/claims/binding.ts';
import { weightsListsIn } from '../../domain/claims/weights-lists.ts';
import { describeSigner, describeTimes, nameOf } from '../../domain/claims/signers.ts';
import { counted } from '../../domain/base/units.ts';
import {
  checkOf,
  refusedCheck,
  verdictOf,
  type Check,
  type Evidence,
  type Finding,
  type Verdict,
} from '../../domain/base/verdict.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import type { TrustEntry, VerifiedClaim } from '../../domain/claims/types.ts';
import { verifyClaim, type Verification } from '../../domain/trust/verify-claim.ts';
import { nearestTo, type SameBy } from '../../domain/weights/account.ts';
import { parseWeightsList, type ListedWeights } from '../../domain/weights/list.ts';
import { holdsWeights } from '../../domain/metadata/weights.ts';
import { weighTree, type WeighedSet } from '../describe/weights.ts';
import type { VerifyPorts } from './types.ts';

export interface WeightsQuestion {
  /** Absolute path of the copy. */
  readonly root: string;
  /** As the user named the two. */
  readonly shown: string;
  readonly as: string;
  readonly allowSymlinks: boolean;
  readonly jobs?: number;
  /** What lies with the artifact that it is said to be: bundles, and weights lists, unverified. */
  readonly claims: readonly Uint8Array[];
  readonly lists: readonly Uint8Array[];
  /** Ids by which a claim must name that artifact; null: what a trusted claim names is meant. */
  readonly ids: readonly string[] | null;
}

export interface WeightsOutcome {
  readonly verdict: Verdict;
  readonly by: string | null;
  readonly weights: {
    /** What the weights are those of; null if nobody trusted said so of any. */
    readonly as: { readonly name: string; readonly id: string } | null;
    readonly sets: readonly {
      readonly name: string;
      readonly of: string;
      readonly by: SameBy;
      readonly tensors: number;
    }[];
    /** Files of the copy that hold no weights, and that nobody signed. */
    readonly unsigned: readonly string[];
  };
}

/** A list of weights that somebody trusted bound to an artifact. */
interface Bound {
  readonly claim: VerifiedClaim;
  readonly trustedBy: readonly [TrustEntry, ...TrustEntry[]];
  readonly sets: readonly ListedWeights[];
  readonly name: string;
  readonly id: string;
}

/**
 * Are the weights of a copy those that somebody signed, whatever holds them? The files are nobody's: the verdict's scope is
 * `weights`, and every tensor of a copy's set is accounted for.
 * @throws WeighmarkError `unreadable`, `file-changed`, `interrupted`; everything else is in the verdict.
 */
export async function verifyWeights(question: WeightsQuestion, ports: VerifyPorts): Promise<WeightsOutcome> {
  const { shown, as, claims } = question;
  const none = { as: null, sets: [], unsigned: [] };
  const refuse = (name: string, finding: Finding): WeightsOutcome => ({
    verdict: verdictOf({ subject: shown, scope: 'weights', checks: [refusedCheck(name, [finding])] }),
    by: null,
    weights: none,
  });
  if (claims.length === 0)
    return refuse('signature', { code: 'nothing-to-verify', message: `nobody signed ${as}: no claim lies with it` });
  const trust = await ports.trust();
  if (trust.length === 0)
    return refuse('trust', { code: 'trust-missing', message: 'claims are there, and nobody to trust was named' });
  const verification: Verification = {
    trust,
    keyless: ports.keyless,
    now: ports.clock.now(),
    timestampAuthorities: await ports.timestampAuthorities(),
  };
  const bound = await boundList(question, verification, ports);
  if ('code' in bound) return refuse('signature', bound);
  return compare(question, bound, ports);
}

/** The newest list that a trusted claim binds to the artifact meant; a finding where there is none. */
async function boundList(
  { as, claims, lists, ids }: WeightsQuestion,
  verification: Verification,
  ports: VerifyPorts,
): Promise<Bound | Finding> {
  const { tree } = await ports.hasher();
  const byDigest = new Map(lists.map((bytes) => [sha256Hex(bytes), bytes]));
  let isBound = false;
  let found: Bound | null = null;
  let stranger: Finding | null = null;
  for (const bytes of claims) {
    const outcome = await verifyClaim(bytes, verification);
    if (!outcome.trusted) {
      stranger ??= outcome.refusal;
      continue;
    }
    const { claim, trustedBy } = outcome;
    const binding = bindingOf(claim);
    const wanted = weightsListsIn(claim.statement);
    if (binding.kind !== 'one' || wanted.length === 0) continue;
    const id = `sha256:${binding.digest}`;
    if (ids !== null && !ids.includes(id)) continue;
    isBound = true;
    const list = wanted.map((digest) => byDigest.get(digest)).find((each) => each !== undefined);
    if (list === undefined) continue;
    const sets = parseWeightsList(Buffer.from(list).toString('utf8'), (each) => tree.digest(each));
    found = { claim, trustedBy, sets, name: binding.name, id };
  }
  if (found !== null) return found;
  if (isBound)
    return { code: 'weights-unlisted', message: `the list of weights that was signed with ${as} is not there` };
  return stranger ?? { code: 'nothing-to-verify', message: `nobody signed what the weights of ${as} are` };
}

async function compare(question: WeightsQuestion, bound: Bound, ports: VerifyPorts): Promise<WeightsOutcome> {
  const { shown, root, allowSymlinks } = question;
  const tree = await ports.files.walk(root, { allowSymlinks });
  const { described: files, weighed } = await weighTree(tree, { ...ports, jobs: question.jobs });
  const held = weighed.map((set) => holdTo(set, bound.sets));
  const by = nameOf(bound.claim.signer, bound.trustedBy[0]);
  const what = { evidence: held.flatMap(({ evidence }) => evidence), findings: held.flatMap((each) => each.findings) };
  const unsigned = files.filter(({ report }) => !holdsWeights(report)).map(({ path }) => path);
  const empty: Finding = { code: 'nothing-to-verify', message: `${shown} holds no weights` };
  const checks: readonly Check[] = [
    weighed.length === 0 ? refusedCheck('weights', [empty]) : checkOf('weights', what.evidence, what.findings),
    checkOf('signature', signedEvidence(bound, by), []),
  ];
  return {
    verdict: verdictOf({
      subject: shown,
      scope: 'weights',
      checks,
      notes: [...unsignedNotes(unsigned), ...held.flatMap(({ notes }) => notes), ...leftNotes(bound, held)],
      notAsked: ['files', 'lineage', 'policy', 'scan', 'revocation', 'completeness'],
    }),
    by,
    weights: { as: { name: bound.name, id: bound.id }, sets: held.flatMap(({ set }) => set ?? []), unsigned },
  };
}

interface Held {
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  /** The signed set that is meant, also where this one differs. */
  readonly of: string | null;
  readonly set: WeightsOutcome['weights']['sets'][number] | null;
}

/** One set of the copy against what was signed: the same, or each tensor that is not. */
function holdTo({ name, identity, undecided }: WeighedSet, signed: readonly ListedWeights[]): Held {
  const nothing = { evidence: [], findings: [], notes: [], of: null, set: null };
  if (identity === null)
    return {
      ...nothing,
      findings: undecided.map(({ file, tensor, why }) => ({
        code: 'scan-incomplete',
        message: `${file}${tensor === undefined ? '' : `, ${tensor}`}: ${why}`,
        subject: file,
      })),
    };
  const nearest = nearestTo(identity, signed);
  if (nearest === null)
    return { ...nothing, findings: [{ code: 'weights-differ', message: 'no weights were signed', subject: name }] };
  const { other, accounting } = nearest;
  const { by, changed, missing, extra } = accounting;
  const differing = (tensor: string, what: string): Finding => ({
    code: 'weights-differ',
    message: `${name}: ${tensor} ${what}`,
    subject: name,
  });
  if (by === null)
    return {
      ...nothing,
      of: other.name,
      findings: [
        ...changed.map((tensor) => differing(tensor, 'is not the tensor that was signed under this name')),
        ...extra.map((tensor) => differing(tensor, 'was not signed')),
        ...missing.map((tensor) => differing(tensor, `was signed (${other.name}) and is not there`)),
      ],
    };
  const tensors = identity.tensors.length;
  const what = `${name}: ${counted(tensors, 'tensor')}, all those of ${other.name}, ${HOW[by]}`;
  return {
    evidence: [{ what, data: { set: name, of: other.name, by, tensors } }],
    findings: [],
    notes: by === 'names' ? [] : [`${name}: which tensor is meant by which name nobody signed`],
    of: other.name,
    set: { name, of: other.name, by, tensors },
  };
}

const HOW: Readonly<Record<SameBy, string>> = {
  names: 'under the same names',
  multiset: 'under other names',
  set: 'tied copies aside',
};

function signedEvidence({ claim, name, id }: Bound, by: string): readonly Evidence[] {
  const who = describeSigner(claim.signer);
  const what = `weights of ${name === '' ? id : name} signed by ${who.startsWith(by) ? '' : `${by}, `}${who}`;
  const time = describeTimes(claim);
  const data = { bundle: `sha256:${claim.bundle}`, signer: claim.signer, times: claim.times, id, name };
  return [{ what, data }, ...(time === '' ? [] : [{ what: time }])];
}

const MOST = 5;

function unsignedNotes(unsigned: readonly string[]): readonly string[] {
  if (unsigned.length === 0) return [];
  return [`nobody signed ${counted(unsigned.length, 'other file')}: ${firstOf(unsigned, MOST)}`];
}

/** Other forms of a model, or other parts of it: said, for whoever expects the whole. */
function leftNotes({ sets }: Bound, held: readonly Held[]): readonly string[] {
  const there = new Set(held.map(({ of }) => of));
  const left = sets.filter(({ name }) => !there.has(name));
  return left.map(({ name, tensors }) => `not there: ${name} (${counted(tensors.length, 'tensor')})`);
}
