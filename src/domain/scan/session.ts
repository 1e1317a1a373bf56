import { LIMITS } from '../base/limits.ts';
import type { FormatId, NamedSource } from '../formats/types.ts';
import { SEVERITIES, type Place, type ScanFinding, type Severity, type Unexamined, type WeightsOnly } from './types.ts';
import { RULES } from './rules.ts';

/** Examines content found inside other content, as any file is. */
export type Examine = (spot: Spot, file: NamedSource, setting?: Setting) => Promise<void>;

/** What is known of a file from where it stands. */
export interface Setting {
  /** Member of a TorchScript archive. */
  readonly torchScript?: boolean;
  /** Raw tensor bytes by its place: what looks like a format there is chance, unless it is dangerous. */
  readonly rawData?: boolean;
}

/** What one file's scan has found so far, and what it may still spend. Nested content shares its file's session. */
export interface Session {
  readonly path: string;
  readonly examine: Examine;
  readonly findings: ScanFinding[];
  readonly unexamined: Unexamined[];
  readonly formats: Set<FormatId>;
  readonly seen: Set<string>;
  readonly budget: { inflatedBytes: number; members: number };
  weightsOnly: WeightsOnly | undefined;
  /** Index in `SEVERITIES` of the worst finding so far. */
  worst: number;
}

/** Where in a file something is being read. */
export interface Spot {
  readonly session: Session;
  /** Nested member path, `!/`-joined; empty at the top. */
  readonly member: string;
  /** How many containers deep. */
  readonly depth: number;
}

export interface FoundAt {
  readonly offset?: number;
  readonly tensor?: string;
  readonly severity?: Severity;
}

/** Findings of one file at most: a file made of findings must not exhaust memory; the first ones decide. */
const FINDINGS_KEPT = 1000;

export function newSession(path: string, examine: Examine): Session {
  return {
    path,
    examine,
    findings: [],
    unexamined: [],
    formats: new Set(),
    seen: new Set(),
    weightsOnly: undefined,
    worst: SEVERITIES.length,
    budget: { inflatedBytes: LIMITS.archiveInflatedBytes, members: LIMITS.archiveMembers },
  };
}

export function spotOf(session: Session): Spot {
  return { session, member: '', depth: 0 };
}

/** The spot of a member inside `spot`. */
export function inside(spot: Spot, name: string): Spot {
  return {
    session: spot.session,
    member: spot.member === '' ? name : `${spot.member}!/${name}`,
    depth: spot.depth + 1,
  };
}

export function placeOf({ session, member }: Spot, found: FoundAt = {}): Place {
  return {
    path: session.path,
    ...(member === '' ? {} : { member }),
    ...(found.offset === undefined ? {} : { offset: found.offset }),
    ...(found.tensor === undefined ? {} : { tensor: found.tensor }),
  };
}

/** Adds a finding once per rule, place and message. @throws Error if the rule does not exist. */
export function report(spot: Spot, rule: string, message: string, found: FoundAt = {}): void {
  const severity = found.severity ?? RULES[rule]?.severity;
  if (severity === undefined) throw new Error(`no rule ${rule}`);
  const { session } = spot;
  const rank = SEVERITIES.indexOf(severity);
  if (session.findings.length >= FINDINGS_KEPT && rank >= session.worst) return;
  const key = `${rule}\n${spot.member}\n${message}`;
  if (session.seen.has(key)) return;
  session.worst = Math.min(session.worst, rank);
  session.seen.add(key);
  session.findings.push({ rule, severity, message, place: placeOf(spot, found) });
}

export function leaveOut(spot: Spot, reason: string, offset?: number): void {
  if (spot.session.unexamined.length >= FINDINGS_KEPT) return;
  spot.session.unexamined.push({ place: placeOf(spot, offset === undefined ? {} : { offset }), reason });
}
