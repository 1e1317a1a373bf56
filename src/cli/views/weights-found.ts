import { firstOf } from '../../domain/base/lists.ts';
import type { FoundWeights, WeightsHolder, WeightsMatch } from '../../flows/registry/find-weights.ts';
import type { Style } from '../command.ts';

/** Each version that has the weights, how they are its own, and what could not be looked into. */
export function weightsLines({ holders, unexamined }: FoundWeights, style: Style): readonly string[] {
  return [
    ...holders.map((holder) => holderLine(holder, style)),
    ...unexamined.map(
      ({ name, id, why }) => `${style.warn('not examined')}  ${style.plain(name)}@${id}: ${style.plain(why)}`,
    ),
    ...(holders.length === 0
      ? [`no version ${unexamined.length > 0 ? 'that could be examined ' : ''}has these weights`]
      : []),
  ];
}

function holderLine({ name, id, tags, matches, signedBy }: WeightsHolder, style: Style): string {
  const by = signedBy === null ? 'the list is signed by nobody you trust' : `list by ${style.plain(signedBy)}`;
  const named = tags.length > 0 ? `  ${style.bold(tags.join(' '))}` : '';
  return `${style.plain(name)}@${id}${named}  ${style.plain(meant(matches))}; ${by}`;
}

const MOST = 3;

function meant(matches: readonly WeightsMatch[]): string {
  const texts = matches.map(({ set, by, tensor }) =>
    tensor === undefined ? `${set} (${HOW[by]})` : `${set} ${tensor}`,
  );
  return firstOf(texts, MOST);
}

const HOW: Readonly<Record<WeightsMatch['by'], string>> = {
  names: 'same weights, same names',
  multiset: 'same weights, other names',
  set: 'same weights, tied copies aside',
  tensor: 'one tensor',
};
