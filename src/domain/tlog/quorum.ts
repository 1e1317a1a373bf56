import { WeighmarkError } from '../base/errors.ts';
import {
  canVerify,
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  ED25519,
  parseVkey,
  type VerifierKey,
  type VerifiedSignature,
} from './note.ts';

/** C2SP tlog-policy: known logs, witnesses, and which of them must have cosigned. https://c2sp.org/tlog-policy */
export interface LogPolicy {
  readonly logs: readonly PolicyKey[];
  readonly witnesses: readonly (PolicyKey & { readonly name: string })[];
  readonly groups: readonly Group[];
  /** Name of a witness or group, or `none`. */
  readonly quorum: string;
}

export interface PolicyKey {
  readonly key: VerifierKey;
  readonly url?: string;
}

export interface Group {
  readonly name: string;
  readonly threshold: number;
  readonly members: readonly string[];
}

const MAX_LINES = 1000;
const POLICY_CHARS = 1 << 20;

interface Draft {
  logs: PolicyKey[];
  witnesses: (PolicyKey & { name: string })[];
  groups: Group[];
  quorum?: string;
  readonly members: Set<string>;
  /** Raw public keys seen: the same key under two names would count twice. */
  readonly keys: Set<string>;
}

/** @throws WeighmarkError `policy-invalid` with the line. */
export function parseLogPolicy(text: string): LogPolicy {
  const lines = text.split('\n');
  if (text.length > POLICY_CHARS || lines.length > MAX_LINES || /[\p{Cc}--[\t\n\u0080-\u009f]]/v.test(text))
    throw invalid(0, 'not a tlog-policy');
  const draft: Draft = { logs: [], witnesses: [], groups: [], members: new Set(), keys: new Set() };
  lines.forEach((line, at) => readLine(draft, line, at + 1));
  if (draft.quorum === undefined) throw invalid(lines.length, 'no quorum line');
  const { logs, witnesses, groups, quorum } = draft;
  return { logs, witnesses, groups, quorum };
}

function readLine(draft: Draft, line: string, at: number): void {
  const [keyword, ...words] = line.split(/[ \t]+/).filter((word) => word !== '');
  if (keyword === undefined || keyword.startsWith('#')) return;
  if (keyword === 'log') return readLog(draft, words, at);
  if (keyword === 'witness') return readWitness(draft, words, at);
  if (keyword === 'group') return readGroup(draft, words, at);
  if (keyword === 'quorum') return readQuorum(draft, words, at);
  throw invalid(at, `unknown word ${keyword}`);
}

function readLog(draft: Draft, [vkey, url, ...rest]: readonly string[], at: number): void {
  if (vkey === undefined || rest.length > 0) throw invalid(at, 'expected: log <vkey> [<url>]');
  draft.logs.push(policyKey(draft, { vkey, url, at, types: [ED25519, COSIGNATURE_ML_DSA_44] }));
}

function readWitness(draft: Draft, [name, vkey, url, ...rest]: readonly string[], at: number): void {
  if (name === undefined || vkey === undefined || rest.length > 0)
    throw invalid(at, 'expected: witness <name> <vkey> [<url>]');
  checkNewName(draft, name, at);
  draft.witnesses.push({
    name,
    ...policyKey(draft, { vkey, url, at, types: [COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44] }),
  });
}

function readGroup(draft: Draft, [name, count, ...members]: readonly string[], at: number): void {
  if (name === undefined || count === undefined || members.length === 0)
    throw invalid(at, 'expected: group <name> all|any|<k> <name>…');
  checkNewName(draft, name, at);
  for (const member of members) {
    if (!isDefined(draft, member)) throw invalid(at, `${member} is not defined above`);
    if (draft.members.has(member)) throw invalid(at, `${member} is already in a group`);
    draft.members.add(member);
  }
  const threshold =
    count === 'all' ? members.length : count === 'any' ? 1 : /^[1-9]\d{0,3}$/.test(count) ? Number(count) : 0;
  if (threshold < 1 || threshold > members.length) throw invalid(at, `${count} of ${members.length} cannot be`);
  draft.groups.push({ name, threshold, members });
}

function readQuorum(draft: Draft, [name, ...rest]: readonly string[], at: number): void {
  if (name === undefined || rest.length > 0) throw invalid(at, 'expected: quorum <name>');
  if (draft.quorum !== undefined) throw invalid(at, 'a second quorum line');
  if (name !== 'none' && !isDefined(draft, name)) throw invalid(at, `${name} is not defined above`);
  draft.quorum = name;
}

function checkNewName(draft: Draft, name: string, at: number): void {
  if (name === 'none' || isDefined(draft, name)) throw invalid(at, `${name} is defined already`);
}

function isDefined(draft: Draft, name: string): boolean {
  return draft.witnesses.some((witness) => witness.name === name) || draft.groups.some((group) => group.name === name);
}

function policyKey(
  draft: Draft,
  { vkey, url, at, types }: { vkey: string; url: string | undefined; at: number; types: readonly number[] },
): PolicyKey {
  const key = parseVkey(vkey);
  const raw = Buffer.from(key.key).toString('hex');
  if (!types.includes(key.type)) throw invalid(at, 'a key of the wrong type');
  if (draft.keys.has(raw)) throw invalid(at, 'a key that stands above already');
  draft.keys.add(raw);
  return url === undefined ? { key } : { key, url };
}

export interface QuorumResult {
  readonly met: boolean;
  /** Names of the witnesses whose cosignatures verified. */
  readonly witnesses: readonly string[];
  /**
   * Seconds since the epoch: the newest time T such that the quorum is met by cosignatures of T or later. Absent if the
   * quorum is not met or needs none.
   */
  readonly time?: number;
}

/** Counts keys, never lines: a witness that signed twice counts once, with its newer time. */
export function evaluateQuorum(policy: LogPolicy, signatures: readonly VerifiedSignature[]): QuorumResult {
  const times = new Map<string, number>();
  for (const { key, timestamp = 0 } of signatures) {
    const witness = policy.witnesses.find(
      (candidate) => candidate.key.id === key.id && candidate.key.name === key.name,
    );
    if (witness !== undefined && canVerify(witness.key))
      times.set(witness.name, Math.max(timestamp, times.get(witness.name) ?? 0));
  }
  const witnesses = [...times.keys()];
  if (policy.quorum === 'none') return { met: true, witnesses };
  const time = timeOf(policy, policy.quorum, times);
  return time === null ? { met: false, witnesses } : { met: true, witnesses, time };
}

/** Newest time by which a witness, or enough members of a group, had cosigned; null if they have not. */
function timeOf(policy: LogPolicy, name: string, times: ReadonlyMap<string, number>): number | null {
  const group = policy.groups.find((candidate) => candidate.name === name);
  if (group === undefined) return times.get(name) ?? null;
  const members = group.members.map((member) => timeOf(policy, member, times)).filter((time) => time !== null);
  return members.toSorted((a, b) => b - a)[group.threshold - 1] ?? null;
}

function invalid(line: number, why: string): WeighmarkError {
  return new WeighmarkError('policy-invalid', line === 0 ? why : `tlog-policy line ${line}: ${why}`);
}
