import { layerOf, ALIKE, DEVIATIONS } from './pairing.ts';
import type { Likeness } from './likeness.ts';

/**
 * What is known of one tensor beside a possible base: `equal` (every byte was compared), `alike` (its numbers correlate with the
 * base's far beyond chance, in what was looked at), `other` (they do not), `silent` (vectors and constants: any two models may
 * share them), `unmatched` (the base has nothing of its shape under its name or with its content).
 */
export const TENSOR_WORDS = ['equal', 'alike', 'other', 'silent', 'unmatched'] as const;

export interface KinTensor {
  readonly name: string;
  readonly word: (typeof TENSOR_WORDS)[number];
  /** Of the whole tensor. */
  readonly elements: number;
  /** The base's name of it. */
  readonly base?: string;
  readonly correlation?: number;
  readonly change?: number;
  readonly rank?: number;
  readonly mostRank?: number;
  /** It counts for and against kinship. */
  readonly telling: boolean;
}

/** What is known of two models, strongest first. */
export const KIN_WORDS = ['same weights', 'kin', 'partly kin', 'not kin', 'not comparable'] as const;
export type KinWord = (typeof KIN_WORDS)[number];

export interface KinLayer {
  /** Null: what belongs to no layer. */
  readonly layer: number | null;
  readonly tensors: number;
  readonly related: number;
  readonly correlation: number;
  readonly change: number;
  readonly rank?: number;
}

export interface Kinship {
  readonly word: KinWord;
  /** Of the elements that can tell: those that are equal or alike. */
  readonly share: number;
  /** Of the elements that can tell: those that were compared. */
  readonly compared: number;
  /** Over what is equal or alike, weighed by elements. */
  readonly correlation: number;
  /** ‖model − base‖ / ‖base‖, over the same. */
  readonly change: number;
  /** The greatest rank seen of a change, and the greatest that could have been seen. */
  readonly rank?: number;
  readonly mostRank?: number;
  readonly counts: Readonly<Record<KinTensor['word'], number>>;
  readonly layers: readonly KinLayer[];
}

/** Shares from which a model as a whole is called kin, and partly so; and what must have been compared to deny it. */
const KIN = 0.5;
const PARTLY = 0.02;
const ENOUGH = 0.5;

/** Whether a likeness is more than chance: alone it says nothing of which of the two came first. */
export function isAlike({ correlation, deviations, telling }: Likeness): boolean {
  return telling && correlation >= ALIKE && deviations >= DEVIATIONS;
}

const isRelated = ({ word, telling }: KinTensor): boolean => telling && (word === 'equal' || word === 'alike');

/** Two models of one configuration share vectors, constants and shapes: only what can tell counts. */
export function kinshipOf(tensors: readonly KinTensor[]): Kinship {
  const telling = tensors.filter((tensor) => tensor.telling);
  const [all, related] = [sum(telling), sum(telling.filter(isRelated))];
  const compared = sum(telling.filter(({ word }) => word !== 'unmatched'));
  const share = all === 0 ? 0 : related / all;
  const counts = Object.fromEntries(
    TENSOR_WORDS.map((word) => [word, tensors.filter((tensor) => tensor.word === word).length]),
  ) as Record<KinTensor['word'], number>;
  return {
    word: wordOf({ share, compared: all === 0 ? 0 : compared / all, tensors, related }),
    share,
    compared: all === 0 ? 0 : compared / all,
    ...figuresOf(telling.filter(isRelated)),
    counts,
    layers: layersOf(telling),
  };
}

function wordOf(found: { share: number; compared: number; related: number; tensors: readonly KinTensor[] }): KinWord {
  const { share, compared, related, tensors } = found;
  if (related > 0 && tensors.every(({ word }) => word === 'equal')) return 'same weights';
  if (share >= KIN) return 'kin';
  if (share >= PARTLY) return 'partly kin';
  return compared >= ENOUGH ? 'not kin' : 'not comparable';
}

function sum(tensors: readonly KinTensor[]): number {
  return tensors.reduce((total, { elements }) => total + elements, 0);
}

function figuresOf(related: readonly KinTensor[]): Pick<Kinship, 'correlation' | 'change' | 'rank' | 'mostRank'> {
  const weight = Math.max(1, sum(related));
  const mean = (of: (tensor: KinTensor) => number): number =>
    related.reduce((total, tensor) => total + of(tensor) * tensor.elements, 0) / weight;
  const ranked = related.filter(({ rank }) => rank !== undefined);
  return {
    correlation: mean(({ correlation }) => correlation ?? 0),
    change: mean(({ change }) => change ?? 0),
    ...(ranked.length === 0
      ? {}
      : {
          rank: ranked.reduce((most, { rank = 0 }) => Math.max(most, rank), 0),
          mostRank: ranked.reduce((most, { mostRank = 0 }) => Math.max(most, mostRank), 0),
        }),
  };
}

function layersOf(telling: readonly KinTensor[]): readonly KinLayer[] {
  const layers = new Map<number | null, KinTensor[]>();
  for (const tensor of telling) {
    const layer = layerOf(tensor.name);
    const known = layers.get(layer);
    if (known === undefined) layers.set(layer, [tensor]);
    else known.push(tensor);
  }
  return [...layers]
    .toSorted(([a], [b]) => (a ?? -1) - (b ?? -1))
    .map(([layer, tensors]) => {
      const related = tensors.filter(isRelated);
      const { correlation, change, rank } = figuresOf(related);
      const figures = { correlation, change, ...(rank === undefined ? {} : { rank }) };
      return { layer, tensors: tensors.length, related: related.length, ...figures };
    });
}

/** The likeliest base first: the greater share, in whole hundredths, then the smaller change. */
export function compareKinship(a: Kinship, b: Kinship): number {
  const shares = Math.round(b.share * 100) - Math.round(a.share * 100);
  return shares === 0 ? a.change - b.change : shares;
}

export function isKin({ word }: Pick<Kinship, 'word'>): boolean {
  return word === 'same weights' || word === 'kin' || word === 'partly kin';
}
