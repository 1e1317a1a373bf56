import { parseBundle } from '../../domain/claims/bundle.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { counted } from '../../domain/base/units.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { LoggedLeaf, TransparencyLog } from '../../domain/ports/log.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { Door } from '../../domain/tlog/door.ts';
import type { LogEntry, LogLeaf } from '../../domain/tlog/leaf.ts';
import { bundleFinder } from './door.ts';

/**
 * The same registry for who may have the log's key: what is appended to a remote log is integrated at once, together with
 * all that waits and the door admits. Without the key entries go on waiting (`index` null), and nothing else changes.
 * @param doorOf whose word is admitted, for this registry.
 */
export function integrating(registry: Registry, doorOf: (registry: Registry) => Door): Registry {
  const { log } = registry;
  const append = async (leaves: readonly LogLeaf[]): Promise<readonly LoggedLeaf[]> => {
    const logged = await log.append(leaves);
    if (logged.every(({ index }) => index !== null) && (await log.pending()).length === 0) return logged;
    const added = await integrateWhereKeyIs(log, doorOf(registry));
    if (added === null) return logged;
    await followTags(added, registry);
    return placed(logged, added, log);
  };
  const itself = Object.assign(Object.create(log) as TransparencyLog, { append });
  return Object.assign(Object.create(registry) as Registry, { log: itself });
}

/** Null: the log's key is not here. */
async function integrateWhereKeyIs(log: TransparencyLog, door: Door): Promise<readonly LogEntry[] | null> {
  try {
    return (await log.integrate(undefined, door)).added;
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'key-unusable') return null;
    throw error;
  }
}

/** Where each leaf is now; one that the door did not admit still waits. */
async function placed(
  logged: readonly LoggedLeaf[],
  added: readonly LogEntry[],
  log: TransparencyLog,
): Promise<readonly LoggedLeaf[]> {
  return Promise.all(
    logged.map(async (each) => {
      if (each.index !== null) return each;
      const { name, manifest } = each.leaf;
      const entry =
        added.find(({ leaf }) => isSame(leaf, each.leaf)) ??
        (await log.find({ name, manifest })).find(({ leaf }) => isSame(leaf, each.leaf));
      return entry === undefined ? each : { leaf: each.leaf, index: entry.index };
    }),
  );
}

function isSame(a: LogLeaf, b: LogLeaf): boolean {
  return (['kind', 'name', 'manifest', 'bundle', 'env'] as const).every((field) => a[field] === b[field]);
}

/**
 * An environment's tag follows the promotions that are logged now; it is a cache, and no decision reads it. Newest last, so
 * that it wins; a withdrawal moves nothing.
 */
export async function followTags(added: readonly LogEntry[], registry: Registry): Promise<void> {
  const bundleOf = bundleFinder(registry);
  for (const { leaf } of added)
    if (leaf.kind === 'promotion' && leaf.env !== undefined && isPassed(await bundleOf(leaf)))
      await registry.setTag(leaf.name, leaf.env, leaf.manifest);
}

function isPassed(bundle: Uint8Array | null): boolean {
  if (bundle === null) return false;
  try {
    const { predicateType, predicate } = parseStatement(parseBundle(bundle, LIMITS.signatureBytes).payload);
    return predicateType === PREDICATES.promotion && predicate['verificationResult'] === 'PASSED';
  } catch {
    return false;
  }
}

/** What was signed and stored and no reader accepts yet. @param what `its promotion is signed` */
export async function pendingFinding(what: string, registry: Pick<Registry, 'log'>): Promise<Finding> {
  return { code: 'log-pending', message: `${what}, and no reader accepts it yet: ${await waitingText(registry)}` };
}

/** A line for who was refused while entries wait; null if none do, or that cannot be asked. */
export async function waitingNote(registry: Pick<Registry, 'log'>): Promise<string | null> {
  const waiting = await registry.log.pending().catch(() => []);
  return waiting.length === 0 ? null : `${waitingLine(waiting.length)} (\`weighmark log integrate\`)`;
}

async function waitingText({ log }: Pick<Registry, 'log'>): Promise<string> {
  return waitingLine((await log.pending()).length);
}

function waitingLine(count: number): string {
  return `${counted(count, 'entry', 'entries')} ${count === 1 ? 'waits' : 'wait'} for the log's operator`;
}
