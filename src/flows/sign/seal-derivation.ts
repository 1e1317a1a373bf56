import { buildDerivation, PROVEN_WORDS, type DerivedFrom, type ProvenWord } from '../../domain/claims/derivation.ts';
import { PREDICATES, type Step } from '../../domain/claims/predicates.ts';
import { splitInput, type StepInput } from '../../domain/claims/provenance.ts';
import { buildStatement } from '../../domain/claims/statement.ts';
import { subjectsOf } from '../../domain/claims/subjects.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { SHOWN_STEPS } from '../../domain/authority/types.ts';
import { isAtLeast, STEPS as DERIVE_STEPS, type DeriveStep } from '../../domain/derive/verdict.ts';
import { idsOf } from '../../domain/digest/manifest.ts';
import { parseReference, placeOf } from '../../domain/registry/reference.ts';
import type { Tree } from '../../domain/ports/files.ts';
import type { WeightNumbers } from '../../domain/ports/numbers.ts';
import { filesOf } from '../bom/create.ts';
import { derive, type DeriveInput } from '../derive/derive.ts';
import type { DeriveOutcome } from '../derive/outcome.ts';
import type { SideInput } from '../derive/side.ts';
import { hashTree } from '../content/hash-tree.ts';
import { storedArtifact } from '../registry/registry-content.ts';
import { idOf, type ResolvePorts } from '../registry/resolve-inputs.ts';
import { isUnchanged } from './seal-content.ts';
import type { SealFacts } from './seal-statements.ts';

/** What sealing found of a step, apart from the claim of it. */
export interface SealedDerivation {
  /** Weakest of the tensors; null: it could not be recomputed, and the claim stands alone. */
  readonly word: string | null;
  readonly step: string;
  readonly parent: string;
  /** The first reason for no better word. */
  readonly why?: string;
}

export interface DerivationPorts extends ResolvePorts {
  /** Absent: nothing is recomputed. */
  readonly numbers?: () => Promise<WeightNumbers>;
}

/** An input whose files are here, as they stood when its id was computed. */
interface AtHand {
  readonly input: StepInput;
  readonly side: SideInput;
  /** @throws WeighmarkError `file-changed`, `digest-mismatch`: what was recomputed from is not what the claim names. */
  readonly confirm: () => Promise<void>;
}

export interface DerivationQuestion {
  readonly step: Step;
  /** As the user gave them, `ROLE=REF`, in the order of the resolved ones. */
  readonly texts: readonly string[];
  readonly inputs: readonly StepInput[];
  readonly child: Tree;
}

export interface Recomputed {
  readonly found: SealedDerivation;
  /** Null where nothing was shown. */
  readonly outcome: DeriveOutcome | null;
  readonly materials: readonly DerivedFrom[];
  readonly parents: readonly StepInput[];
}

/** An input beside what the user called it. */
interface Named {
  readonly input: StepInput;
  readonly ref: string;
}

/** What a recomputation needs of the inputs; the first is the parent. */
interface Needed {
  readonly bases: readonly [Named, ...Named[]];
  readonly adapter?: Named;
  readonly importance?: Named;
}

/** Null for a step that is not recomputed, or whose inputs are not those of one that is. */
function neededOf({ step, texts, inputs }: DerivationQuestion): Needed | null {
  const named = inputs.map((input, at) => ({ input, ref: splitInput(texts[at] ?? '').ref }));
  const [base, ...more] = named.filter(({ input }) => input.role === 'base-model');
  const [adapter, ...others] = named.filter(({ input }) => input.role === 'adapter');
  if (base === undefined || SHOWN_STEPS.every((each) => each !== step)) return null;
  if (step === 'merge' && adapter === undefined) return more.length === 0 ? null : { bases: [base, ...more] };
  if (more.length + others.length > 0) return null;
  if (step === 'merge' || step === 'adapter-merge') return adapter === undefined ? null : { bases: [base], adapter };
  const importance = named.find(({ input, ref }) => input.role === 'config' && ref.endsWith('.gguf'));
  return { bases: [base], ...(importance === undefined ? {} : { importance }) };
}

/** A conversion may quantise, and says what it was by its outcome; what else is stated must be so. */
function stepFor({ step }: DerivationQuestion, { adapter }: Needed): Pick<DeriveInput, 'step'> {
  if (adapter !== undefined) return { step: 'adapter-merge' };
  return STATED.has(step) ? { step: step as DeriveStep } : {};
}

const STATED: ReadonlySet<string> = new Set(DERIVE_STEPS.filter((step) => step !== 'convert' && step !== 'quantize'));

function besides({ adapter }: Needed, others: readonly AtHand[]): Pick<DeriveInput, 'merged' | 'adapter'> {
  const [only] = others;
  if (adapter === undefined) return { merged: others.map(({ side }) => side) };
  return only === undefined ? {} : { adapter: only.side };
}

/** All that is needed; null where one of them is elsewhere. An importance matrix may be. */
async function allAtHand({ bases, adapter, importance }: Needed, ports: DerivationPorts) {
  const models: AtHand[] = [];
  for (const each of [...bases, ...(adapter === undefined ? [] : [adapter])]) {
    const found = await atHand(each, ports);
    if (found === null) return null;
    models.push(found);
  }
  const matrix = importance === undefined ? null : await atHand(importance, ports);
  return { models, matrix };
}

/**
 * Recomputes a step whose parents and child are at hand; null where it is no such step, or a parent is elsewhere. A merge has several
 * base models and its recipe beside it, or a base and an adapter; an importance matrix is an input in the role `config` whose name ends
 * in `.gguf`.
 * @throws WeighmarkError `not-derived` if a tensor is not from the parent: nobody should sign that it is; `file-changed`.
 */
export async function recompute(question: DerivationQuestion, ports: DerivationPorts): Promise<Recomputed | null> {
  const needed = ports.numbers === undefined ? null : neededOf(question);
  const found = needed === null ? null : await allAtHand(needed, ports);
  if (needed === null || found === null || ports.numbers === undefined) return null;
  const { models, matrix } = found;
  const [parent, ...others] = models;
  if (parent === undefined) return null;
  const input = {
    child: { shown: question.child.root, files: filesOf(question.child, new Map(), ports) },
    parent: parent.side,
    ...stepFor(question, needed),
    ...besides(needed, others),
    ...(matrix === null ? {} : { importance: matrix.side }),
  };
  const signal = ports.signal === undefined ? {} : { signal: ports.signal };
  const parents = models.map((each) => each.input);
  const about = { step: question.step, parent: parents.map(({ name }) => name).join(' and ') };
  let outcome: DeriveOutcome;
  try {
    outcome = await derive(input, { numbers: await ports.numbers(), progress: ports.progress, ...signal });
  } catch (error) {
    if (!(error instanceof WeighmarkError) || !OPEN.includes(error.code)) throw error;
    return { found: { ...about, word: null, why: error.message }, outcome: null, materials: [], parents };
  }
  for (const used of [...models, matrix]) await used?.confirm();
  if (outcome.word === 'not from the parent') throw notFrom(outcome, about.parent);
  const isShown = isAtLeast(outcome.word, 'bounded');
  const why = outcome.tensors.find(({ word }) => word === outcome.word)?.why;
  const said = {
    ...about,
    step: outcome.step,
    word: isShown ? outcome.word : null,
    ...(why === undefined ? {} : { why }),
  };
  const materials = matrix === null ? [] : [pinned(matrix.input)];
  return { found: said, outcome: isShown ? outcome : null, materials, parents };
}

/** What keeps an artifact from being examined, and is no fault of it. */
const OPEN: readonly string[] = ['usage', 'not-found', 'scan-incomplete', 'format-invalid', 'limit-exceeded'];

function notFrom({ tensors, missing }: DeriveOutcome, ref: string): WeighmarkError {
  const bad = tensors.find(({ word }) => word === 'not from the parent');
  const what =
    bad === undefined ? `${missing[0] ?? 'a tensor'} of the parent is not in it` : `${bad.name} is not from ${ref}`;
  const place = bad?.where === undefined ? '' : `, row ${bad.where.row}, block ${bad.where.block}`;
  return new WeighmarkError('not-derived', `${what}${bad?.why === undefined ? '' : `: ${bad.why}`}${place}`, {
    subject: bad?.name ?? missing[0] ?? ref,
    hint: `is it the right parent? \`weighmark derive\` shows every tensor; \`--no-recompute\` signs the claim alone`,
  });
}

function pinned({ name, id }: StepInput): DerivedFrom {
  return { name, sha256: (id ?? '').slice('sha256:'.length) };
}

/** Null: the digest alone is known. */
async function atHand(
  { input, ref }: { readonly input: StepInput; readonly ref: string },
  ports: DerivationPorts,
): Promise<AtHand | null> {
  if (input.id === null) return null;
  const reference = parseReference(ref);
  if (reference.kind === 'digest') return null;
  if (reference.kind === 'path') return onDisk({ input, ref, root: ports.locate(reference.path) }, ports);
  const place = placeOf(reference);
  const registry = await ports.registry(place.location);
  try {
    const stored = await storedArtifact({ name: place.name, reference: input.id }, registry, ports.hasher);
    const tree = await stored.files.walk(stored.root);
    return {
      input,
      side: { shown: ref, files: filesOf(tree, new Map(), stored) },
      confirm: () => asListed(tree, stored, ports),
    };
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'not-found') return null;
    throw error;
  }
}

/** What lies there must be what was named, and as it was while it was recomputed from. */
async function onDisk(
  { input, ref, root }: { input: StepInput; ref: string; root: string },
  ports: DerivationPorts,
): Promise<AtHand> {
  const tree = await ports.files.walk(root);
  const changed = (path: string): WeighmarkError =>
    new WeighmarkError('file-changed', `${path} of ${ref} changed while it was read`, { subject: ref });
  return {
    input,
    side: { shown: ref, files: filesOf(tree, new Map(), ports) },
    confirm: async () => {
      if ((await idOf(ref, ports)) !== input.id) throw changed('something');
      const now = new Map((await ports.files.walk(root)).entries.map((entry) => [entry.path, entry]));
      for (const entry of tree.entries)
        if (!isUnchanged(entry.stamp, now.get(entry.path)?.stamp)) throw changed(entry.path);
    },
  };
}

/** A registry's files are what its manifest lists, by their bytes as read now. */
async function asListed(
  tree: Tree,
  { ids, files, hasher }: Awaited<ReturnType<typeof storedArtifact>>,
  ports: DerivationPorts,
): Promise<void> {
  const how = { label: 'hashing the parent', algorithms: ['sha256'] as const };
  const hashed = await hashTree(tree.entries, how, { ...ports, files, hasher });
  const found = idsOf(
    hashed.map(({ entry, digests }) => ({
      path: entry.path,
      sizeBytes: entry.sizeBytes,
      sha256: digests.sha256 ?? '',
    })),
  );
  if (!ids.some((id) => found.includes(id)))
    throw new WeighmarkError('digest-mismatch', 'the parent in the registry is not what its manifest lists');
}

/** The evidence, as a statement of its own about the child. */
export function derivationStatement(
  facts: SealFacts,
  { outcome, materials, parents }: Recomputed,
  version: string,
): Uint8Array | null {
  const word = PROVEN_WORDS.find((each) => each === outcome?.word);
  if (outcome === null || word === undefined) return null;
  const counts = PROVEN_WORDS.flatMap((each): [ProvenWord, number][] => {
    const count = outcome.tensors.filter((tensor) => tensor.word === each).length;
    return count === 0 ? [] : [[each, count]];
  });
  const predicate = buildDerivation({
    step: outcome.step,
    word,
    parents: parents.map(pinned),
    tensors: Object.fromEntries(counts),
    materials,
    tool: { name: 'weighmark', version },
    ...(outcome.source === undefined ? {} : { source: outcome.source }),
  });
  return buildStatement(subjectsOf(facts), PREDICATES.derivation, predicate);
}
