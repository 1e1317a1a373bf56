import { WeighmarkError } from '../../domain/base/errors.ts';
import { UNNAMED } from '../../domain/derive/plan.ts';
import { isAtLeast, weakest, WORDS, type DeriveStep, type Word } from '../../domain/derive/verdict.ts';
import type { WeightNumbers } from '../../domain/ports/numbers.ts';
import { accountFor, type SameBy } from '../../domain/weights/account.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { examineArtifact } from '../bom/create.ts';
import type { DiffOutcome, TensorDiff } from '../describe/diff.ts';
import { weighArtifact, type WeighPorts, type WeightsFile } from '../describe/weights.ts';
import { derive } from './derive.ts';
import type { DeriveOutcome } from './outcome.ts';

/** What the weights of one artifact are to those of another. */
export type Relation =
  | { readonly is: 'same'; readonly by: SameBy; readonly set: string; readonly tensors: number }
  | {
      /** All of one side follow from the other's, or all but `others`. */
      readonly is: 'derived' | 'partly-derived';
      readonly made: 'a' | 'b';
      readonly step: DeriveStep;
      /** The weakest of what follows. */
      readonly word: Word;
      /** Types of the tensors that follow. */
      readonly types: readonly string[];
      readonly counts: Readonly<Partial<Record<Word, number>>>;
      /** Tensors that do not follow, and why not. */
      readonly others: readonly { readonly name: string; readonly why?: string }[];
      /** Tensors of the other side that nothing was made of. */
      readonly missing: readonly string[];
    }
  | { readonly is: 'undecided'; readonly why: string };

export interface RelateSide {
  readonly shown: string;
  readonly files: readonly WeightsFile[];
}

export interface RelatePorts extends WeighPorts {
  readonly numbers: WeightNumbers;
}

/**
 * Says of two artifacts whose files differ what their weights are to each other: the same in another container or sharding, or
 * what a conversion, a cast or a quantisation makes of the other's. Null where there is nothing to say beyond the tensors that
 * differ: a fine-tune under the same names, other models, no weights. K-quants are held to their codes, their search is not
 * repeated. @throws WeighmarkError `unreadable`, `file-changed`, `interrupted`.
 */
export async function relate(
  [a, b]: readonly [RelateSide, RelateSide],
  { files, tensors }: Pick<DiffOutcome, 'files' | 'tensors'>,
  ports: RelatePorts,
): Promise<Relation | null> {
  if (files.length === 0) return null;
  const same = mayBeSame(tensors) ? await sameWeights(a, b, ports) : null;
  if (same !== null || tensors.every(isOfOneForm)) return same;
  try {
    const there = relationOf('b', await derive({ child: b, parent: a, quick: true }, ports));
    if (there.is === 'derived') return there;
    const back = relationOf('a', await derive({ child: a, parent: b, quick: true }, ports));
    return back.is === 'derived' ? back : (told(there) ?? told(back));
  } catch (error) {
    if (!(error instanceof WeighmarkError) || !UNTOLD.has(error.code)) throw error;
    return error.code === 'not-found' ? null : { is: 'undecided', why: error.message };
  }
}

/** No weights, several sets of them, weights that are not read whole. */
const UNTOLD: ReadonlySet<string> = new Set([
  'not-found',
  'usage',
  'scan-incomplete',
  'file-missing',
  'format-invalid',
  'limit-exceeded',
]);

/** Other values of one type and shape under one name: how far they are apart says all. */
function isOfOneForm({ before, after }: TensorDiff): boolean {
  return before !== undefined && before.dtype === after?.dtype && before.shape.join() === after.shape.join();
}

/** What one side has is of the types and shapes of what the other has, whatever the names; or one has tied copies more. */
function mayBeSame(tensors: readonly TensorDiff[]): boolean {
  const forms = (side: 'before' | 'after'): ReadonlySet<string> =>
    new Set(tensors.flatMap(({ [side]: form }) => (form === undefined ? [] : `${form.dtype} ${form.shape.join()}`)));
  const [before, after] = [forms('before'), forms('after')];
  if (before.size === 0 || after.size === 0) return true;
  return before.size === after.size && [...before].every((form) => after.has(form));
}

async function sameWeights(a: RelateSide, b: RelateSide, ports: WeighPorts): Promise<Relation | null> {
  const [own, other] = [await identityOf(a, ports), await identityOf(b, ports)];
  if (own === null || other === null) return null;
  const { by } = accountFor(own, other);
  return by === null ? null : { is: 'same', by, set: own.set, tensors: own.tensors.length };
}

/** Of the one set of weights there is. */
async function identityOf({ files }: RelateSide, ports: WeighPorts): Promise<ListedWeights | null> {
  const signal = ports.signal === undefined ? {} : { signal: ports.signal };
  const { files: described } = await examineArtifact(files, { countRows: false, readWhole: false, ...signal });
  const [only, ...more] = await weighArtifact(files, described, ports);
  return more.length > 0 ? null : (only?.identity ?? null);
}

function relationOf(made: 'a' | 'b', { step, tensors, missing }: DeriveOutcome): Exclude<Relation, { is: 'same' }> {
  const follow = tensors.filter((tensor) => isAtLeast(tensor.word, 'bounded'));
  const others = tensors.filter((tensor) => tensor.word === 'not from the parent');
  const [open] = tensors.filter((tensor) => tensor.word === 'undecided');
  if (follow.length + others.length === 0)
    return { is: 'undecided', why: open?.why ?? 'there is no tensor to compare' };
  const counts = WORDS.map((each) => [each, tensors.filter((tensor) => tensor.word === each).length] as const);
  return {
    is: open === undefined && others.length + missing.length === 0 ? 'derived' : 'partly-derived',
    made,
    step,
    types: [...new Set(follow.map(({ dtype }) => dtype))].toSorted(),
    word: weakest(follow.map((tensor) => tensor.word)),
    counts: Object.fromEntries(counts.filter(([, count]) => count > 0)),
    others: others.map(({ name, why }) => ({ name, ...(why === undefined ? {} : { why }) })),
    missing,
  };
}

/**
 * What is alike in little says nothing, nor do equal tensors beside others: norms of ones are equal in models that have nothing
 * in common.
 */
function told(relation: Exclude<Relation, { is: 'same' }>): Relation | null {
  if (relation.is === 'undecided' && relation.why === UNNAMED) return null;
  if (relation.is !== 'partly-derived') return relation;
  const { counts, others, missing } = relation;
  const made = (counts.recomputed ?? 0) + (counts['nearest codes'] ?? 0) + (counts.bounded ?? 0);
  return made > 0 && made + (counts.equal ?? 0) >= others.length + missing.length ? relation : null;
}
