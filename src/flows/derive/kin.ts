import { WeighmarkError } from '../../domain/base/errors.ts';
import { checkOf, verdictOf, type Evidence, type Verdict } from '../../domain/base/verdict.ts';
import { pick } from '../../domain/metadata/types.ts';
import { isDeclared } from '../../domain/derive/declared.ts';
import { judgeKin } from '../../domain/derive/kin-findings.ts';
import { compareKinship, isKin, kinshipOf, type KinTensor, type Kinship } from '../../domain/derive/kin.ts';
import { towards } from '../../domain/derive/likeness.ts';
import { byContent, byName, markOf, type Marked } from '../../domain/derive/pairing.ts';
import { planConversion } from '../../domain/derive/plan.ts';
import { sampleOf } from '../../domain/derive/sample.ts';
import type { View } from '../../domain/derive/view.ts';
import type { WeightNumbers } from '../../domain/ports/numbers.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import { comparePair, looked, withoutOnes, type Pair } from './kin-pairs.ts';
import { settingsBeside } from './side.ts';
import { openKin, type KinInput, type KinSide } from './kin-side.ts';
import { floatsOf, viewsOf } from './views.ts';

export interface KinQuestion {
  readonly model: KinInput;
  readonly against: readonly KinInput[];
}

export interface KinPorts {
  readonly numbers: WeightNumbers;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** One possible base. */
export interface Candidate {
  readonly against: string;
  /** The model's own files or BOM name it as what it was made of. */
  readonly declared: boolean;
  /** Absent: it could not be examined, and `why` says why. */
  readonly kinship?: Kinship;
  readonly why?: string;
  readonly tensors: readonly KinTensor[];
}

export interface KinOutcome {
  readonly model: string;
  /** Names of what the model's own files and BOM say it was made of. */
  readonly declared: readonly string[];
  /** The likeliest base first. */
  readonly candidates: readonly Candidate[];
  readonly likeliest: string | null;
  readonly verdict: Verdict;
}

/** What every answer of this command says. */
export const SHOWS =
  'likeness of weights, from a sample of rows: it shows who shares weights, not which of the two came first, and is no proof; `weighmark derive` recomputes a step';

/**
 * Which of several models is the likeliest base of this one, by the numbers of their weights: under other names and layers, cut
 * vocabularies, other containers and quantisation. Two models of one configuration and other weights are not kin.
 * @throws WeighmarkError `not-found` where the model has no weights, `scan-incomplete`, `unreadable`, `interrupted`.
 */
export async function kin({ model, against }: KinQuestion, ports: KinPorts): Promise<KinOutcome> {
  const own = await openKin(model, ports.signal);
  const work = ports.progress.start('comparing weights', against.length * own.opened.tensors.length);
  const found: Found[] = [];
  try {
    for (const input of against) found.push(await candidateOf(own, input, { ports, advance: () => work.advance(1) }));
    return await outcomeOf(own, found, ports);
  } finally {
    work.end();
    for (const { side } of found) await side?.opened.close();
    await own.opened.close();
  }
}

interface Found {
  readonly candidate: Candidate;
  readonly side?: KinSide;
  readonly pairs: readonly Pair[];
  readonly isNamed: boolean;
}

interface Doing {
  readonly ports: KinPorts;
  readonly advance: () => void;
}

/** One that cannot be examined leaves the others' answers as they are. */
async function candidateOf(own: KinSide, input: KinInput, doing: Doing): Promise<Found> {
  let side: KinSide | undefined;
  try {
    side = await openKin(input, doing.ports.signal);
    const { tensors, pairs } = await compareAll(own, side, doing);
    const { goesBy } = side;
    const declared = own.declared.some((each) => isDeclared(each, goesBy));
    const candidate = { against: input.shown, declared, kinship: kinshipOf(tensors), tensors };
    return { candidate, side, pairs, isNamed: isNamed(input) };
  } catch (error) {
    await side?.opened.close();
    if (!(error instanceof WeighmarkError) || error.code === 'interrupted') throw error;
    const goesBy = { names: input.names, official: input.official ?? [], digests: input.digests ?? [] };
    const declared = own.declared.some((each) => isDeclared(each, goesBy));
    return {
      candidate: { against: input.shown, declared, why: error.message, tensors: [] },
      pairs: [],
      isNamed: false,
    };
  }
}

/** What the card in a folder has its examples load is no name of the folder's: cards are copied. */
function isNamed({ official = [], located = [] }: KinInput): boolean {
  return official.length > 0 || pick(located, 'name').length > 0;
}

interface Compared {
  readonly tensors: readonly KinTensor[];
  readonly pairs: readonly Pair[];
}

async function compareAll(own: KinSide, base: KinSide, { ports, advance }: Doing): Promise<Compared> {
  const first = await pairsByName(own, base, ports);
  const tensors: KinTensor[] = [];
  for (const pair of first) {
    tensors.push(await comparePair(pair, ports.numbers));
    ports.signal?.throwIfAborted();
    advance();
  }
  const open = first.filter((_, at) => tensors[at]?.word === 'other' || tensors[at]?.word === 'unmatched');
  const again = await pairsByContent(open, base, ports);
  const pairs = first.map((pair) => again.get(pair.name) ?? pair);
  for (const [at, pair] of pairs.entries()) {
    if (!again.has(pair.name)) continue;
    const better = await comparePair(pair, ports.numbers);
    if (better.word === 'equal' || better.word === 'alike') tensors[at] = better;
  }
  const shapes = new Set([...viewsOf(base.opened).values()].map(shapeOf));
  return { tensors: tensors.map((tensor, at) => searched(tensor, pairs[at], shapes)), pairs };
}

/** One that has the shape of some of the base's and the numbers of none was compared, too. */
function searched(tensor: KinTensor, pair: Pair | undefined, shapes: ReadonlySet<string>): KinTensor {
  const compared = tensor.word === 'unmatched' && tensor.telling && pair !== undefined && shapes.has(shapeOf(pair.own));
  return compared ? { ...tensor, word: 'other' } : tensor;
}

/** By the converter's table where one side is a GGUF and the other is not; else by name. */
async function pairsByName(own: KinSide, base: KinSide, { numbers }: KinPorts): Promise<readonly Pair[]> {
  const [ownViews, baseViews] = [viewsOf(own.opened), viewsOf(base.opened)];
  const made = (await converted(own, base, baseViews, numbers)) ?? new Map<string, Made>();
  const reversed = await converted(base, own, ownViews, numbers);
  const names = byName(ownViews.keys(), [...baseViews.keys()]);
  const pairs: Pair[] = [];
  const covered = new Set<string>();
  for (const [baseName, { from, view }] of reversed ?? []) {
    const other = baseViews.get(baseName);
    if (other === undefined) continue;
    from.forEach((name) => covered.add(name));
    pairs.push({ name: nameOf(from, baseName), own: view, base: { name: baseName, view: other } });
  }
  for (const [name, view] of ownViews) {
    if (covered.has(name)) continue;
    const changed = made.get(name);
    const named = names.get(name) ?? '';
    const other = changed?.view ?? baseViews.get(named);
    const baseName = changed === undefined ? named : nameOf(changed.from, name);
    pairs.push({ name, own: view, ...(other === undefined ? {} : { base: { name: baseName, view: other } }) });
  }
  return pairs;
}

function nameOf(from: readonly string[], else_: string): string {
  const [only, ...more] = from;
  return only === undefined || more.length > 0 ? else_ : only;
}

interface Made {
  readonly from: readonly string[];
  readonly view: View;
}

/** What a GGUF's tensors are made of, where `parent` is a checkpoint that the table knows. */
async function converted(
  child: KinSide,
  parent: KinSide,
  parents: ReadonlyMap<string, View>,
  numbers: WeightNumbers,
): Promise<ReadonlyMap<string, Made> | null> {
  if (child.opened.format !== 'gguf' || parent.opened.format === 'gguf') return null;
  const settings = await settingsBeside(parent.opened);
  const children = child.opened.tensors.map(({ tensor }) => tensor);
  const plan =
    settings === null
      ? null
      : planConversion({ children, parents }, settings, (from, to, bytes) => numbers.convert(from, to, bytes));
  if (plan === null) return null;
  return new Map(
    plan.planned.flatMap(({ child: { name }, from, view }) => (view === undefined ? [] : [[name, { from, view }]])),
  );
}

/** Tensors of one shape that are compared with each other at most; more are left out. */
const MOST_MARKED = 512;

/** Of tensors that are unlike what has their name: the one of the base whose numbers they have. */
async function pairsByContent(
  open: readonly Pair[],
  base: KinSide,
  { numbers, signal }: KinPorts,
): Promise<ReadonlyMap<string, Pair>> {
  const views = viewsOf(base.opened);
  const found = new Map<string, Pair>();
  for (const [shape, pairs] of grouped(open)) {
    const others = [...views].filter(([, view]) => shapeOf(view) === shape).slice(0, MOST_MARKED);
    if (others.length === 0) continue;
    const marks = await marked(
      pairs.slice(0, MOST_MARKED).map(({ name, own }) => [name, own] as const),
      numbers,
    );
    const like = byContent(marks, await marked(others, numbers));
    for (const pair of pairs) {
      const name = like.get(pair.name) ?? '';
      const view = views.get(name);
      if (view !== undefined && name !== pair.base?.name) found.set(pair.name, { ...pair, base: { name, view } });
    }
    signal?.throwIfAborted();
  }
  return found;
}

const shapeOf = ({ shape }: View): string => withoutOnes(shape).join();

function grouped(pairs: readonly Pair[]): ReadonlyMap<string, readonly Pair[]> {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const shape = shapeOf(pair.own);
    if (!shape.includes(',')) continue;
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, [pair]);
    else group.push(pair);
  }
  return groups;
}

async function marked(views: readonly (readonly [string, View])[], numbers: WeightNumbers): Promise<readonly Marked[]> {
  const marks: Marked[] = [];
  for (const [name, view] of views) {
    const shape = withoutOnes(view.shape);
    const [sample, floats] = [sampleOf(shape, shape), floatsOf(view, numbers)];
    const mark = sample === null || floats === null ? null : markOf(await looked(floats, sample), sample);
    if (mark !== null) marks.push({ name, mark });
  }
  return marks;
}

async function outcomeOf(own: KinSide, found: readonly Found[], { numbers }: KinPorts): Promise<KinOutcome> {
  const sorted = found.toSorted(({ candidate: { kinship: a } }, { candidate: { kinship: b } }) =>
    a === undefined || b === undefined ? (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0) : compareKinship(a, b),
  );
  const candidates = sorted.map(({ candidate }) => candidate);
  const [first] = candidates;
  const likeliest = first?.kinship !== undefined && isKin(first.kinship) ? first : undefined;
  const declared = [...new Set(own.declared.map(({ name }) => name))];
  const findings = judgeKin({
    declared,
    candidates: sorted.map(({ candidate, isNamed }) => ({ ...candidate, isNamed })),
    unexplained: await unexplained(sorted, numbers),
  });
  const evidence: Evidence[] =
    likeliest?.kinship === undefined
      ? []
      : [{ what: `${likeliest.kinship.word} with ${likeliest.against}`, data: { share: likeliest.kinship.share } }];
  const verdict = verdictOf({
    subject: own.shown,
    checks: [checkOf('kinship', evidence, findings)],
    notes: [SHOWS],
    notAsked: ['signatures', 'lineage', 'policy', 'scan'],
  });
  return { model: own.shown, declared, candidates, likeliest: likeliest?.against ?? null, verdict };
}

/** Matrices of which what differs from a declared base is asked for. */
const MOST_TRIPLES = 24;

/** For each base nobody declared: how much of what the model differs from the declared ones points to it. */
async function unexplained(found: readonly Found[], numbers: WeightNumbers): Promise<ReadonlyMap<string, number>> {
  const related = found.filter(({ candidate: { kinship } }) => kinship !== undefined && isKin(kinship));
  const [first, ...beside] = related.filter(({ candidate }) => candidate.declared).map(({ pairs }) => pairs);
  const out = new Map<string, number>();
  for (const { candidate, pairs } of first === undefined ? [] : related) {
    if (first === undefined || candidate.declared) continue;
    const cosine = await meanTowards([first, pairs, ...beside], numbers);
    if (cosine !== null) out.set(candidate.against, cosine);
  }
  return out;
}

/** @param sides the model's pairs with a declared base, with the one that is asked for, and with other declared ones. */
async function meanTowards(sides: readonly (readonly Pair[])[], numbers: WeightNumbers): Promise<number | null> {
  const [first = [], ...others] = sides.map((pairs) => pairs.filter(({ own }) => withoutOnes(own.shape).length > 1));
  const byNames = others.map((pairs) => new Map(pairs.map((pair) => [pair.name, pair])));
  const step = Math.max(1, Math.floor(first.length / MOST_TRIPLES));
  const cosines: number[] = [];
  for (let at = 0; at < first.length; at += step) {
    const pair = first[at];
    const bases = [pair?.base?.view, ...byNames.map((byPair) => byPair.get(pair?.name ?? '')?.base?.view)];
    const values = pair === undefined ? null : await alike([pair.own, ...bases], numbers);
    const [own, from, to, ...beside] = values ?? [];
    const cosine = own && from && to ? towards(own, from, to, beside) : null;
    if (cosine !== null) cosines.push(cosine);
  }
  return cosines.length === 0 ? null : cosines.reduce((sum, each) => sum + each, 0) / cosines.length;
}

/** The same sample of tensors of one shape; null where they are not. */
async function alike(
  views: readonly (View | undefined)[],
  numbers: WeightNumbers,
): Promise<readonly Float32Array[] | null> {
  const values: Float32Array[] = [];
  const shape = withoutOnes(views[0]?.shape ?? []);
  const sample = sampleOf(shape, shape);
  for (const view of views) {
    const floats = view === undefined || shapeOf(view) !== shape.join() ? null : floatsOf(view, numbers);
    if (sample === null || floats === null) return null;
    values.push(await looked(floats, sample));
  }
  return values;
}
