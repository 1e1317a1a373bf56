import { report, type Spot } from '../session.ts';

/** Text that a renderer does not show, with where it begins. */
interface Hidden {
  readonly text: string;
  readonly at: number;
  readonly how: string;
}

const MOST_PIECES = 2_000;
/** What is hidden is short; longer pieces are searched in their first part. */
const PIECE = 20_000;

/** A link that nothing refers to: what Markdown has for a comment. */
const LINK_COMMENT = /^[ \t]{0,3}\[(?:\/\/|comment|_)\]:[ \t]{0,8}(?:#|<>)[ \t]{0,8}["'(](.{1,4000})["')][ \t]{0,8}$/gm;
const STYLED = /<(span|div|p|font|small|sub|sup|details)\b([^<>]{1,600})>([^<]{1,4000})</gi;
const UNSEEN_STYLE =
  /\bdisplay\s*:\s*none|\bvisibility\s*:\s*hidden|\bfont-size\s*:\s*0(?:\.0*)?(?:px|pt|em|rem|%)?\s*(?:;|["']|$)|\bopacity\s*:\s*0(?:\.0*)?\s*(?:;|["']|$)|\s(?:hidden|aria-hidden\s*=\s*["']?true)\b/i;
const WHITE =
  /(?:^|[\s;"'])color\s*[:=]\s*["']?\s*(?:white\b|#fff(?:fff)?\b|rgba?\(\s*255\s*,\s*255\s*,\s*255|transparent\b|rgba\([^)]{1,40},\s*0(?:\.0*)?\s*\))/i;
const TEX = /\\color\{(?:white|transparent|#fff(?:fff)?)\}\s*\{?(?:\\text\w{0,4}\{)?([^{}$]{1,2000})/gi;
function hiddenIn(text: string): readonly Hidden[] {
  const found: Hidden[] = [...commentsIn(text), ...farIn(text)];
  const take = (pattern: RegExp, how: string, which: (match: RegExpMatchArray) => string | null): void => {
    for (const match of text.matchAll(pattern)) {
      const piece = which(match);
      if (piece !== null) found.push({ text: piece, at: match.index ?? 0, how });
    }
  };
  take(LINK_COMMENT, 'a comment', ([, body = '']) => body);
  take(STYLED, 'text that is not shown', ([, , attributes = '', body = '']) => (isUnseen(attributes) ? body : null));
  take(TEX, 'white text', ([, body = '']) => body);
  return found.slice(0, MOST_PIECES).map((each) => ({ ...each, text: each.text.slice(0, PIECE) }));
}

function commentsIn(text: string): readonly Hidden[] {
  const found: Hidden[] = [];
  for (let at = text.indexOf('<!--'); at >= 0 && found.length < MOST_PIECES;) {
    const end = text.indexOf('-->', at + 4);
    if (end < 0) break;
    found.push({ text: text.slice(at + 4, Math.min(end, at + PIECE)), at, how: 'a comment' });
    at = text.indexOf('<!--', end);
  }
  return found;
}

/** Lines, and columns, nobody scrolls to. */
const FAR_LINES = 60;
const FAR_COLUMNS = 300;

/** What stands below an empty page, or to the right of one. */
function farIn(text: string): readonly Hidden[] {
  const found: Hidden[] = [];
  let [at, empty] = [0, 0];
  for (const line of text.split('\n')) {
    const said = line.trim();
    const indent = line.length - line.trimStart().length;
    if (said !== '' && (empty >= FAR_LINES || indent >= FAR_COLUMNS)) found.push({ text: said, at, how: FAR });
    const gap = line.trimEnd().indexOf(GAP, indent);
    if (gap >= 0) found.push({ text: line.slice(gap).trim(), at: at + gap, how: FAR });
    empty = said === '' ? empty + 1 : 0;
    at += line.length + 1;
  }
  return found;
}

const FAR = 'text beyond an empty page';
const GAP = ' '.repeat(FAR_COLUMNS);

/** White on a background of its own is a badge. */
function isUnseen(attributes: string): boolean {
  return UNSEEN_STYLE.test(attributes) || (WHITE.test(attributes) && !/background/i.test(attributes));
}

/** What no comment for people says: it is for a model, against whoever uses it. */
const AGAINST: readonly RegExp[] = [
  /\b(ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}\b(previous|prior|above|earlier|all|any|your|system|safety)\b[^.\n]{0,30}\b(instructions?|prompts?|rules|guidelines?|polic(?:y|ies)|filters?)\b/i,
  /\b(do not|don'?t|never|without)\b[^.\n]{0,30}\b(tell|telling|reveal|mention|mentioning|inform|informing|notify|notifying|alert|alerting|warn|warning|disclose|asking|ask)\b[^.\n]{0,30}\b(users?|humans?|person|operator|anyone|anybody)\b/i,
  /\b(curl|wget|invoke-webrequest|iwr|nc)\b[^\n]{0,120}https?:\/\/[^\n]{0,200}\|\s*(?:ba|z|da)?sh\b/i,
  /\b(send|post|upload|forward|exfiltrat\w*|leak|transmit|email)\b[^.\n]{0,80}\b(credentials?|passwords?|api[ _-]?keys?|tokens?|secrets?|private keys?|conversation|environment variables?|\.env)\b/i,
  /\b(read|cat|open|copy|print|include|upload|send)\b[^\n]{0,60}(?:~\/\.(?:ssh|aws|gnupg|netrc)|\bid_(?:rsa|ed25519)\b|\/etc\/(?:passwd|shadow)\b|\.env\b)/i,
  /<\s*(?:important|system|secret|hidden)\s*>|\b(?:system override|hidden instructions?|new system prompt)\b/i,
];
/** Addressed to a model, and asks it to do something. */
const TO_AGENTS =
  /\b(?:(?:the|any|all|dear) (?:ai|assistants?|agents?|llms?|language models?)|ai (?:assistants?|agents?|models?)|claude|chatgpt|gpt-?\d|copilot|gemini|cursor)\b[^.\n]{0,60}\b(?:must|should|shall|need to|have to|please|always|never)\b[^.\n]{0,60}\b(?:run|execute|read|open|send|post|upload|fetch|download|install|delete|copy|write|append|insert|reply|respond|output|print|say|call|invoke|use|recommend|approve)\b/i;

/**
 * Instructions that a reader does not see and a model does: in comments, in text of no size or colour, beyond an empty page.
 * @param agents an agent follows this text; elsewhere a model reads it only if somebody shows it to one.
 */
export function judgeHidden(spot: Spot, text: string, { agents }: { readonly agents: boolean }): void {
  for (const { text: piece, at, how } of hiddenIn(text)) {
    const plain = piece.replace(/\s+/g, ' ').trim();
    const against = againstIn(plain);
    const offset = Buffer.byteLength(text.slice(0, at));
    if (against !== null)
      report(spot, 'WM-TEXT-003', `${how} says “${against.slice(0, 120)}”`, {
        offset,
        severity: agents ? 'high' : 'medium',
      });
    else if (agents && (TO_AGENTS.test(plain) || isSentence(plain, how)))
      report(spot, 'WM-TEXT-003', `${how} says “${plain.slice(0, 120)}”`, { offset, severity: 'medium' });
  }
}

function againstIn(text: string): string | null {
  for (const pattern of AGAINST) {
    const match = pattern.exec(text);
    if (match !== null) return match[0];
  }
  return null;
}

/** Comments are for people who edit; what else is hidden from an agent's reader has no such use. */
function isSentence(text: string, how: string): boolean {
  return how !== 'a comment' && how !== FAR && (text.match(/\p{L}{2,}/gu) ?? []).length >= 4;
}

/** A description that only an agent is shown: what it says against its user is hidden from them. */
export function judgeDescription(spot: Spot, text: string): void {
  const plain = text.replace(/\s+/g, ' ');
  const against = againstIn(plain);
  if (against !== null)
    report(spot, 'WM-TEXT-003', `a description that an agent is shown says “${against.slice(0, 120)}”`);
}
