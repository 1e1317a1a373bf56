import { report, type Spot } from '../session.ts';
import type { Severity } from '../types.ts';

/** Unicode tag characters: a whole alphabet nobody sees. */
const TAGS = /[\u{e0001}-\u{e007f}]/u;
/** Controls that change the direction of text (Trojan Source). */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/;
/** Runs of invisible characters: single ones have honest uses (emoji, Indic scripts). */
const HIDDEN_RUN = /(?:[\u200b-\u200f\u2060-\u2064\u206a-\u206f]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]){6,}/u;
const ZERO_WIDTH = /[\u200b\u2060-\u2064\ufeff\u00ad\u180e]/;
/** A flag emoji is a black flag, tags, and a cancel tag. */
const FLAGS = /\u{1f3f4}[\u{e0020}-\u{e007e}]+\u{e007f}/gu;

/** Reports characters people do not see. `instruction`: text a model or a person follows, where they have no honest use. */
export function judgeCharacters(spot: Spot, text: string, options: { what: string; instruction: boolean }): void {
  if (!/\P{ASCII}/u.test(text)) return;
  const { what, instruction } = options;
  const found = (pattern: RegExp, name: string, severity: Severity): void => {
    const at = text.search(pattern);
    if (at >= 0)
      report(spot, 'WM-TEXT-001', `${name} in ${what}`, { offset: Buffer.byteLength(text.slice(0, at)), severity });
  };
  const body = text.replace(/^\ufeff/, '');
  const tagged = text.replace(FLAGS, '');
  if (TAGS.test(tagged)) found(TAGS, 'invisible tag characters', instruction ? 'high' : 'medium');
  if (HIDDEN_RUN.test(text)) found(HIDDEN_RUN, 'a run of invisible characters', instruction ? 'high' : 'medium');
  if (BIDI.test(text)) found(BIDI, 'text direction controls', instruction && !isHonest(text) ? 'medium' : 'low');
  if (ZERO_WIDTH.test(body))
    found(ZERO_WIDTH, 'zero-width characters', instruction && !isSpaced(body) ? 'medium' : 'low');
  if (instruction && LATIN_JOINED.test(text)) found(LATIN_JOINED, 'joiners between letters that do not join', 'medium');
}

/** Joiners have their use in scripts whose letters join, and in emoji. */
const LATIN_JOINED = /[A-Za-z0-9][\u200c\u200d]+[A-Za-z0-9]/;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const OVERRIDE = /[\u202d\u202e]/;
const OPENING = /[\u202a\u202b\u2066-\u2068]/g;
const CLOSING = /[\u202c\u2069]/g;

/** As text in Arabic or Hebrew has them: in lines of such letters, each closed where it was opened, nothing overridden. */
function isHonest(text: string): boolean {
  if (OVERRIDE.test(text)) return false;
  return text.split('\n').every((line) => {
    if (!BIDI.test(line)) return true;
    return RIGHT_TO_LEFT.test(line) && (line.match(OPENING) ?? []).length === (line.match(CLOSING) ?? []).length;
  });
}

/** Thai, Lao, Khmer and Burmese part words by a space of no width; a soft hyphen stands between letters. */
const SPACED =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u4e00-\u9fff]\u200b|\u200b[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]|\p{L}\u00ad\p{L}/gu;

function isSpaced(text: string): boolean {
  return !ZERO_WIDTH.test(text.replace(SPACED, ' '));
}
