/** The choice that a mistyped word most likely meant, as commander would say it; null if none is near. */
export function nearest(word: string, choices: readonly string[]): string | null {
  const typed = word.toLowerCase().slice(0, MOST_LETTERS);
  const [best] = choices
    .map((choice) => ({ choice, far: editsBetween(typed, choice.toLowerCase()) }))
    .sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= (typed.length <= 4 ? 1 : Math.max(2, typed.length / 3)) ? best.choice : null;
}

const MOST_LETTERS = 64;

/** Letters to add, take away, change, or swap with the next (Damerau 1964). */
function editsBetween(a: string, b: string): number {
  let above: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const swapped = i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j];
      const changed = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      const swap = swapped ? (above[j - 1] ?? 0) + 1 : Infinity;
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, changed, swap));
    }
    [above, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
