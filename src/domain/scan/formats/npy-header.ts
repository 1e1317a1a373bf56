/** A value of Python's literal syntax, as far as NumPy's headers use it. */
export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

const DEPTH = 32;
const TOKEN = /\s*(?:('[^'\\\n]*'|"[^"\\\n]*")|([+-]?\d+)L?|(True|False|None)|([{}[\](),:]))/y;

/** Parses what `ast.literal_eval` would; null for anything more than texts, numbers and containers. */
export function readLiteral(text: string): Literal | undefined {
  const tokens = tokensOf(text);
  if (tokens === null) return undefined;
  const reader = { tokens, at: 0 };
  const value = readValue(reader, 0);
  return reader.at === tokens.length ? value : undefined;
}

function tokensOf(text: string): string[] | null {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (match === null) return null;
    found.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
  }
  return found;
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

function readValue(reader: Reader, depth: number): Literal | undefined {
  const token = reader.tokens[reader.at++];
  if (token === undefined || depth > DEPTH) return undefined;
  if (token === '{') return readDict(reader, depth);
  if (token === '[' || token === '(') return readItems(reader, token === '[' ? ']' : ')', depth);
  if (token.startsWith("'") || token.startsWith('"')) return readText(reader, token);
  if (token === 'True' || token === 'False') return token === 'True';
  if (token === 'None') return null;
  return /\d$/.test(token) ? Number(token) : undefined;
}

/** Texts that follow each other are one. */
function readText(reader: Reader, first: string): string {
  let text = first.slice(1, -1);
  for (let next = reader.tokens[reader.at]; next !== undefined && /^['"]/.test(next); next = reader.tokens[reader.at]) {
    text += next.slice(1, -1);
    reader.at += 1;
  }
  return text;
}

function readItems(reader: Reader, end: string, depth: number): readonly Literal[] | Literal | undefined {
  const items: Literal[] = [];
  let comma = end === ']';
  while (reader.tokens[reader.at] !== end) {
    const item = readValue(reader, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
    if (reader.tokens[reader.at] === ',') {
      comma = true;
      reader.at += 1;
    } else if (reader.tokens[reader.at] !== end) return undefined;
  }
  reader.at += 1;
  return !comma && items.length === 1 ? items[0] : items;
}

function readDict(reader: Reader, depth: number): ReadonlyMap<string, Literal> | undefined {
  const found = new Map<string, Literal>();
  while (reader.tokens[reader.at] !== '}') {
    const key = readValue(reader, depth + 1);
    if (typeof key !== 'string' || reader.tokens[reader.at++] !== ':') return undefined;
    const value = readValue(reader, depth + 1);
    if (value === undefined) return undefined;
    found.set(key, value);
    if (reader.tokens[reader.at] === ',') reader.at += 1;
    else if (reader.tokens[reader.at] !== '}') return undefined;
  }
  reader.at += 1;
  return found;
}

const PLAIN =
  /^(?:[|<>=]?(?:[biufcSUVamM?]\d*|[bBhHiIlLqQpPefdgFDGSUV?])(?:\[\w+\])?|bool_?|u?int(?:8|16|32|64)?|float(?:16|32|64|128)?|complex(?:64|128|256)?|str|bytes|datetime64(?:\[\w+\])?|timedelta64(?:\[\w+\])?)$/;

/**
 * True if elements of this `descr` are numbers, texts or times of fixed width, and so no pickle follows; every other
 * spelling of a type may mean objects to NumPy.
 * @see numpy/lib/_format_impl.py `descr_to_dtype`
 */
export function isPlainDescr(descr: Literal | undefined, depth = 0): boolean {
  if (depth > DEPTH) return false;
  if (typeof descr === 'string')
    return descr.split(',').every((part) => PLAIN.test(part.trim().replace(/^\d+|^\([\d, ]*\)/, '')));
  if (!Array.isArray(descr)) return false;
  const [first, second] = descr as readonly Literal[];
  if (descr.length === 2 && !Array.isArray(first) && Array.isArray(second)) return isPlainDescr(first, depth + 1);
  return (descr as readonly Literal[]).every(
    (field) => Array.isArray(field) && isPlainDescr(field[1] as Literal, depth + 1),
  );
}
