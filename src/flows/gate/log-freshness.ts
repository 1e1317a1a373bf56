import { WeighmarkError } from '../../domain/base/errors.ts';
import { freshnessFindings } from '../../domain/policy/freshness.ts';
import type { LogRule } from '../../domain/authority/types.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { ReadLog } from '../registry/gate-claims.ts';

/** A checkpoint the caller brings: the log must continue it. The root is base64, as checkpoints have it. */
export interface PinnedCheckpoint {
  readonly size: number;
  readonly root: string;
}

export interface FreshnessRules {
  readonly rule: LogRule | undefined;
  readonly pinned: PinnedCheckpoint | undefined;
  readonly now: Date;
}

/**
 * Could the log that was read be an old one (security rule 18)? Where witnesses or the caller's checkpoint say that it is not,
 * later runs may rest on their memory of it; a refusal, or having read it, leaves no such memory: without them that alone is found.
 */
export async function logFreshness(
  read: ReadLog,
  { rule, pinned, now }: FreshnessRules,
  { log }: Pick<Registry, 'log'>,
): Promise<readonly Finding[]> {
  const broken = pinnedFindings(read, pinned);
  if (broken.length > 0) return broken;
  const findings = freshnessFindings({
    checkpoint: read.checkpoint,
    entries: read.entries,
    vkeys: log.vkeys,
    anchored: log.anchored,
    pinned: pinned !== undefined,
    rule,
    now,
  });
  if (findings.length === 0 && !log.anchored) await log.anchor();
  return findings;
}

/** The same for what is done rather than judged. @throws WeighmarkError with the first finding. */
export async function requireFreshLog(
  read: ReadLog,
  rules: FreshnessRules,
  registry: Pick<Registry, 'log'>,
): Promise<void> {
  const [finding] = await logFreshness(read, rules, registry);
  if (finding !== undefined)
    throw new WeighmarkError(finding.code, finding.message, {
      subject: read.origin,
      ...(finding.hint === undefined ? {} : { hint: finding.hint }),
    });
}

/** Nothing, where the log continues the checkpoint that was brought along, or none was. */
export function pinnedFindings(read: ReadLog, pinned: PinnedCheckpoint | undefined): readonly Finding[] {
  if (pinned === undefined) return [];
  const { size, root } = pinned;
  const found = read.entries.rootAt(size);
  if (found === null)
    return [
      {
        code: 'log-rollback',
        message: `the log has ${read.entries.length} entries; the checkpoint brought along has ${size}`,
      },
    ];
  if (Buffer.from(found, 'hex').toString('base64') === root) return [];
  return [
    { code: 'log-fork', message: `the log's first ${size} entries are not those of the checkpoint brought along` },
  ];
}
