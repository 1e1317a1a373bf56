import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { canonicalJson, isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { isHex256 } from '../digest/hex.ts';
import type { OrderedNode } from './frontier.ts';
import { NOTHING, type Branch } from './trie.ts';

/**
 * What one worker makes of all parts: the set's branches of its share of prefixes, and the ordered subtrees over the records
 * of the part with its number, whose place is known only now that all parts are counted.
 */
export interface Reduced {
  /** SHA-256 over what all parts say of themselves: that it was made of these. */
  readonly parts: string;
  /** Bits of a prefix. */
  readonly bits: number;
  /** The first prefix of the share. */
  readonly first: number;
  readonly branches: readonly Branch[];
  readonly nodes: readonly OrderedNode[];
}

const HEADER = 'weighmark-records-reduced/1';
export const REDUCED_BYTES = 64 << 20;

/** The header line, then one line of RFC 8785 JSON. */
export function formatReduced({ parts, bits, first, branches, nodes }: Reduced): string {
  const json = {
    parts,
    bits,
    first,
    branches: branches.map(({ hash, distinct }) => (distinct === 0 ? null : [hex(hash), distinct])),
    nodes: nodes.map(({ start, size, hash }) => [start, size, hex(hash)]),
  };
  return `${HEADER}\n${canonicalJson(json)}\n`;
}

/** @throws WeighmarkError `format-invalid` for anything that `formatReduced` does not write. */
export function parseReduced(bytes: Uint8Array): Reduced {
  const text = Buffer.from(bytes).toString('latin1');
  const [header, line = ''] = text.split('\n', 2);
  if (header !== HEADER) throw invalid();
  const json = parseStrictJsonObject(line, { maxBytes: REDUCED_BYTES, subject: 'the reduced part' });
  const { parts, branches, nodes } = isJsonObject(json) ? json : {};
  if (!isHex256(parts) || !Array.isArray(branches) || !Array.isArray(nodes)) throw invalid();
  const reduced = {
    parts,
    bits: countOf(json['bits']),
    first: countOf(json['first']),
    branches: branches.map(branchOf),
    nodes: nodes.map(nodeOf),
  };
  if (formatReduced(reduced) !== text) throw invalid();
  return reduced;
}

function branchOf(json: Json): Branch {
  if (json === null) return NOTHING;
  const [hash, distinct] = Array.isArray(json) ? json : [];
  return { hash: hashOf(hash), distinct: countOf(distinct) };
}

function nodeOf(json: Json): OrderedNode {
  const [start, size, hash] = Array.isArray(json) ? json : [];
  return { start: countOf(start), size: countOf(size), hash: hashOf(hash) };
}

function hashOf(json: Json | undefined): Uint8Array {
  if (isHex256(json)) return Buffer.from(json, 'hex');
  throw invalid();
}

function countOf(json: Json | undefined): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return json;
  throw invalid();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function invalid(): WeighmarkError {
  return new WeighmarkError('format-invalid', `not a reduced part (${HEADER})`, {
    hint: 'make it anew with `weighmark dataset reduce`',
  });
}
