/**
 * What `list.push(...more)` and `Math.min(...numbers)` do, for lists of any length: a call takes about 120,000 arguments,
 * then it ends in a RangeError.
 */
export function pushAll<T>(list: T[], more: Iterable<T>): void {
  for (const one of more) list.push(one);
}

/** Infinity of none, as `Math.min()`. */
export function least(numbers: Iterable<number>): number {
  let found = Infinity;
  for (const number of numbers) found = Math.min(found, number);
  return found;
}

/** -Infinity of none, as `Math.max()`. */
export function greatest(numbers: Iterable<number>): number {
  let found = -Infinity;
  for (const number of numbers) found = Math.max(found, number);
  return found;
}

/** As a sentence names them: `a, b and 3 more`. */
export function firstOf(names: readonly (string | number)[], most: number): string {
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return `${names.slice(0, most).join(', ')}${more}`;
}
