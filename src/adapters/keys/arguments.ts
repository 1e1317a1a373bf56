import { WeighmarkError } from '../../domain/base/errors.ts';

/**
 * A command line as words: blanks separate, '…' and "…" hold blanks together, and nothing else means anything: no variables,
 * no escapes, no pipes, since no shell reads it.
 * @throws WeighmarkError `usage` for a quote that does not end.
 */
export function splitArguments(command: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (const char of command) {
    if (quote !== null) {
      if (char === quote) quote = null;
      else word = `${word ?? ''}${char}`;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = `${word ?? ''}${char}`;
  }
  if (quote !== null) throw new WeighmarkError('usage', `the command has a ${quote} that does not end`);
  return word === null ? words : [...words, word];
}
