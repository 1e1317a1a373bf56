import { WeighmarkError } from '../base/errors.ts';
import type { Source } from '../base/source.ts';
import { chunksOf } from './inflate.ts';
import { note } from './problem.ts';
import type { Column, Findings, NamedSource, Problem, ReadOptions } from './types.ts';

const HEAD_BYTES = 1 << 20;
const COLUMNS = 10_000;
const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

/**
 * A CSV or TSV file: the delimiter from its first line, column names if the first row is a header, rows counted by
 * streaming with RFC 4180 quotes (a line break inside quotes ends no row; blank lines are no rows).
 */
export async function readTable({ path, source }: NamedSource, options: ReadOptions): Promise<Findings> {
  const head = Buffer.from(await source.read(0, Math.min(HEAD_BYTES, source.size)))
    .toString('utf8')
    .replace(/^\ufeff/, '');
  const delimiter = /\.(tsv|tab)(\.\w+)?$/i.test(path) ? '\t' : delimiterOf(head);
  const [first = [], second = []] = firstRows(head, delimiter);
  const header = isHeader(first, second);
  const columns = header ? first.slice(0, COLUMNS).map((name): Column => ({ name })) : undefined;
  const problems: Problem[] = [];
  if (first.length > COLUMNS) note(problems, { code: 'limit', message: `more than ${COLUMNS} columns` });
  const rows = options.countRows === false ? undefined : await countRows(source, options, problems);
  return {
    format: delimiter === '\t' ? 'tsv' : 'csv',
    metadata: [{ key: 'delimiter', value: delimiter, place: 'line:1' }],
    problems,
    ...(columns === undefined ? {} : { columns }),
    ...(rows === undefined ? {} : { rows: Math.max(0, rows - (header ? 1 : 0)) }),
  };
}

/** The candidate that stands most often outside quotes in the first line; a comma if none does. */
function delimiterOf(head: string): string {
  const counts = new Map([',', ';', '\t', '|'].map((candidate) => [candidate, 0]));
  let quoted = false;
  for (const char of head) {
    if (char === '"') quoted = !quoted;
    else if (char === '\n' && !quoted) break;
    const count = counts.get(char);
    if (count !== undefined && !quoted) counts.set(char, count + 1);
  }
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

/** The first two rows' cells, unquoted. */
function firstRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let [row, cell, quoted]: [string[], string, boolean] = [[], '', false];
  const endRow = (): void => {
    if (row.length > 0 || cell !== '') rows.push([...row, cell]);
    [row, cell] = [[], ''];
  };
  for (let at = 0; at < text.length && rows.length < 2; at++) {
    const char = text[at] as string;
    if (char === '"' && quoted && text[at + 1] === '"') cell += text[at++];
    else if (char === '"' && (quoted || cell === '')) quoted = !quoted;
    else if (!quoted && char === delimiter) {
      row.push(cell);
      cell = '';
    } else if (!quoted && char === '\n') endRow();
    else if (quoted || char !== '\r') cell += char;
    if (row.length > COLUMNS) break;
  }
  if (rows.length < 2) endRow();
  return rows;
}

/** Names: not empty, not numbers, all different; and where a second row has numbers, that settles it. */
function isHeader(first: readonly string[], second: readonly string[]): boolean {
  const names = first.map((cell) => cell.trim());
  const numeric = (cell: string): boolean => cell !== '' && Number.isFinite(Number(cell));
  if (names.length === 0 || names.some(numeric)) return false;
  if (second.some((cell) => numeric(cell.trim()))) return true;
  return names.every((name) => name !== '') && new Set(names).size === names.length && second.length > 0;
}

async function countRows(source: Source, { signal }: ReadOptions, problems: Problem[]): Promise<number> {
  let [rows, quoted, blank] = [0, false, true];
  for await (const chunk of chunksOf(source)) {
    if (signal?.aborted === true) throw new WeighmarkError('interrupted', 'interrupted');
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === QUOTE) [quoted, blank] = [!quoted, false];
      else if (byte === LF && !quoted) {
        if (!blank) rows += 1;
        blank = true;
      } else if (byte !== CR && byte !== LF) blank = false;
    }
  }
  if (quoted) note(problems, { code: 'malformed', message: 'a quoted cell is not closed: rows cannot be counted' });
  return blank ? rows : rows + 1;
}

/** JSON Lines: rows are non-blank lines, columns the keys of the first line's object. */
export async function readJsonLines({ source }: NamedSource, options: ReadOptions): Promise<Findings> {
  const problems: Problem[] = [];
  const columns = await firstObjectKeys(source, problems);
  if (options.countRows === false) return { format: 'jsonl', problems, ...columns };
  let [rows, blank] = [0, true];
  for await (const chunk of chunksOf(source)) {
    if (options.signal?.aborted === true) throw new WeighmarkError('interrupted', 'interrupted');
    for (const byte of chunk) {
      if (byte === LF) {
        if (!blank) rows += 1;
        blank = true;
      } else if (byte > 0x20) blank = false;
    }
  }
  return { format: 'jsonl', problems, rows: blank ? rows : rows + 1, ...columns };
}

async function firstObjectKeys(source: Source, problems: Problem[]): Promise<Pick<Findings, 'columns'>> {
  const head = Buffer.from(await source.read(0, Math.min(HEAD_BYTES, source.size)))
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const end = head.indexOf('\n');
  try {
    const value: unknown = JSON.parse(end < 0 ? head : head.slice(0, end));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
    return {
      columns: Object.keys(value)
        .slice(0, COLUMNS)
        .map((name) => ({ name })),
    };
  } catch {
    note(problems, { code: 'bad-value', message: 'the first line is no JSON value', offset: 0 });
    return {};
  }
}
