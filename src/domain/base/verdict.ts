import { withoutSecrets } from './secrets.ts';
import { CODES, WeighmarkError, worstExit, type Code, type ExitCode } from './errors.ts';

/** Something that was verified in this run: what, and the values a reader can rely on. */
export interface Evidence {
  /** One line for people: `model.sig by anna, key SHA256:9f2c…`. */
  readonly what: string;
  /** The verified values behind the line, for machines. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Something that is wrong, with the code that decides the exit code. */
export interface Finding {
  readonly code: Code;
  /** One sentence: what is wrong. */
  readonly message: string;
  readonly subject?: string;
  readonly facts?: Readonly<Record<string, string>>;
  readonly hint?: string;
  /** By `undecided`: the code says what is wrong, and nobody can tell whether that is a no. */
  readonly [UNDECIDED]?: true;
}

/** A symbol, since the exit code says it already: what is written as JSON keeps its form. */
export const UNDECIDED: unique symbol = Symbol('undecided');

/** The same finding where it leaves the answer open: exit 4, whatever its code leads to elsewhere. */
export function undecided(finding: Finding): Finding {
  return { ...finding, [UNDECIDED]: true };
}

/** The exit code that a finding leads to. */
export function exitOf(finding: Finding): ExitCode {
  return finding[UNDECIDED] === true ? 4 : CODES[finding.code];
}

type NonEmpty<T> = readonly [T, ...T[]];

/**
 * One question and its answer. A passed check cannot be built without evidence, nor a refused one without a finding;
 * whether a refused check failed, is undecided or found nothing follows from its findings' codes.
 */
export type Check =
  | { readonly name: string; readonly passed: true; readonly evidence: NonEmpty<Evidence> }
  | {
      readonly name: string;
      readonly passed: false;
      readonly findings: NonEmpty<Finding>;
      readonly evidence: readonly Evidence[];
    };

/** @throws WeighmarkError `internal` if there is no evidence: fail closed. */
export function passedCheck(name: string, evidence: readonly Evidence[]): Check {
  const [first, ...rest] = evidence;
  if (first === undefined) throw new WeighmarkError('internal', `check ${name} passed without evidence`);
  return { name, passed: true, evidence: [first, ...rest] };
}

export function refusedCheck(name: string, findings: NonEmpty<Finding>, evidence: readonly Evidence[] = []): Check {
  return { name, passed: false, findings, evidence };
}

/** Passed with the evidence if there are no findings, refused with them otherwise. */
export function checkOf(name: string, evidence: readonly Evidence[], findings: readonly Finding[]): Check {
  const [first, ...rest] = findings;
  return first === undefined ? passedCheck(name, evidence) : refusedCheck(name, [first, ...rest], evidence);
}

export type Outcome = 'verified' | 'failed' | 'undecided' | 'nothing' | 'usage' | 'internal';

/** The answer to `verify` and every gate. Build it with `verdictOf`, which computes outcome and exit code. */
export interface Verdict {
  /** What was asked about, as the user named it. */
  readonly subject: string;
  /** `sha256:<hex>` of the manifest, once known. */
  readonly id?: string;
  /** `partial`: only parts were read; `weights`: what somebody signed are the weights, not the files. Neither promotes. */
  readonly scope: 'whole' | 'partial' | 'weights';
  readonly checks: readonly Check[];
  /** What the artifact says of itself and nobody's trusted signature covers. */
  readonly claimed: readonly Evidence[];
  /** Informational lines: claims by unknown signers, ignored paths, left-out bookkeeping. */
  readonly notes: readonly string[];
  /** What this run did not look at: `lineage`, `policy`, `scan`, `revocation`. */
  readonly notAsked: readonly string[];
  readonly outcome: Outcome;
  readonly exitCode: ExitCode;
}

export type VerdictParts = Omit<Verdict, 'outcome' | 'exitCode' | 'scope' | 'claimed' | 'notes' | 'notAsked'> &
  Partial<Pick<Verdict, 'scope' | 'claimed' | 'notes' | 'notAsked'>>;

/** The only maker of verdicts: no checks is `nothing`, and only evidence makes `verified`. */
export function verdictOf(parts: VerdictParts): Verdict {
  const exitCode = worstExit(parts.checks.flatMap(checkExits));
  return { scope: 'whole', claimed: [], notes: [], notAsked: [], ...parts, exitCode, outcome: OUTCOMES[exitCode] };
}

/** Everything that is wrong, in the order of the checks; empty for a yes. */
export function findingsOf(verdict: Pick<Verdict, 'checks'>): readonly Finding[] {
  return verdict.checks.flatMap((check) => (check.passed ? [] : check.findings));
}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What the operating system refused (`errno(3)`, as Node throws it) where no adapter has better words: no fault of ours. */
function refusedBySystem(error: unknown): Code | null {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return null;
  return FULL.has(error.code) ? 'disk-full' : 'unreadable';
}

/** A finding from a caught error: anything unexpected is a refusal too. */
export function findingOf(error: unknown, code: Code = 'internal'): Finding {
  if (!(error instanceof WeighmarkError))
    return {
      code: code === 'internal' ? (refusedBySystem(error) ?? code) : code,
      message: withoutSecrets(error instanceof Error ? error.message : String(error)),
    };
  const { message, subject, facts, hint } = error;
  return {
    code: error.code,
    message,
    facts,
    ...(subject === undefined ? {} : { subject }),
    ...(hint === undefined ? {} : { hint }),
  };
}

const OUTCOMES: Record<ExitCode, Outcome> = {
  0: 'verified',
  1: 'failed',
  2: 'usage',
  3: 'nothing',
  4: 'undecided',
  70: 'internal',
  130: 'internal',
};

function checkExits(check: Check): ExitCode[] {
  if (check.passed) return check.evidence.length > 0 ? [0] : [70];
  return check.findings.map(exitOf);
}
