import { formatOfName, kindOf } from './names.ts';
import { quoted } from './problem.ts';
import type { Problem } from './types.ts';

/** Archives inside an archive are listed by name only: said, so that the list is not taken for all there is. */
export function nestedProblem(names: readonly string[]): Problem[] {
  const nested = names.filter((name) => kindOf(formatOfName(name) ?? 'unknown', name) === 'archive');
  const [first] = nested;
  if (first === undefined) return [];
  const more = nested.length - 1;
  const message =
    more === 0
      ? `${quoted(first)} is an archive itself: what is in it is not listed`
      : `${quoted(first)} and ${more} more are archives themselves: what is in them is not listed`;
  return [{ code: 'limit', message }];
}
