import type { Role, Step } from '../claims/predicates.ts';
import { CLOCK_SKEW_MS, ageStart, clockDisagrees, daysOf, statedAhead, verifiedTime } from '../authority/time.ts';
import type { Finding } from '../base/verdict.ts';
import { shown, type AcceptedStep, type Examined } from './examine.ts';
import type { ClaimIndex } from './index-claims.ts';
import { greatest, least } from '../base/lists.ts';
import { instantOf } from '../base/instant.ts';

/** Inputs each step cannot be without: any one role of each group (security rule 14). */
const NEEDED: Readonly<Record<Step, readonly (readonly Role[])[]>> = {
  preprocess: [['dataset']],
  train: [['dataset']],
  'fine-tune': [['base-model'], ['dataset']],
  adapter: [['base-model'], ['dataset']],
  merge: [['base-model']],
  'adapter-merge': [['base-model'], ['adapter']],
  quantize: [['base-model']],
  cast: [['base-model']],
  reshard: [['base-model']],
  prune: [['base-model']],
  convert: [['base-model', 'adapter', 'dataset']],
  package: [['package']],
};

interface StepRules {
  readonly now: Date;
  readonly maxAgeMs?: number;
}

/**
 * What is wrong with a node's own step: roles it lacks, times that cannot be.
 * @param existed from when an input counts, which many steps may ask of the same one.
 */
export function stepFindings(
  node: Examined,
  existed: (digest: string) => number | null,
  rules: StepRules,
): readonly Finding[] {
  const { step, steps } = node;
  if (step === null) return [];
  const counted = steps.filter(({ claim }) => statedAhead(claim, rules.now) === null);
  const findings = [
    ...missingRoles(step),
    ...counted.flatMap((each) => orderFindings(each, existed)),
    ...(counted.length === 0 ? clockFindings(step, rules) : ageFindings(counted, rules)),
  ];
  return findings.map((finding) => ({ ...finding, subject: shown(node.digest) }));
}

function missingRoles({ provenance }: AcceptedStep): readonly Finding[] {
  const { step, inputs } = provenance;
  if (step === null) return [];
  const missing = NEEDED[step].filter((roles) => !inputs.some(({ role }) => role !== null && roles.includes(role)));
  const parents = new Set(
    inputs.filter(({ role }) => role === 'base-model' || role === 'adapter').map(({ sha256 }) => sha256),
  );
  const lonely: Finding[] =
    step === 'merge' && parents.size < 2
      ? [{ code: 'undeclared-input', message: 'a merge of fewer than two models' }]
      : [];
  return [
    ...lonely,
    ...missing.map((roles): Finding => ({
      code: 'undeclared-input',
      message: `the step ${step} declares no ${roles.join(' or ')}`,
    })),
  ];
}

/** A step cannot begin before what it used existed, nor be signed before it ended (security rule 11). */
function orderFindings(step: AcceptedStep, existedAt: (digest: string) => number | null): readonly Finding[] {
  const began = beganAt(step);
  const own = ownOrder(step);
  if (began === null) return own;
  const late = step.provenance.inputs.flatMap(({ sha256, name }) => {
    const existed = sha256 === null ? null : existedAt(sha256);
    return existed !== null && existed > began + CLOCK_SKEW_MS ? [{ name, sha256, existed }] : [];
  });
  return [
    ...own,
    ...late.map(({ name, existed }): Finding => ({
      code: 'time-order',
      message: `the step began before its input ${name} existed`,
      facts: { began: iso(began), 'input existed': iso(existed) },
    })),
  ];
}

function ownOrder({ provenance, claim }: AcceptedStep): readonly Finding[] {
  const started = parse(provenance.startedOn);
  const finished = parse(provenance.finishedOn);
  const signed = verifiedTime(claim);
  const backwards = started !== null && finished !== null && finished < started;
  const early = signed !== null && (finished ?? started ?? signed) > signed + CLOCK_SKEW_MS;
  return backwards || early
    ? [
        {
          code: 'time-order',
          message: backwards ? 'the step ended before it began' : 'the claim was signed before the step ended',
        },
      ]
    : [];
}

/** The start it states, else the earliest time it can be placed at. */
function beganAt({ provenance, claim }: AcceptedStep): number | null {
  return parse(provenance.startedOn) ?? parse(provenance.finishedOn) ?? verifiedTime(claim);
}

/**
 * From when an input counts: by the verified time of the claim that attests it, or the end its maker states if later. Of several
 * claims that attest it, the first.
 */
export function existedAt({ steps, described }: Examined): number | null {
  const verified = (steps.length === 0 ? described : steps.map(({ claim }) => claim)).flatMap(
    (claim) => verifiedTime(claim) ?? [],
  );
  const ended = steps.flatMap(({ provenance }) => parse(provenance.finishedOn) ?? []);
  const times = [verified, ended].flatMap((all) => (all.length === 0 ? [] : [least(all)]));
  return times.length === 0 ? null : greatest(times);
}

/** A time stated far ahead spoils that claim alone: it is said where no other tells of the step. */
function clockFindings({ claim }: AcceptedStep, { now }: StepRules): readonly Finding[] {
  const finding = clockDisagrees(claim, 'provenance', now);
  return finding === null ? [] : [finding];
}

/** Of several claims of the same step the newest will do. */
function ageFindings(steps: readonly AcceptedStep[], { now, maxAgeMs }: StepRules): readonly Finding[] {
  if (maxAgeMs === undefined) return [];
  const starts = steps.flatMap(({ claim }) => ageStart(claim) ?? []);
  const start = starts.length === 0 ? null : greatest(starts);
  if (start === null)
    return [{ code: 'no-verified-time', message: 'nobody but its signer says when its provenance was signed' }];
  const age = now.getTime() - start;
  return age > maxAgeMs
    ? [{ code: 'claim-stale', message: `its provenance is ${daysOf(age)} old; ${daysOf(maxAgeMs)} are allowed` }]
    : [];
}

/** All digests known for one thing must agree (DESIGN 4.2): whatever else is said beside one SHA-256 is said once. */
export function digestConflicts(nodes: Iterable<Examined>, index: ClaimIndex): readonly Finding[] {
  const said = new Map<string, string>();
  const findings: Finding[] = [];
  const sets = [...nodes].flatMap((node) => digestSets(node, index));
  for (const { sha256, ...others } of sets) {
    if (sha256 === undefined) continue;
    for (const [algorithm, value] of Object.entries(others)) {
      const key = `${sha256} ${algorithm}`;
      const before = said.get(key);
      if (before !== undefined && before !== value) {
        findings.push({
          code: 'digest-conflict',
          message: `trusted signers give it two ${algorithm} digests`,
          subject: shown(sha256),
          facts: { one: before, other: value },
        });
      }
      said.set(key, before ?? value);
    }
  }
  return findings;
}

/** Those of more than one digest: of a single one nothing else is said. */
function digestSets({ digest, steps, evaluations, described }: Examined, index: ClaimIndex): readonly Digests[] {
  const inputs = steps.flatMap(({ provenance }) => severalIn(provenance.inputs.map((input) => input.digests)));
  const subjects = index
    .about(digest)
    .map(({ claim }) => ({ claim, sets: severalIn(claim.statement.subject.map((subject) => subject.digest)) }))
    .filter(({ sets }) => sets.length > 0);
  if (subjects.length === 0) return inputs;
  const trusted = new Set([...steps.map(({ claim }) => claim), ...evaluations, ...described]);
  return [...subjects.flatMap(({ claim, sets }) => (trusted.has(claim) ? sets : [])), ...inputs];
}

type Digests = Readonly<Record<string, string>>;

function severalIn(sets: readonly Digests[]): readonly Digests[] {
  return sets.filter((digests) => Object.keys(digests).length > 1);
}

function parse(time: string | undefined): number | null {
  return time === undefined ? null : instantOf(time);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
