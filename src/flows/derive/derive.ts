import { Buffer } from 'node:buffer';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Source } from '../../domain/base/source.ts';
import { checkOf, verdictOf, type Evidence, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { planByName, planConversion, type Plan, type Planned } from '../../domain/derive/plan.ts';
import { asChild, tiedTo, unwrapped } from '../../domain/derive/naming.ts';
import { packedInto } from '../../domain/derive/packed.ts';
import { computedTensor } from '../../domain/derive/rope.ts';
import type { View } from '../../domain/derive/view.ts';
import { settingsOf, type Settings } from '../../domain/derive/settings.ts';
import { tflitePairs } from '../../domain/derive/tflite-names.ts';
import { isAtLeast, weakest, type DeriveStep, type TensorVerdict, type Word } from '../../domain/derive/verdict.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { WeightNumbers } from '../../domain/ports/numbers.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import type { WeightTensor } from '../../domain/weights/types.ts';
import { type ComparePorts, compareTensor, sameBlocks } from './compare.ts';
import { foldedApart } from './folded.ts';
import { importanceOf, type Importance } from './importance.ts';
import { openSide, readBeside, type Opened, type SideInput } from './side.ts';
import { viewOfChild, viewsOf } from './views.ts';
import { mergedTensors, type MergedTensors, type MergeSides } from './adapter-merge.ts';
import { compareAffine } from './affine.ts';
import { affineWeights, partsOf } from './affine-parts.ts';
import { calibratedWeights, calibrationBeside, compareCalibrated, partsOf as calibratedParts } from './calibrated.ts';
import { mayBeLed, type Calibration } from '../../domain/derive/calibrated.ts';
import { comparePacked, packedWeights } from './packed.ts';
import { prunedTensors } from './pruned.ts';
import { mergedModels, type NamedModel } from './model-merge.ts';
import { counted } from '../../domain/base/units.ts';

export interface DeriveInput {
  readonly child: SideInput;
  readonly parent: SideInput;
  /** An importance matrix (GGUF), as `llama-imatrix` writes it. */
  readonly importance?: SideInput;
  /** A LoRA as PEFT writes it: its folder, with adapter_config.json. */
  readonly adapter?: SideInput;
  /** The other models that were merged, where it is a merge; mergekit's recipe lies beside the child. */
  readonly merged?: readonly SideInput[];
  readonly step?: DeriveStep;
  /** The weakest word that passes; default `bounded`. */
  readonly atLeast?: Word;
  readonly quick?: boolean;
}

export interface DerivePorts {
  readonly numbers: WeightNumbers;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface DeriveOutcome {
  readonly child: string;
  readonly parent: string;
  /** As stated, else as the sides show it. */
  readonly step: DeriveStep;
  readonly word: Word;
  readonly tensors: readonly TensorVerdict[];
  readonly missing: readonly string[];
  readonly dropped: readonly string[];
  /** Of the converter's table, where it was used. */
  readonly source?: string;
  /** Values of config.json that the recomputation depends on. */
  readonly settings?: Settings;
  readonly verdict: Verdict;
}

/** What every verdict of this command says, whatever it is. */
export const PROVES =
  'this proves that the child is the honest outcome of that step on that parent, never that the parent is benign';

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
    return await derived(input, { child, parent, ...(importance === undefined ? {} : { importance }) }, ports);
  } finally {
    for (const side of [child, parent, matrix, adapter, ...merged.map(({ opened }) => opened)]) await side?.close();
  }
}

interface Sides {
  readonly child: Opened;
  readonly parent: Opened;
  readonly importance?: Importance;
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
    if (typeof made === 'string') return undecided(input, { child }, made);
    const plan: Plan = { planned: [], missing: made.missing, dropped: made.dropped ?? [] };
    return outcomeOf(input, { plan, tensors: made.tensors, step: input.step ?? 'merge' });
  } finally {
    work.end();
  }
}

async function derived(input: DeriveInput, sides: Sides, ports: DerivePorts): Promise<DeriveOutcome> {
  const { child, parent } = sides;
  const settings = await settingsBeside(parent);
  const converts = child.format === 'gguf' && parent.format !== 'gguf';
  const { parents, original } = namedAsChild(sides, converts);
  // GGUF has its types for codes, and none is kept as several tensors.
  const parts = child.format === 'gguf' ? [] : child.tensors;
  const affine = affineWeights(parts, parents);
  const packed = packedWeights(parts);
  for (const name of affine.keys()) packed.delete(name);
  const calibrated = calibratedWeights(parts, parents);
  const apart = new Set([
    ...[...packed.values()].flatMap(({ name, beside }) => [
      name,
      ...[...beside.values()].map(({ tensor }) => tensor.name),
    ]),
    ...[...affine.values()].flatMap(partsOf),
    ...[...calibrated.values()].flatMap(calibratedParts),
  ]);
  const children = child.tensors.map(({ tensor }) => tensor).filter(({ name }) => !apart.has(name));
  const plan = converts
    ? settings === null
      ? null
      : planConversion({ children, parents }, settings, (from, to, bytes) => ports.numbers.convert(from, to, bytes))
    : planByName({
        children,
        parents: new Map(
          [...parents].filter(([name]) => !packed.has(name) && !affine.has(name) && !calibrated.has(name)),
        ),
      });
  if (plan === null)
    return undecided(
      input,
      sides,
      settings === null
        ? 'the parent has no config.json that names its architecture'
        : `no converter of ${settings.architecture} is known`,
    );
  const tensors = [...(await compareAll(plan, sides, { input, ports, settings }))];
  for (const weight of packed.values()) tensors.push(await comparePacked(weight, parents.get(weight.name), ports));
  for (const weight of affine.values()) {
    const parent = parents.get(weight.name);
    if (parent !== undefined) tensors.push(await compareAffine(weight, parent, ports));
  }
  for (const weight of calibrated.values()) {
    const parent = parents.get(weight.name);
    if (parent !== undefined) tensors.push(await compareCalibrated(weight, parent, ports));
  }
  const judged = child.format === 'onnx' || child.format === 'tflite' ? tensors.map(notOfWeights) : tensors;
  const { known, covered } = unknownPacking(judged, child.format === 'gguf' ? new Map() : parents);
  const missing: string[] = [];
  for (const name of plan.missing)
    if (!covered.has(name) && !(await isTied(name, parents, ports))) missing.push(original(name));
  const calibration = child.format === 'gguf' ? null : await calibrationBeside(child);
  const coded = new Set([...packed.keys(), ...affine.keys()]);
  const compressed = child.tensors.some(({ tensor }) => /\.weight_scale$|_Q\d+G\d+$/.test(tensor.name));
  const led = known.map((tensor) => ledByData(tensor, { coded, calibration, compressed }));
  const folding = { child: parts, parents, affine };
  const named = (await foldedApart(led, folding, ports)).map((each) => ({ ...each, from: each.from.map(original) }));
  return outcomeOf(input, {
    plan: { ...plan, missing },
    tensors: named,
    step:
      packed.size + affine.size + calibrated.size > 0 && input.step === undefined
        ? 'quantize'
        : stepOf(input, sides, tensors),
    ...(settings === null ? {} : { settings }),
  });
}

function tfliteNames({ child, parent }: Sides): ReadonlyMap<string, string> {
  const pairs = tflitePairs(
    child.tensors.map(({ tensor }) => tensor),
    parent.tensors.map(({ tensor }) => tensor),
  );
  const made = new Map([...pairs].map(([own, other]) => [other, own]));
  const free = (name: string): string => (pairs.has(name) && !made.has(name) ? `parent's ${name}` : name);
  return new Map(parent.tensors.map(({ tensor: { name } }) => [name, made.get(name) ?? free(name)]));
}

/** A parent's tensors by the names that the child or the converter's table has for them. */
function namedAsChild({ child, parent }: Sides, converts: boolean) {
  const names = parent.tensors.map(({ tensor }) => tensor.name);
  const children = child.tensors.map(({ tensor }) => tensor.name);
  const renamed =
    child.format === 'tflite' ? tfliteNames({ child, parent }) : converts ? unwrapped(names) : asChild(names, children);
  const parents = new Map([...viewsOf(parent)].map(([name, view]) => [renamed.get(name) ?? name, view]));
  const back = new Map([...renamed].map(([name, made]) => [made, name]));
  return { parents, original: (name: string): string => back.get(name) ?? name };
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

/**
 * What data led is not held to the parent's numbers: the child says so itself, and is not believed for it either. LLM Compressor
 * (`weight_scale`) and ONNX Runtime's tools (`_Q4G32`) write the same form for codes that data chose, and who lost its recipe is no forger.
 */
function ledByData(
  tensor: TensorVerdict,
  {
    coded,
    calibration,
    compressed,
  }: { coded: ReadonlySet<string>; calibration: Calibration | null; compressed: boolean },
): TensorVerdict {
  if (tensor.word !== 'not from the parent' || tensor.from.length === 0) return tensor;
  const { where: _, ...rest } = tensor;
  const isCode = coded.has(tensor.name);
  const why = tensor.why ?? 'it differs';
  if (calibration !== null && (calibration.folds || isCode))
    return { ...rest, word: 'undecided', why: `it comes of ${calibration.method}, which is not recomputed: ${why}` };
  return compressed && isCode && tensor.figures !== undefined && mayBeLed(tensor.figures)
    ? { ...rest, word: 'undecided', why: `${why}: so GPTQ leaves them, and so does another parent` }
    : tensor;
}

/** Scales of what goes through a model (ONNX), and biases under them (TFLite): quantisers find them by data that nobody shows. */
function notOfWeights(tensor: TensorVerdict): TensorVerdict {
  const without = tensor.word === 'not from the parent' && tensor.from.length === 0;
  const follows = /_(?:scale|zero_point)$/.test(tensor.name) || /^TFLITE_QI(?:32|64)$/.test(tensor.dtype);
  if (!without || !follows) return tensor;
  return { ...tensor, word: 'undecided', why: 'it follows from data that went through the model, not from the parent' };
}

/** Parts of a packing that is not known say nothing of the parent, for or against; nor is what they stand for missing. */
function unknownPacking(
  tensors: readonly TensorVerdict[],
  parents: ReadonlyMap<string, View>,
): { readonly known: readonly TensorVerdict[]; readonly covered: ReadonlySet<string> } {
  const covered = new Set<string>();
  const known = tensors.map((tensor): TensorVerdict => {
    const weight = parents.has(tensor.name) ? null : packedInto(tensor.name, (name) => parents.has(name));
    if (weight === null || tensor.word !== 'not from the parent') return tensor;
    covered.add(weight);
    return { ...tensor, word: 'undecided', why: 'how it was packed is not known' };
  });
  return { known, covered };
}

export async function settingsBeside(side: Opened): Promise<Settings | null> {
  const config = await readBeside(side, 'config.json', LIMITS.documentBytes);
  return config === null ? null : settingsOf(config);
}

async function compareAll(
  plan: Plan,
  { child, importance }: Sides,
  { input, ports, settings }: { input: DeriveInput; ports: DerivePorts; settings: Settings | null },
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
function stepOf({ step }: DeriveInput, { child, parent }: Sides, tensors: readonly TensorVerdict[]): DeriveStep {
  if (step !== undefined) return step;
  if (child.tensors.some(({ tensor }) => tensor.dtype.startsWith('GGUF_')) && parent.format === 'gguf')
    return 'quantize';
  if (child.format === 'gguf' && parent.format !== 'gguf') return 'convert';
  return tensors.every(({ word }) => word === 'equal') ? 'reshard' : 'cast';
}

/** A step may promise more than the numbers show: resharding keeps every byte, a cast writes plain types. */
function broken(step: DeriveStep, { word, dtype }: TensorVerdict): string | null {
  if (step === 'reshard' && word !== 'equal') return 'resharding keeps every tensor as it is';
  if (step === 'cast' && !/^(F|BF|I|U|BOOL)/.test(dtype)) return 'a cast does not quantise';
  return null;
}

interface Compared {
  readonly plan: Plan;
  readonly tensors: readonly TensorVerdict[];
  readonly step: DeriveStep;
  readonly settings?: Settings;
}

function outcomeOf(input: DeriveInput, { plan, tensors, step, settings }: Compared): DeriveOutcome {
  const judged = tensors.map((tensor): TensorVerdict => {
    const why = broken(step, tensor);
    return why === null || !isAtLeast(tensor.word, 'bounded')
      ? tensor
      : { ...tensor, word: 'not from the parent', why };
  });
  const lost = plan.missing.length > 0 ? (['not from the parent'] as const) : [];
  const word = weakest([...judged.map((tensor) => tensor.word), ...lost]);
  return {
    child: input.child.shown,
    parent: input.parent.shown,
    step,
    word,
    tensors: judged,
    missing: plan.missing,
    dropped: plan.dropped,
    ...(plan.source === undefined ? {} : { source: plan.source }),
    ...(settings === undefined ? {} : { settings }),
    verdict: verdictFor(input, { word, tensors: judged, missing: plan.missing, step }),
  };
}

function verdictFor(
  input: DeriveInput,
  {
    word,
    tensors,
    missing,
    step,
  }: { word: Word; tensors: readonly TensorVerdict[]; missing: readonly string[]; step: DeriveStep },
): Verdict {
  const atLeast = input.atLeast ?? 'bounded';
  const findings: Finding[] = [
    ...tensors.filter((tensor) => !isAtLeast(tensor.word, atLeast)).map((tensor) => findingFor(tensor, atLeast)),
    ...missing.map((name): Finding => ({
      code: 'not-derived',
      message: `${name} of the parent is not in the child`,
      subject: name,
    })),
  ];
  const evidence: Evidence[] =
    isAtLeast(word, 'bounded') && tensors.length > 0
      ? [
          {
            what: `${counted(tensors.length, 'tensor')}: ${word} (${step} of ${input.parent.shown})`,
            data: { word, step },
          },
        ]
      : [];
  const none: Finding[] =
    tensors.length === 0 ? [{ code: 'derivation-undecided', message: 'there is no tensor to compare' }] : [];
  return verdictOf({
    subject: input.child.shown,
    checks: [checkOf('derivation', evidence, [...findings, ...none])],
    notes: [PROVES],
    notAsked: ['signatures', 'lineage', 'policy', 'scan'],
  });
}

function findingFor({ name, word, why, where }: TensorVerdict, atLeast: Word): Finding {
  const place = where === undefined ? '' : `, row ${where.row}, block ${where.block}`;
  return {
    code: word === 'undecided' ? 'derivation-undecided' : 'not-derived',
    message: `${name} is ${word}${word === 'not from the parent' || word === 'undecided' ? '' : `, not ${atLeast}`}${why === undefined ? '' : `: ${why}`}${place}`,
    subject: name,
  };
}

function undecided(input: DeriveInput, { child }: Pick<Sides, 'child'>, why: string): DeriveOutcome {
  const step = input.step ?? 'convert';
  const finding: Finding = { code: 'derivation-undecided', message: why };
  return {
    child: input.child.shown,
    parent: input.parent.shown,
    step,
    word: 'undecided',
    tensors: child.tensors.map(({ tensor }) => ({
      name: tensor.name,
      word: 'undecided',
      dtype: tensor.dtype,
      from: [],
      how: [],
      why,
    })),
    missing: [],
    dropped: [],
    verdict: verdictOf({ subject: input.child.shown, checks: [checkOf('derivation', [], [finding])], notes: [PROVES] }),
  };
}
