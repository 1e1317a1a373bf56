import { Buffer } from 'node:buffer';
import type { Source } from '../../domain/base/source.ts';
import { tiedTo } from '../../domain/derive/naming.ts';
import { planByName, planConversion, type Plan, type Planned } from '../../domain/derive/plan.ts';
import { computedTensor } from '../../domain/derive/rope.ts';
import type { Settings } from '../../domain/derive/settings.ts';
import type { DeriveStep, TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { WeightNumbers } from '../../domain/ports/numbers.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import type { WeightTensor } from '../../domain/weights/types.ts';
import { compareAffine } from './affine.ts';
import { affineWeights, partsOf } from './affine-parts.ts';
import { calibratedWeights, calibrationBeside, compareCalibrated, partsOf as calibratedParts } from './calibrated.ts';
import { type ComparePorts, compareTensor, sameBlocks } from './compare.ts';
import { foldedApart } from './folded.ts';
import type { Importance } from './importance.ts';
import { namedAsChild, type Named } from './named.ts';
import { outcomeOf, undecided, type Asked, type DeriveOutcome } from './outcome.ts';
import { comparePacked, packedWeights } from './packed.ts';
import { settingsBeside, type Opened, type OpenTensor } from './side.ts';
import { ledByData, notOfWeights, unknownPacking } from './unheld.ts';
import { viewOfChild } from './views.ts';

export interface DerivePorts {
  readonly numbers: WeightNumbers;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** What is asked, and whether a sample of each tensor will do. */
interface Input extends Asked {
  readonly quick?: boolean;
}

interface Sides {
  readonly child: Opened;
  readonly parent: Opened;
  readonly importance?: Importance;
}

/** Recomputes each tensor of the child from the one of the parent that the step makes it of. */
export async function recomputed(input: Input, sides: Sides, ports: DerivePorts): Promise<DeriveOutcome> {
  const { child, parent } = sides;
  const settings = await settingsBeside(parent);
  const converts = child.format === 'gguf' && parent.format !== 'gguf';
  const named = namedAsChild(sides, converts);
  const apart = codedApart(child, named.parents);
  const plan = planFor(child, { parents: named.parents, apart, converts, settings }, ports);
  if (plan === null) return undecided(input, child, noPlan(settings));
  const plain = await compareAll(plan, sides, { input, ports, settings });
  const tensors = [...plain, ...(await compareCoded(apart, named.parents, ports))];
  const { held, missing } = await withDoubts(tensors, { child, plan, named, apart }, ports);
  const coded = apart.packed.size + apart.affine.size + apart.calibrated.size > 0;
  return outcomeOf(input, {
    plan: { ...plan, missing },
    tensors: held,
    step: coded && input.step === undefined ? 'quantize' : stepOf(input, sides, tensors),
    ...(settings === null ? {} : { settings }),
  });
}

/** The weights of a child that are kept as several tensors, by the form they have. */
interface Apart {
  readonly packed: ReturnType<typeof packedWeights>;
  readonly affine: ReturnType<typeof affineWeights>;
  readonly calibrated: ReturnType<typeof calibratedWeights>;
  /** The tensors they are kept in. */
  readonly names: ReadonlySet<string>;
}

function codedApart(child: Opened, parents: ReadonlyMap<string, View>): Apart {
  const parts = partsIn(child);
  const affine = affineWeights(parts, parents);
  const packed = packedWeights(parts);
  for (const name of affine.keys()) packed.delete(name);
  const calibrated = calibratedWeights(parts, parents);
  const names = new Set([
    ...[...packed.values()].flatMap(({ name, beside }) => [
      name,
      ...[...beside.values()].map(({ tensor }) => tensor.name),
    ]),
    ...[...affine.values()].flatMap(partsOf),
    ...[...calibrated.values()].flatMap(calibratedParts),
  ]);
  return { packed, affine, calibrated, names };
}

/** GGUF has its types for codes, and none is kept as several tensors. */
function partsIn(child: Opened): readonly OpenTensor[] {
  return child.format === 'gguf' ? [] : child.tensors;
}

interface Planning {
  readonly parents: ReadonlyMap<string, View>;
  readonly apart: Apart;
  readonly converts: boolean;
  readonly settings: Settings | null;
}

/** Null where the converter is not known. */
function planFor(
  child: Opened,
  { parents, apart, converts, settings }: Planning,
  { numbers }: Pick<DerivePorts, 'numbers'>,
): Plan | null {
  const children = child.tensors.map(({ tensor }) => tensor).filter(({ name }) => !apart.names.has(name));
  if (converts) {
    const convert = numbers.convert.bind(numbers);
    return settings === null ? null : planConversion({ children, parents }, settings, convert);
  }
  const isApart = (name: string): boolean =>
    apart.packed.has(name) || apart.affine.has(name) || apart.calibrated.has(name);
  return planByName({ children, parents: new Map([...parents].filter(([name]) => !isApart(name))) });
}

function noPlan(settings: Settings | null): string {
  return settings === null
    ? 'the parent has no config.json that names its architecture'
    : `no converter of ${settings.architecture} is known`;
}

async function compareCoded(
  { packed, affine, calibrated }: Apart,
  parents: ReadonlyMap<string, View>,
  ports: DerivePorts,
): Promise<readonly TensorVerdict[]> {
  const tensors: TensorVerdict[] = [];
  for (const weight of packed.values()) tensors.push(await comparePacked(weight, parents.get(weight.name), ports));
  for (const weight of affine.values()) {
    const parent = parents.get(weight.name);
    if (parent !== undefined) tensors.push(await compareAffine(weight, parent, ports));
  }
  for (const weight of calibrated.values()) {
    const parent = parents.get(weight.name);
    if (parent !== undefined) tensors.push(await compareCalibrated(weight, parent, ports));
  }
  return tensors;
}

/** What was compared, less what the parent cannot be held to; and what of the parent is nowhere in the child. */
async function withDoubts(
  tensors: readonly TensorVerdict[],
  { child, plan, named, apart }: { child: Opened; plan: Plan; named: Named; apart: Apart },
  ports: DerivePorts,
): Promise<{ readonly held: readonly TensorVerdict[]; readonly missing: readonly string[] }> {
  const { parents, original } = named;
  const judged = child.format === 'onnx' || child.format === 'tflite' ? tensors.map(notOfWeights) : tensors;
  const { known, covered } = unknownPacking(judged, child.format === 'gguf' ? new Map() : parents);
  const missing: string[] = [];
  for (const name of plan.missing)
    if (!covered.has(name) && !(await isTied(name, parents, ports))) missing.push(original(name));
  const calibration = child.format === 'gguf' ? null : await calibrationBeside(child);
  const coded = new Set([...apart.packed.keys(), ...apart.affine.keys()]);
  const compressed = child.tensors.some(({ tensor }) => /\.weight_scale$|_Q\d+G\d+$/.test(tensor.name));
  const led = known.map((tensor) => ledByData(tensor, { coded, calibration, compressed }));
  const folding = { child: partsIn(child), parents, affine: apart.affine };
  const held = (await foldedApart(led, folding, ports)).map((each) => ({ ...each, from: each.from.map(original) }));
  return { held, missing };
}

/** An output that is the embedding is kept once or twice. */
async function isTied(
  name: string,
  parents: ReadonlyMap<string, View>,
  { signal }: Pick<DerivePorts, 'signal'>,
): Promise<boolean> {
  const [view, base] = [parents.get(name), parents.get(tiedTo(name, parents.keys()) ?? '')];
  if (view === undefined || base === undefined || view.dtype !== base.dtype || view.dtype.startsWith('GGUF_'))
    return false;
  if (view.shape.join() !== base.shape.join()) return false;
  const elements = { count: elementsOf(view.shape), bytes: view.width };
  return sameBlocks(view, base, elements, () => signal?.throwIfAborted());
}

async function compareAll(
  plan: Plan,
  { child, importance }: Sides,
  { input, ports, settings }: { input: Input; ports: DerivePorts; settings: Settings | null },
): Promise<readonly TensorVerdict[]> {
  const sources = new Map(child.tensors.map((each) => [each.tensor.name, each]));
  const work = ports.progress.start(
    'recomputing',
    child.tensors.reduce((sum, { tensor }) => sum + tensor.sizeBytes, 0),
  );
  const comparing: ComparePorts = {
    numbers: ports.numbers,
    ...(ports.signal === undefined ? {} : { signal: ports.signal }),
  };
  const verdicts: TensorVerdict[] = [];
  try {
    for (const planned of plan.planned) {
      const found = sources.get(planned.child.name);
      if (found === undefined) continue;
      const view = viewOfChild(found.tensor, found.source);
      const columns = importance?.(planned.child.name);
      const options = {
        ...(columns === undefined ? {} : { importance: columns }),
        ...(input.quick === true ? { quick: true } : {}),
      };
      verdicts.push(
        planned.computed === true
          ? await compareComputed(planned, found, settings)
          : await compareTensor(planned, view, comparing, options),
      );
      work.advance(found.tensor.sizeBytes);
    }
  } finally {
    work.end();
  }
  return verdicts;
}

/** A tensor the converter computes of config.json alone. */
async function compareComputed(
  { child, how }: Planned,
  { tensor, source }: { tensor: WeightTensor; source: Source },
  settings: Settings | null,
): Promise<TensorVerdict> {
  const base = { name: child.name, dtype: tensor.dtype, from: ['config.json'], how };
  const made = settings === null ? null : computedTensor(child.name, settings);
  if (made === null || tensor.dtype !== 'F32' || tensor.elements.kind !== 'stretch')
    return { ...base, word: 'undecided', why: 'config.json does not say how it is computed' };
  const bytes = await source.read(tensor.elements.offset, tensor.sizeBytes);
  if (Buffer.compare(bytes, Buffer.from(made.buffer)) === 0) return { ...base, word: 'recomputed' };
  const stored = new Float32Array(bytes.slice().buffer);
  const close =
    stored.length === made.length &&
    stored.every((value, at) => Math.abs(value - (made[at] ?? 0)) <= 1e-5 * Math.abs(made[at] ?? 0));
  return close
    ? { ...base, word: 'bounded', why: 'within 10⁻⁵ of what config.json gives: the power of another library' }
    : { ...base, word: 'not from the parent', why: 'it is not what config.json gives' };
}

/** As stated, else what the sides show. */
function stepOf({ step }: Asked, { child, parent }: Sides, tensors: readonly TensorVerdict[]): DeriveStep {
  if (step !== undefined) return step;
  if (child.tensors.some(({ tensor }) => tensor.dtype.startsWith('GGUF_')) && parent.format === 'gguf')
    return 'quantize';
  if (child.format === 'gguf' && parent.format !== 'gguf') return 'convert';
  return tensors.every(({ word }) => word === 'equal') ? 'reshard' : 'cast';
}
