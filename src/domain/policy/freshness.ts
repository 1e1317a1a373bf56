import { Buffer } from 'node:buffer';
import type { LogEntries } from '../tlog/leaf.ts';
import { openCheckpoint, type Checkpoint } from '../tlog/checkpoint.ts';
import { parseVkey } from '../tlog/note.ts';
import { evaluateQuorum, type LogPolicy } from '../tlog/quorum.ts';
import { WeighmarkError } from '../base/errors.ts';
import type { Finding } from '../base/verdict.ts';
import { CLOCK_SKEW_MS, daysOf } from '../authority/time.ts';
import type { LogRule } from '../authority/types.ts';

export interface FreshnessQuestion {
  /** The newest checkpoint, null for an empty log. */
  readonly checkpoint: string | null;
  /** What was read under it: the decision rests on these, so it is these that witnesses must have seen. */
  readonly entries: Pick<LogEntries, 'length' | 'rootAt'>;
  readonly vkeys: readonly string[];
  /** This user's memory of the log began with more than having read it. */
  readonly anchored: boolean;
  /** A checkpoint the caller brings, which the log continues: `SIZE:ROOT` was checked. */
  readonly pinned: boolean;
  readonly rule: LogRule | undefined;
  readonly now: Date;
}

/**
 * Could the log in hand be an old one (rule 18)? A quorum of witnesses within the policy's age says no; without witnesses in
 * the policy, an anchored memory or a checkpoint the caller brings. The log's own signature says nothing of age.
 */
export function freshnessFindings(question: FreshnessQuestion): readonly Finding[] {
  const { rule, anchored, pinned } = question;
  if (rule?.witnesses === undefined)
    return anchored || pinned
      ? []
      : [
          unknown(
            'this could be an old state of the log: this machine neither made nor wrote it, and nobody else vouches for it',
          ),
        ];
  if (question.checkpoint === null) return [unknown('the log is empty, and no witness vouches for that')];
  const seen = openCheckpoint(question.checkpoint, question.vkeys.map(parseVkey), witnessKeys(rule));
  if (!isOf(question.entries, seen))
    return [unknown('the entries that were read are not those of the checkpoint that witnesses saw')];
  const { met, time, witnesses } = evaluateQuorum(quorumPolicy(rule), seen.signatures);
  if (!met || time === undefined)
    return [unknown(`${witnesses.length} of ${rule.witnesses.quorum} witnesses vouch for the log`)];
  const age = question.now.getTime() - time * 1000;
  if (age < -CLOCK_SKEW_MS) return [{ code: 'clock-behind', message: 'this clock is behind the log’s witnesses' }];
  return rule.maxAgeMs !== undefined && age > rule.maxAgeMs
    ? [unknown(`witnesses saw the log ${daysOf(age)} ago; ${daysOf(rule.maxAgeMs)} are allowed`)]
    : [];
}

function isOf(entries: FreshnessQuestion['entries'], { size, root }: Checkpoint): boolean {
  return entries.length === size && entries.rootAt(size) === Buffer.from(root).toString('hex');
}

function unknown(message: string): Finding {
  return {
    code: 'log-freshness-unknown',
    message,
    hint: 'name witnesses in the policy (`log.witnesses`), or bring a checkpoint with `--min-checkpoint SIZE:ROOT`',
  };
}

function witnessKeys({ witnesses }: LogRule): readonly ReturnType<typeof parseVkey>[] {
  return (witnesses?.keys ?? []).map(parseVkey);
}

/** No name of a witness: those hold no white space. */
const ALL = 'all witnesses';

/** The policy's witnesses as one group of a tlog-policy: counted by name, however many keys one has. @throws WeighmarkError `policy-invalid`. */
function quorumPolicy(rule: LogRule): LogPolicy {
  const witnesses = witnessKeys(rule).map((key) => ({ key, name: key.name }));
  const threshold = rule.witnesses?.quorum ?? 1;
  if (new Set(witnesses.map(({ key }) => Buffer.from(key.key).toString('hex'))).size < witnesses.length)
    throw new WeighmarkError('policy-invalid', 'two witnesses of the policy share a key');
  return {
    logs: [],
    witnesses,
    groups: [{ name: ALL, threshold, members: [...new Set(witnesses.map(({ name }) => name))] }],
    quorum: ALL,
  };
}
