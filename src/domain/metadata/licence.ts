import { SPDX_IDS } from './spdx-ids.ts';

/** A licence as a BOM can hold it: an SPDX identifier, an SPDX expression, or just the words somebody used. */
export type Licence =
  | { readonly kind: 'id'; readonly text: string }
  | { readonly kind: 'expression'; readonly text: string }
  | { readonly kind: 'name'; readonly text: string };

/** Spellings seen in model cards and package metadata that mean exactly one SPDX licence. */
const ALIASES = new Map(
  Object.entries({
    'mit license': 'MIT',
    'the mit license': 'MIT',
    'the mit license (mit)': 'MIT',
    'mit license (mit)': 'MIT',
    'apache 2.0': 'Apache-2.0',
    'apache 2': 'Apache-2.0',
    apache2: 'Apache-2.0',
    'apache2.0': 'Apache-2.0',
    'apache license 2.0': 'Apache-2.0',
    'apache license, version 2.0': 'Apache-2.0',
    'apache license version 2.0': 'Apache-2.0',
    'apache software license 2.0': 'Apache-2.0',
    'new bsd license': 'BSD-3-Clause',
    '3-clause bsd license': 'BSD-3-Clause',
    'bsd 3-clause': 'BSD-3-Clause',
    'bsd 3-clause license': 'BSD-3-Clause',
    'simplified bsd license': 'BSD-2-Clause',
    '2-clause bsd license': 'BSD-2-Clause',
    'isc license': 'ISC',
    'lgpl-lr': 'LGPLLR',
    'odc-by': 'ODC-By-1.0',
    odbl: 'ODbL-1.0',
    pddl: 'PDDL-1.0',
    cc0: 'CC0-1.0',
    'cc by 4.0': 'CC-BY-4.0',
    'cc by-sa 4.0': 'CC-BY-SA-4.0',
    'cc by-nc 4.0': 'CC-BY-NC-4.0',
  }),
);

/** Words that say nothing about the licence. */
const UNKNOWN = new Set(['', 'unknown', 'none', 'null', 'n/a', 'na', 'noassertion', 'tbd', 'other']);

/** Null where the words say nothing: the licence is then unknown, not "unknown". */
export function licenceOf(words: string): Licence | null {
  const text = words.trim().replace(/\s+/g, ' ');
  const folded = text.toLowerCase();
  if (UNKNOWN.has(folded)) return null;
  const id = licenceId(text);
  if (id !== null) return { kind: 'id', text: id };
  const expression = normalExpression(text);
  return expression === null ? { kind: 'name', text } : { kind: 'expression', text: expression };
}

/** The SPDX identifier that these words mean, in SPDX's own spelling. */
export function licenceId(words: string): string | null {
  const folded = nameInUrl(words.trim()).toLowerCase();
  return SPDX_IDS.get(folded) ?? SPDX_IDS.get((ALIASES.get(folded) ?? '').toLowerCase()) ?? null;
}

/** What two names of one licence have in common: GPL texts do not say "or later", and trove classifiers no version. */
function family(text: string): string {
  return text
    .toLowerCase()
    .replace(/(?:-only|-or-later|\+)$/, '')
    .replace(/^apache software license$/, 'apache')
    .replace(/^bsd license$/, 'bsd');
}

/** False where two licences contradict each other: neither is a less precise name of the other. */
export function compatible(a: string, b: string): boolean {
  return family(a) === family(b) || isVaguer(a, b) || isVaguer(b, a);
}

/** True if `vague` names no version of what `exact` names: `Apache Software License` beside `Apache-2.0`. */
export function isVaguer(vague: string, exact: string): boolean {
  const [kind, other] = [family(vague), family(exact)];
  return kind !== other && (kind === 'apache' || kind === 'bsd') && other.startsWith(`${kind}-`);
}

/** Addresses of licence texts that name exactly one licence. */
const URLS: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /^https?:\/\/(?:www\.)?creativecommons\.org\/licenses\/([a-z-]{2,10})\/(\d\.\d)(?:\/|$)/i,
    ([, kind, version]) => `CC-${kind}-${version}`,
  ],
  [/^https?:\/\/(?:www\.)?creativecommons\.org\/publicdomain\/zero\/1\.0(?:\/|$)/i, () => 'CC0-1.0'],
  [/^https?:\/\/(?:www\.)?opensource\.org\/licen[cs]es?\/([A-Za-z0-9.-]{2,60})\/?$/i, ([, id]) => id ?? ''],
  [/^https?:\/\/(?:www\.)?spdx\.org\/licenses\/([A-Za-z0-9.-]{2,60}?)(?:\.html)?\/?$/i, ([, id]) => id ?? ''],
  [/^https?:\/\/(?:www\.)?apache\.org\/licenses\/LICENSE-2\.0(?:\.txt|\.html)?$/i, () => 'Apache-2.0'],
];

function nameInUrl(text: string): string {
  for (const [pattern, name] of URLS) {
    const match = pattern.exec(text);
    if (match !== null) return name(match);
  }
  return text;
}

/** True for a licence of the given SPDX identifier or of an expression made of identifiers (SPDX 2.3, annex D). */
export function isSpdxExpression(text: string): boolean {
  return normalExpression(text) !== null;
}

const TOKEN = /\s*(\(|\)|[^\s()]+)/y;
const TOKENS = 500;
const DEPTH = 64;

interface Parser {
  readonly tokens: readonly string[];
  at: number;
  depth: number;
}

/** An SPDX expression in normal spelling; null if it is none. A single identifier counts. */
function normalExpression(text: string): string | null {
  const tokens = tokensOf(text.trim());
  if (tokens === null || tokens.length === 0) return null;
  const parser: Parser = { tokens, at: 0, depth: 0 };
  const normal = compound(parser);
  return parser.at === tokens.length ? normal : null;
}

function tokensOf(text: string): readonly string[] | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    tokens.push(match[1] ?? '');
    if (tokens.length > TOKENS) return null;
    if (TOKEN.lastIndex >= text.length) break;
  }
  return tokens;
}

function compound(parser: Parser): string | null {
  const parts: string[] = [];
  for (;;) {
    const part = simple(parser);
    if (part === null) return null;
    parts.push(part);
    const operator = parser.tokens[parser.at]?.toUpperCase();
    if (operator !== 'AND' && operator !== 'OR') return parts.join(' ');
    parts.push(operator);
    parser.at += 1;
  }
}

function simple(parser: Parser): string | null {
  const token = parser.tokens[parser.at];
  if (token === '(') return bracketed(parser);
  const licence = token === undefined ? null : identifier(token);
  if (licence === null) return null;
  parser.at += 1;
  if (parser.tokens[parser.at]?.toUpperCase() !== 'WITH') return licence;
  const exception =
    SPDX_IDS.get(parser.tokens[parser.at + 1]?.toLowerCase() ?? '') ?? additionRef(parser.tokens[parser.at + 1]);
  parser.at += 2;
  return exception === null ? null : `${licence} WITH ${exception}`;
}

function bracketed(parser: Parser): string | null {
  parser.depth += 1;
  if (parser.depth > DEPTH) return null;
  parser.at += 1;
  const inner = compound(parser);
  if (inner === null || parser.tokens[parser.at] !== ')') return null;
  parser.at += 1;
  parser.depth -= 1;
  return `(${inner})`;
}

function identifier(token: string): string | null {
  const id = SPDX_IDS.get(token.toLowerCase());
  if (id !== undefined) return id;
  if (/^(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+$/.test(token)) return token;
  const base = token.endsWith('+') ? SPDX_IDS.get(token.slice(0, -1).toLowerCase()) : undefined;
  return base === undefined ? null : `${base}+`;
}

function additionRef(token: string | undefined): string | null {
  return token !== undefined && /^(?:DocumentRef-[A-Za-z0-9.-]+:)?AdditionRef-[A-Za-z0-9.-]+$/.test(token)
    ? token
    : null;
}

/**
 * First words of licence texts, lower case and with single spaces; all of a row must be there. Ordered: special
 * first. Model licences without an SPDX identifier are called what Hugging Face calls them.
 */
const TEXTS: readonly (readonly [Licence['kind'], string, ...string[]])[] = [
  ['name', 'gemma', 'gemma terms of use'],
  ['name', 'llama4', 'llama 4 community license agreement'],
  ['name', 'llama3.3', 'llama 3.3 community license agreement'],
  ['name', 'llama3.2', 'llama 3.2 community license agreement'],
  ['name', 'llama3.1', 'llama 3.1 community license agreement'],
  ['name', 'llama3', 'meta llama 3 community license agreement'],
  ['name', 'llama2', 'llama 2 community license agreement'],
  ['name', 'bigscience-openrail-m', 'bigscience open rail-m'],
  ['name', 'openrail++', 'creativeml open rail++-m'],
  ['name', 'creativeml-openrail-m', 'creativeml open rail-m'],
  ['id', 'Apache-2.0', 'apache license', 'version 2.0, january 2004'],
  ['id', 'AGPL-3.0-only', 'gnu affero general public license', 'version 3, 19 november 2007'],
  ['id', 'LGPL-3.0-only', 'gnu lesser general public license', 'version 3, 29 june 2007'],
  ['id', 'LGPL-2.1-only', 'gnu lesser general public license', 'version 2.1, february 1999'],
  ['id', 'GPL-3.0-only', 'gnu general public license', 'version 3, 29 june 2007'],
  ['id', 'GPL-2.0-only', 'gnu general public license', 'version 2, june 1991'],
  ['id', 'MPL-2.0', 'mozilla public license', 'version 2.0'],
  ['id', 'CC-BY-NC-SA-4.0', 'attribution-noncommercial-sharealike 4.0 international'],
  ['id', 'CC-BY-NC-ND-4.0', 'attribution-noncommercial-noderivatives 4.0 international'],
  ['id', 'CC-BY-NC-4.0', 'attribution-noncommercial 4.0 international'],
  ['id', 'CC-BY-SA-4.0', 'attribution-sharealike 4.0 international'],
  ['id', 'CC-BY-ND-4.0', 'attribution-noderivatives 4.0 international'],
  ['id', 'CC-BY-4.0', 'attribution 4.0 international'],
  ['id', 'CC0-1.0', 'cc0 1.0 universal'],
  ['id', 'Unlicense', 'this is free and unencumbered software released into the public domain'],
  [
    'id',
    'BSD-3-Clause',
    'redistribution and use in source and binary forms',
    'neither the name of',
    'this list of conditions',
  ],
  ['id', 'BSD-2-Clause', 'redistribution and use in source and binary forms', 'this list of conditions'],
  ['id', 'ISC', 'permission to use, copy, modify, and/or distribute this software for any purpose with or without fee'],
  ['id', 'MIT', 'permission is hereby granted, free of charge, to any person obtaining a copy'],
];

const HEAD = 16_384;

/**
 * The licence whose text this is, known by its own title or first sentences; null for any other text.
 * GPL texts do not say "or later": `-only` is what the text alone supports.
 */
export function licenceOfText(text: string): Licence | null {
  const head = text
    .slice(0, HEAD)
    .toLowerCase()
    .replace(/<[^>]{0,200}>/g, ' ')
    .replace(/[\s*]+/g, ' ');
  const row = TEXTS.find(([, , ...marks]) => marks.every((mark) => head.includes(mark)));
  return row === undefined ? null : { kind: row[0], text: row[1] };
}
