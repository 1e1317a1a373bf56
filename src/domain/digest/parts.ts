import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import type { Digests, HashAlgorithm } from './algorithm.ts';
import type { Blake3Tree } from './blake3-tree.ts';
import { isHex256, sha256Hex } from './hex.ts';

/** Files above are cut into aligned subtrees of this length, for BLAKE3; SHA-256 has no parts. */
export const PART_SEGMENT_BYTES = 16 << 20;
/** What a file costs besides its bytes. */
const FILE_COST = 4096;
export const MOST_PARTS = 10_000;
const FORMAT = 'weighmark-hash-part/1';

export interface SizedFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** One piece of work: a whole file, or an aligned subtree of one. */
export interface PartUnit {
  /** Place of the file in the list. */
  readonly file: number;
  readonly start: number;
  readonly sizeBytes: number;
}

/** Which part of how many: 1 to `of`. */
export interface PartNumber {
  readonly part: number;
  readonly of: number;
}

/** What one worker found out: digests of whole files, chaining values of subtrees, in hex. */
export interface HashPart extends PartNumber {
  readonly algorithms: readonly HashAlgorithm[];
  /** SHA-256 over all names and sizes: parts of other lists are not joined. */
  readonly list: string;
  /** How many files there are in all. */
  readonly files: number;
  readonly found: readonly FoundUnit[];
}

export interface FoundUnit extends PartUnit {
  readonly name: string;
  readonly fileBytes: number;
  readonly digests: Digests;
}

/** The work of one part: the list in order, cut where bytes and files are shared evenly. Each unit is in exactly one part. */
export function unitsOf(files: readonly SizedFile[], { part, of }: PartNumber, cuts: boolean): readonly PartUnit[] {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes + FILE_COST, 0);
  const units: PartUnit[] = [];
  let before = 0;
  for (const [file, { sizeBytes }] of files.entries()) {
    const step = cuts && sizeBytes > PART_SEGMENT_BYTES ? PART_SEGMENT_BYTES : Math.max(1, sizeBytes);
    for (let start = 0; start === 0 || start < sizeBytes; start += step)
      if (Math.min(of - 1, Math.floor(((before + start) / total) * of)) === part - 1)
        units.push({ file, start, sizeBytes: Math.min(step, sizeBytes - start) });
    before += sizeBytes + FILE_COST;
  }
  return units;
}

export function listDigest(files: readonly SizedFile[]): string {
  return sha256Hex(Buffer.from(JSON.stringify(files.map(({ name, sizeBytes }) => [name, sizeBytes]))));
}

/** One line of JSON a unit after the head, so that parts of a million files are read and written in pieces. */
export function formatHashPart({ found, ...head }: HashPart): string {
  const rows = found.map((each) => `${JSON.stringify(each)}\n`);
  return `${JSON.stringify({ format: FORMAT, ...head, units: found.length })}\n${rows.join('')}`;
}

/** @throws WeighmarkError `format-invalid` for anything but a whole part. */
export function parseHashPart(bytes: Uint8Array, subject: string): HashPart {
  const [first = '', ...rows] = Buffer.from(bytes).toString().split('\n');
  const head = parseStrictJsonObject(Buffer.from(first), { code: 'format-invalid', subject });
  const { format, part, of, algorithms, list, files, units } = head;
  const isWhole = rows.pop() === '' && rows.length === units;
  if (format !== FORMAT || !isWhole || !isCount(part) || !isCount(of) || !isCount(files) || !isHex256(list))
    throw invalid(subject);
  if (part < 1 || part > of || of > MOST_PARTS || files > LIMITS.filesPerTree || !isAlgorithms(algorithms))
    throw invalid(subject);
  const found = rows.map((row) => unitIn(row, algorithms, subject));
  return { part, of, algorithms, list, files, found };
}

function unitIn(row: string, algorithms: readonly HashAlgorithm[], subject: string): FoundUnit {
  const json = parseStrictJsonObject(Buffer.from(row), { code: 'format-invalid', subject });
  const { file, start, sizeBytes, name, fileBytes, digests } = json;
  const isPlaced = isCount(file) && isCount(start) && isCount(sizeBytes) && isCount(fileBytes);
  if (!isPlaced || typeof name !== 'string' || !isJsonObject(digests)) throw invalid(subject);
  const own = Object.fromEntries(algorithms.map((each) => [each, digests[each]]));
  if (!Object.values(own).every(isHex256) || start + sizeBytes > fileBytes) throw invalid(subject);
  return { file, start, sizeBytes, name, fileBytes, digests: own };
}

/**
 * The digests of all files, as one process would find them. A part may come twice, if it says the same.
 * @throws WeighmarkError `format-invalid` for parts of different work, `nothing-to-verify` without any, `not-found` for a part
 * that is not there, `digest-conflict` where two workers found different bytes.
 */
export function joinParts(
  parts: readonly HashPart[],
  tree: Blake3Tree,
): readonly (SizedFile & { readonly digests: Digests })[] {
  const [first] = parts;
  if (first === undefined)
    throw new WeighmarkError('nothing-to-verify', 'there is no part to join', {
      hint: 'each worker writes one: `weighmark hash PATH --part 1/8 -o parts/1`',
    });
  requireSameWork(parts, first);
  const units = new Map<string, FoundUnit>();
  for (const { found } of parts) for (const unit of found) addUnit(units, unit);
  const files = Map.groupBy(
    [...units.values()].sort((a, b) => a.file - b.file || a.start - b.start),
    ({ file }) => file,
  );
  if (files.size !== first.files) throw missing(`${first.files - files.size} of ${first.files} files are in no part`);
  const joined = [...files.values()].map((own) => joinFile(own, tree));
  if (listDigest(joined) !== first.list) throw new WeighmarkError('format-invalid', 'the parts are not of one list');
  return joined;
}

function requireSameWork(parts: readonly HashPart[], first: HashPart): void {
  const work = ({ of, list, files, algorithms }: HashPart): string => JSON.stringify([of, list, files, algorithms]);
  const other = parts.find((each) => work(each) !== work(first));
  if (other !== undefined)
    throw new WeighmarkError(
      'format-invalid',
      `part ${other.part} is of other files, another number of parts, or other digests`,
    );
  const there = new Set(parts.map(({ part }) => part));
  for (let part = 1; part <= first.of; part += 1)
    if (!there.has(part)) throw missing(`part ${part} of ${first.of} is not there`);
}

function addUnit(units: Map<string, FoundUnit>, unit: FoundUnit): void {
  const place = `${unit.file} ${unit.start}`;
  const before = units.get(place);
  if (before !== undefined && JSON.stringify(before) !== JSON.stringify(unit))
    throw new WeighmarkError('digest-conflict', `two workers found different bytes in ${unit.name}`, {
      subject: unit.name,
    });
  units.set(place, unit);
}

function joinFile(units: readonly FoundUnit[], tree: Blake3Tree): SizedFile & { readonly digests: Digests } {
  const [first] = units as readonly [FoundUnit, ...FoundUnit[]];
  let end = 0;
  for (const { start, sizeBytes, fileBytes, name } of units) {
    if (start !== end || fileBytes !== first.fileBytes || name !== first.name)
      throw missing(`the parts of ${first.name} are not one file`);
    end += sizeBytes;
  }
  if (end !== first.fileBytes) throw missing(`the end of ${first.name} is in no part`);
  const { name, fileBytes: sizeBytes, digests } = first;
  if (units.length === 1) return { name, sizeBytes, digests };
  if (digests.sha256 !== undefined)
    throw new WeighmarkError('format-invalid', `${name} was cut, and SHA-256 has no parts`, { subject: name });
  const values = units.map((unit) => Buffer.from(unit.digests.blake3 ?? '', 'hex'));
  return { name, sizeBytes, digests: { blake3: Buffer.from(fold(values, tree, true)).toString('hex') } };
}

/** The left part is the largest power of two that leaves something for the right (BLAKE3 paper, section 2.1). */
function fold(values: readonly Uint8Array[], tree: Blake3Tree, isRoot: boolean): Uint8Array {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return only;
  const left = 2 ** (Math.ceil(Math.log2(values.length)) - 1);
  return tree.parent(fold(values.slice(0, left), tree, false), fold(values.slice(left), tree, false), isRoot);
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isAlgorithms(value: Json | undefined): value is readonly HashAlgorithm[] & Json[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => each === 'blake3' || each === 'sha256');
}

function invalid(subject: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `${subject} is no whole part that \`hash --part\` wrote`, {
    subject,
    hint: 'a worker that was stopped leaves none: run it again',
  });
}

function missing(message: string): WeighmarkError {
  return new WeighmarkError('not-found', message, { hint: 'run `weighmark hash --part` for it again' });
}
