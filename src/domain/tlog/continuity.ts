import { WeighmarkError } from '../base/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { consistencyProof, verifyConsistency } from './merkle.ts';
import { subtreesOf, type ReadTile } from './tiles.ts';

/**
 * Holds a log against the checkpoint seen before: it may only have grown (security rule 17).
 * @param read tiles of the log at its present size.
 * @param earlier states seen before `seen`: of a log that is shorter now they tell a fork from an old state.
 * @throws WeighmarkError `log-rollback` if it is shorter, `log-fork` if it does not begin with what was seen.
 */
export async function requireContinuity(
  seen: Checkpoint,
  found: Checkpoint,
  read: ReadTile,
  earlier: readonly Checkpoint[] = [],
): Promise<void> {
  if (found.size < seen.size) {
    const [before] = earlier.filter(({ size }) => size <= found.size).toSorted((a, b) => b.size - a.size);
    if (before !== undefined && before.size > 0) await requireContinuity(before, found, read);
    throw broken('log-rollback', 'the log has lost entries that it had before', { seen, found });
  }
  const proof = await consistencyProof(seen.size, found.size, subtreesOf(found.size, read));
  if (!verifyConsistency(proof, seen, found)) throw fork(seen, found);
}

function fork(seen: Checkpoint, found: Checkpoint): WeighmarkError {
  return broken('log-fork', 'the log shows another history than it did before', { seen, found });
}

function broken(
  code: 'log-fork' | 'log-rollback',
  message: string,
  { seen, found }: { seen: Checkpoint; found: Checkpoint },
): WeighmarkError {
  return new WeighmarkError(code, message, {
    subject: found.origin,
    facts: { seen: describe(seen), found: describe(found) },
    hint: 'keep both checkpoints: together they prove what the log did; ask its owner',
  });
}

function describe({ origin, size, root }: Checkpoint): string {
  return `${origin} size ${size} root ${Buffer.from(root).toString('base64')}`;
}
