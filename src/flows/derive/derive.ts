import type { Plan } from '../../domain/derive/plan.ts';
import { mergedTensors, type MergedTensors, type MergeSides } from './adapter-merge.ts';
import type { ComparePorts } from './compare.ts';
import { importanceOf } from './importance.ts';
import { mergedModels, type NamedModel } from './model-merge.ts';
import { outcomeOf, undecided, type Asked, type DeriveOutcome } from './outcome.ts';
import { prunedTensors } from './pruned.ts';
import { recomputed, type DerivePorts } from './recompute.ts';
import { openSide, type Opened, type SideInput } from './side.ts';

export interface DeriveInput extends Asked {
  readonly child: SideInput;
  readonly parent: SideInput;
  /** An importance matrix (GGUF), as `llama-imatrix` writes it. */
  readonly importance?: SideInput;
  /** A LoRA as PEFT writes it: its folder, with adapter_config.json. */
  readonly adapter?: SideInput;
  /** The other models that were merged, where it is a merge; mergekit's recipe lies beside the child. */
  readonly merged?: readonly SideInput[];
  readonly quick?: boolean;
}

/**
 * Recomputes a step: every tensor of the child against what the step makes of the parent's.
 * @throws WeighmarkError `not-found` where a side has no weights, `unreadable`, `file-changed`, `interrupted`.
 */
export async function derive(input: DeriveInput, ports: DerivePorts): Promise<DeriveOutcome> {
  const child = await openSide(input.child);
  const parent = await openSide(input.parent);
  const matrix = input.importance === undefined ? undefined : await openSide(input.importance);
  const adapter = input.adapter === undefined ? undefined : await openSide(input.adapter);
  const merged: NamedModel[] = [];
  try {
    if (adapter !== undefined) return await adapterMerged(input, { child, parent, adapter }, ports);
    if (input.step === 'prune')
      return await mergedOutcome(input, child, (work) => prunedTensors(child, parent, work), ports);
    if (input.step === 'merge') {
      for (const side of input.merged ?? []) merged.push({ shown: side.shown, opened: await openSide(side) });
      const models = [{ shown: input.parent.shown, opened: parent }, ...merged];
      return await mergedOutcome(input, child, (work) => mergedModels(child, models, work), ports);
    }
    const importance = matrix === undefined ? undefined : await importanceOf(matrix);
    return await recomputed(input, { child, parent, ...(importance === undefined ? {} : { importance }) }, ports);
  } finally {
    for (const side of [child, parent, matrix, adapter, ...merged.map(({ opened }) => opened)]) await side?.close();
  }
}

async function adapterMerged(input: DeriveInput, sides: MergeSides, ports: DerivePorts): Promise<DeriveOutcome> {
  const none = 'the adapter has no adapter_config.json of a LoRA';
  const merge = async (work: ComparePorts) => (await mergedTensors(sides, work)) ?? none;
  return mergedOutcome({ ...input, step: 'adapter-merge' }, sides.child, merge, ports);
}

async function mergedOutcome(
  input: DeriveInput,
  child: Opened,
  merge: (work: ComparePorts) => Promise<MergedTensors | string>,
  ports: DerivePorts,
): Promise<DeriveOutcome> {
  const total = child.tensors.reduce((sum, { tensor }) => sum + tensor.sizeBytes, 0);
  const work = ports.progress.start('recomputing', total);
  try {
    const made = await merge({
      numbers: ports.numbers,
      ...(ports.signal === undefined ? {} : { signal: ports.signal }),
      onElements: (count) => work.advance(count),
    });
    if (typeof made === 'string') return undecided(input, child, made);
    const plan: Plan = { planned: [], missing: made.missing, dropped: made.dropped ?? [] };
    return outcomeOf(input, { plan, tensors: made.tensors, step: input.step ?? 'merge' });
  } finally {
    work.end();
  }
}
