import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { DeriveStep, Word } from '../domain/derive/verdict.ts';
import type { WeightNumbers } from '../domain/ports/numbers.ts';
import type { Registry } from '../domain/ports/registry.ts';
import { parseReference } from '../domain/registry/reference.ts';
import type { DeriveOutcome } from '../flows/derive/outcome.ts';
import type { KinInput } from '../flows/derive/kin-side.ts';
import type { KinOutcome } from '../flows/derive/kin.ts';
import type { Relation } from '../flows/derive/relate.ts';
import type { SideInput } from '../flows/derive/side.ts';
import { diffArtifacts, type DiffOutcome, type DiffSide } from '../flows/describe/diff.ts';
import { inspectFiles, inspectPath } from '../flows/describe/inspect.ts';
import { storedFiles } from '../flows/registry/registry-show.ts';
import { filesOf } from '../flows/bom/create.ts';
import { callPorts, placeIn, signalOf, weighPorts, type CallOptions } from './ports.ts';

/** Calls that compare artifacts, each a path, or `NAME:TAG`, `NAME@sha256:…` or `sha256:…` of the registry. */
export interface CompareOptions extends CallOptions {
  /** Where what is no path is looked up. */
  readonly registry?: Registry;
}

export interface ArtifactDiff extends DiffOutcome {
  /** What the weights of one are to those of the other, where files differ and there is something to say. */
  readonly weights?: Relation;
}

/**
 * What changed from one artifact to another: files, tensors and by how much, settings, records, what they say of themselves.
 * Sizes are bytes, shapes are as the format states them. `differs` is what the command ends with 1 for. BOMs: `diffBoms`.
 * @throws WeighmarkError `not-found`, `usage` for a name without a registry, `unreadable`, `file-changed`, `interrupted`.
 */
export async function diff(a: string, b: string, options: CompareOptions = {}): Promise<ArtifactDiff> {
  const sides = [await describedSide(a, options), await describedSide(b, options)] as const;
  const outcome = await diffArtifacts(...sides, { progress: callPorts(options).progress, signal: signalOf(options) });
  const { relate } = await import('../flows/derive/relate.ts');
  const weights = await relate(sides, outcome, { ...weighPorts(options), numbers: await numbers() });
  return { ...outcome, ...(weights === null ? {} : { weights }) };
}

export interface DeriveOptions extends CompareOptions {
  /** The step; absent: what the two look like. */
  readonly step?: DeriveStep;
  /** The weakest word that passes; default `bounded`. */
  readonly atLeast?: Word;
  /** An importance matrix (GGUF). */
  readonly importance?: string;
  /** A LoRA as PEFT writes it: its folder. */
  readonly adapter?: string;
  /** The models that were merged into the parent, for the step `merge`. */
  readonly merged?: readonly string[];
  /** Check the codes of K-quants, and do not repeat the search for their scales. */
  readonly quick?: boolean;
}

/**
 * Is the child the honest outcome of converting, casting, quantising or merging the parent, tensor by tensor? The answer is in
 * `verdict`; a passing one says nothing of whether the parent is benign.
 * @throws WeighmarkError `not-found` where a side has no weights, `usage`, `unreadable`, `file-changed`, `interrupted`.
 */
export async function derive(child: string, parent: string, options: DeriveOptions = {}): Promise<DeriveOutcome> {
  const { derive: flow } = await import('../flows/derive/derive.ts');
  const { step, atLeast, quick, importance, adapter, merged } = options;
  requireOneWay(options);
  const others: SideInput[] = [];
  for (const ref of merged ?? []) others.push(await sideOf(ref, options));
  const input = {
    child: await sideOf(child, options),
    parent: await sideOf(parent, options),
    ...(step === undefined ? {} : { step }),
    ...(quick === undefined ? {} : { quick }),
    ...(importance === undefined ? {} : { importance: await sideOf(importance, options) }),
    ...(adapter === undefined ? {} : { adapter: await sideOf(adapter, options) }),
    ...(merged === undefined ? {} : { merged: others }),
    atLeast: atLeast ?? ('bounded' as const),
  };
  return flow(input, await comparing(options));
}

/** What goes with another step would be passed over in silence. */
function requireOneWay({ step, merged, adapter, importance }: DeriveOptions): void {
  const ways = [merged, adapter, importance].filter((way) => way !== undefined).length;
  if (ways > 1) throw new WeighmarkError('usage', 'one of `merged`, `adapter` and `importance` goes with a step');
  if ((merged !== undefined) !== (step === 'merge'))
    throw new WeighmarkError('usage', '`merged` goes with the step `merge`, and it with `merged`');
  if (adapter !== undefined && step !== undefined && step !== 'adapter-merge')
    throw new WeighmarkError('usage', `an adapter goes with the step adapter-merge, not with ${step}`);
}

/**
 * Which of several models is the likeliest base of this one, by the numbers of their weights: likeness from a sample of rows,
 * no proof, and not which came first. `likeliest` is null where none is kin.
 * @throws WeighmarkError `not-found` where the model has no weights, `scan-incomplete`, `usage`, `unreadable`, `interrupted`.
 */
export async function kin(
  model: string,
  against: readonly string[],
  options: CompareOptions = {},
): Promise<KinOutcome> {
  const { kin: flow } = await import('../flows/derive/kin.ts');
  if (against.length === 0) throw new WeighmarkError('usage', 'name the models that it may have been made from');
  const bases: KinInput[] = [];
  for (const ref of new Set(against)) bases.push(await kinSide(ref, options));
  return flow({ model: await kinSide(model, options), against: bases }, await comparing(options));
}

async function numbers(): Promise<WeightNumbers> {
  const { createNumbers } = await import('../adapters/weights/index.ts');
  return createNumbers();
}

async function comparing(options: CallOptions) {
  return { numbers: await numbers(), progress: callPorts(options).progress, signal: signalOf(options) };
}

async function sideOf(ref: string, { registry }: CompareOptions): Promise<SideInput> {
  const reference = parseReference(ref);
  if (reference.kind === 'path') {
    const files = createFiles();
    const tree = await files.walk(resolve(reference.path), { allowSymlinks: true });
    return { shown: ref, files: filesOf(tree, new Map(), { files }) };
  }
  const place = await placeIn(ref, registry);
  return { shown: ref, files: await storedFiles(place.registry, place.name, place.id) };
}

/** With what the artifact says of itself. */
async function describedSide(ref: string, options: CompareOptions): Promise<DiffSide> {
  const signal = signalOf(options);
  const reference = parseReference(ref);
  if (reference.kind === 'path') {
    const { claimed } = await inspectPath(resolve(reference.path), { files: createFiles() }, { signal });
    return { ...(await sideOf(ref, options)), claimed };
  }
  const { registry, name, id } = await placeIn(ref, options.registry);
  const files = await storedFiles(registry, name, id);
  return { shown: ref, files, claimed: (await inspectFiles(files, { name, id }, { signal })).claimed };
}

async function kinSide(ref: string, options: CompareOptions): Promise<KinInput> {
  const reference = parseReference(ref);
  if (reference.kind !== 'path')
    return { ...(await sideOf(ref, options)), names: [ref], official: reference.kind === 'digest' ? [] : [ref] };
  const { kinOnDisk } = await import('../flows/derive/kin-side.ts');
  return kinOnDisk(resolve(reference.path), ref, createFiles());
}
