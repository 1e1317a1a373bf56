import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { compareUtf8 } from '../base/paths.ts';
import { escapePath, unescapePath } from '../digest/list.ts';
import { sortedByName, weightsRoots, type Blake3 } from './identity.ts';
import type { IdentifiedTensor, WeightsRoots } from './types.ts';

/** One set of weights of an artifact: the shards of one checkpoint, or a file alone. */
export interface ListedWeights extends WeightsRoots {
  /** The file's path, or the shards' path with `*` for their number. */
  readonly name: string;
  readonly tensors: readonly IdentifiedTensor[];
}

const HEADER = 'weighmark-weights/1';

/**
 * The weights list: `weighmark-weights/1`, then for each set, sorted by name, `weights NAME`, its three roots a line, and
 * `digest dtype shape name` a tensor, sorted by the names' UTF-8 bytes; `-` is the shape of a scalar. Names with a
 * backslash, LF or CR are escaped as coreutils does, their line starting with a backslash.
 */
export function formatWeightsList(sets: readonly ListedWeights[]): string {
  const sorted = sets.toSorted((a, b) => compareUtf8(a.name, b.name));
  return `${HEADER}\n${sorted.map(formatSet).join('')}`;
}

function formatSet({ name, names, multiset, set, tensors }: ListedWeights): string {
  const roots = `names ${names}\nmultiset ${multiset}\nset ${set}\n`;
  return `${line('weights ', name)}${roots}${sortedByName(tensors).map(formatTensor).join('')}`;
}

function formatTensor({ digest, dtype, shape, name }: IdentifiedTensor): string {
  return line(`${digest} ${dtype} ${shape.length === 0 ? '-' : shape.join(',')} `, name);
}

function line(before: string, name: string): string {
  const escaped = escapePath(name);
  return `${escaped === name ? '' : '\\'}${before}${escaped}\n`;
}

const SET = /^(\\?)weights (.+)$/s;
const TENSOR = /^(\\?)([0-9a-f]{64}) ([A-Z][A-Z0-9_]{0,60}) (-|\d{1,16}(?:,\d{1,16}){0,254}) (.*)$/s;
const NUMBER = /^(?:0|[1-9]\d*)$/;

/**
 * Reads a weights list and computes its roots again: a list whose roots are not those of its tensors is refused.
 * @throws WeighmarkError `format-invalid` for any deviation, `limit-exceeded`.
 */
export function parseWeightsList(text: string, blake3: Blake3): readonly ListedWeights[] {
  if (text.length > LIMITS.digestListBytes) throw new WeighmarkError('limit-exceeded', 'the weights list is too large');
  const lines = text.split('\n');
  if (lines.shift() !== HEADER) throw invalid(`the header is not ${HEADER}`);
  if (lines.pop() !== '') throw invalid('the last line does not end');
  const sets: ListedWeights[] = [];
  for (let at = 0; at < lines.length;) {
    const { set, next } = parseSet(lines, at);
    checkRoots(set, weightsRoots(blake3, set.tensors));
    sets.push(set);
    at = next;
  }
  if (formatWeightsList(sets) !== text) throw invalid('it is not in its one canonical form');
  return sets;
}

function parseSet(lines: readonly string[], at: number): { set: ListedWeights; next: number } {
  const [, mark, escaped] = SET.exec(lines[at] ?? '') ?? [];
  if (escaped === undefined) throw invalid('not `weights NAME`');
  const name = mark === '' ? escaped : unescapePath(escaped, at + 2);
  const root = (offset: number, kind: string): string => {
    const [, hex] = /^[a-z]+ ([0-9a-f]{64})$/.exec(lines[at + offset] ?? '') ?? [];
    if (hex === undefined || !lines[at + offset]?.startsWith(`${kind} `)) throw invalid(`no root \`${kind}\``);
    return hex;
  };
  const roots = { names: root(1, 'names'), multiset: root(2, 'multiset'), set: root(3, 'set') };
  const tensors: IdentifiedTensor[] = [];
  let next = at + 4;
  for (; next < lines.length && !SET.test(lines[next] ?? ''); next++)
    tensors.push(parseTensor(lines[next] ?? '', next + 2));
  return { set: { name, ...roots, tensors }, next };
}

function parseTensor(text: string, number: number): IdentifiedTensor {
  const [, mark, digest, dtype, sizes, escaped] = TENSOR.exec(text) ?? [];
  if (digest === undefined || dtype === undefined || sizes === undefined || escaped === undefined)
    throw invalid(`line ${number} is not \`digest dtype shape name\``);
  const parts = sizes === '-' ? [] : sizes.split(',');
  const shape = parts.map(Number);
  if (!parts.every((part) => NUMBER.test(part)) || !shape.every(Number.isSafeInteger))
    throw invalid(`line ${number}: a dimension is no plain number`);
  return { digest, dtype, shape, name: mark === '' ? escaped : unescapePath(escaped, number) };
}

function checkRoots(stated: WeightsRoots, computed: WeightsRoots): void {
  const kinds = ['names', 'multiset', 'set'] as const;
  if (!kinds.every((kind) => Buffer.from(stated[kind], 'hex').equals(Buffer.from(computed[kind], 'hex'))))
    throw invalid('a root is not that of the tensors listed');
}

function invalid(why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `weights list: ${why}`);
}
