import { Buffer } from 'node:buffer';
import { canonicalJson, isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { isHex256 } from '../digest/hex.ts';
import { badProof, isConsistent, rootOfPath } from './ordered.ts';
import type { Roots } from './roots.ts';
import { rootOfSetPath, type SetPath } from './trie.ts';

/** What a proof speaks of: enough of the roots to check it, to be found in the signed ones again. */
export interface ProvenRoots {
  readonly records: number;
  readonly ordered: string;
  readonly set: string;
}

export type RecordProof =
  | {
      readonly kind: 'record';
      readonly roots: ProvenRoots;
      /** The record's hash. */
      readonly record: Uint8Array;
      /** Opens a keyed record to whoever has its text. */
      readonly salt: Uint8Array | null;
      readonly set: SetPath;
      /** Null where the record is absent. */
      readonly inclusion: { readonly position: number; readonly path: readonly Uint8Array[] } | null;
    }
  | {
      readonly kind: 'extension';
      readonly roots: ProvenRoots;
      readonly before: { readonly records: number; readonly ordered: string };
      readonly path: readonly Uint8Array[];
    };

export const PROOF_BYTES = 1 << 20;
const VERSION = 'weighmark-record-proof/1';

export function formatProof(proof: RecordProof): string {
  const { roots, kind } = proof;
  const body: Json =
    kind === 'record'
      ? {
          record: hex(proof.record),
          ...(proof.salt === null ? {} : { salt: hex(proof.salt) }),
          set: {
            path: proof.set.path.map(hex),
            end: proof.set.end === null ? null : { record: hex(proof.set.end.record), count: proof.set.end.count },
          },
          inclusion:
            proof.inclusion === null
              ? null
              : { position: proof.inclusion.position, path: proof.inclusion.path.map(hex) },
        }
      : { before: { ...proof.before }, path: proof.path.map(hex) };
  return `${canonicalJson({ version: VERSION, kind, roots: { records: roots.records, ordered: roots.ordered, set: roots.set }, ...body })}\n`;
}

/** @throws WeighmarkError `proof-invalid` for anything that `formatProof` does not write. */
export function parseProof(bytes: Uint8Array): RecordProof {
  const json = parseStrictJsonObject(bytes, { maxBytes: PROOF_BYTES, code: 'proof-invalid', subject: 'the proof' });
  const roots = objectOf(json['roots']);
  const common = {
    roots: { records: count(roots['records']), ordered: hexText(roots['ordered']), set: hexText(roots['set']) },
  };
  const proof = json['kind'] === 'extension' ? extensionOf(json, common) : recordOf(json, common);
  if (json['version'] !== VERSION || formatProof(proof).trimEnd() !== canonicalJson(json))
    throw badProof(`it is not written as ${VERSION}`);
  return proof;
}

type Fields = Readonly<Record<string, Json>>;

function extensionOf(json: Fields, common: { readonly roots: ProvenRoots }): RecordProof {
  const before = objectOf(json['before']);
  return {
    kind: 'extension',
    ...common,
    before: { records: count(before['records']), ordered: hexText(before['ordered']) },
    path: hashes(json['path']),
  };
}

function recordOf(json: Fields, common: { readonly roots: ProvenRoots }): RecordProof {
  const set = objectOf(json['set']);
  const end = set['end'] === null ? null : objectOf(set['end']);
  const inclusion = json['inclusion'] === null ? null : objectOf(json['inclusion']);
  return {
    kind: 'record',
    ...common,
    record: hash(json['record']),
    salt: json['salt'] === undefined ? null : hash(json['salt']),
    set: {
      path: hashes(set['path']),
      end: end === null ? null : { record: hash(end['record']), count: count(end['count']) },
    },
    inclusion: inclusion === null ? null : { position: count(inclusion['position']), path: hashes(inclusion['path']) },
  };
}

export type Proven =
  | { readonly kind: 'present'; readonly count: number; readonly position: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'extends'; readonly before: number; readonly added: number };

/**
 * What a proof shows about the dataset with these roots.
 * @throws WeighmarkError `proof-invalid` if it shows nothing, or speaks of another dataset.
 */
export function checkProof(proof: RecordProof, roots: Pick<Roots, 'records' | 'ordered' | 'set'>): Proven {
  const { records, ordered, set } = proof.roots;
  if (records !== roots.records || ordered !== roots.ordered || set !== roots.set)
    throw badProof('it speaks of a dataset with other roots');
  return proof.kind === 'record' ? checkRecord(proof) : checkExtension(proof);
}

function checkRecord(proof: Extract<RecordProof, { kind: 'record' }>): Proven {
  const { root, count } = rootOfSetPath(proof.record, proof.set);
  if (hex(root) !== proof.roots.set) throw badProof('its path does not lead to the set root');
  if (count > 0 !== (proof.inclusion !== null)) throw badProof('the set and the order contradict each other');
  if (proof.inclusion === null) return { kind: 'absent' };
  const { position, path } = proof.inclusion;
  if (position >= proof.roots.records) throw badProof('there is no such position');
  const top = rootOfPath(proof.record, { position, count: proof.roots.records }, path);
  if (hex(top) !== proof.roots.ordered) throw badProof('its path does not lead to the ordered root');
  return { kind: 'present', count, position };
}

function checkExtension({ roots, before, path }: Extract<RecordProof, { kind: 'extension' }>): Proven {
  const side = ({ records, ordered }: { records: number; ordered: string }) => ({
    count: records,
    root: Buffer.from(ordered, 'hex'),
  });
  if (!isConsistent(side(before), side(roots), path)) throw badProof('the earlier records are not where they were');
  return { kind: 'extends', before: before.records, added: roots.records - before.records };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function objectOf(json: Json | undefined): Fields {
  if (isJsonObject(json)) return json;
  throw badProof('a part of it is missing');
}

function count(json: Json | undefined): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return json;
  throw badProof('a number in it is none');
}

function hexText(json: Json | undefined): string {
  if (isHex256(json)) return json;
  throw badProof('a hash in it is none');
}

function hash(json: Json | undefined): Uint8Array {
  return Buffer.from(hexText(json), 'hex');
}

function hashes(json: Json | undefined): readonly Uint8Array[] {
  if (Array.isArray(json)) return json.map(hash);
  throw badProof('a path in it is none');
}
