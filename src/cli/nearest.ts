/** The choice that a mistyped word most likely meant, as commander would say it; null if none is near. */
export function nearest(word: string, choices: readonly string[]): string | null {
  const typed = word.toLowerCase().slice(0, MOST_LETTERS);
  const [best] = choices
    .map((choice) => ({ choice, far: editsBetween(typed, choice.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.max(2, typed.length / 3) ? best.choice : null;
}

const MOST_LETTERS = 64;

/** Letters to add, take away or change (Levenshtein 1966). */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++)
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)));
    row = next;
  }
  return row.at(-1) ?? 0;
}
