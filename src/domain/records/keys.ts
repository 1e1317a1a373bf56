import { contextKey, digest, secretKey, type BulkHasher, type HashKey } from './blake3.ts';
import { Buffer } from 'node:buffer';

/** Each purpose hashes under a key of its own, so that no hash of one is ever one of another. */
export const NODE = contextKey('weighmark 2026 dataset node v1');
export const SET_LEAF = contextKey('weighmark 2026 dataset set leaf v1');
export const RECORD = contextKey('weighmark 2026 dataset record v1');
const SEALED = contextKey('weighmark 2026 dataset sealed v1');
const SALT = contextKey('weighmark 2026 dataset salt v1');

/** The hash of nothing: of an empty dataset, and of an empty branch of the set. */
export const EMPTY: Uint8Array = new Uint8Array(32);

/**
 * How records become hashes. In the open: BLAKE3 of the encoding, which whoever guesses the record can compute too. Under
 * an organisation's key: of a salt and that, the salt being a keyed hash of that; whoever is told one salt can check one
 * record, and learns nothing about the others.
 */
export interface RecordHashing {
  readonly kind: 'open' | 'keyed';
  /** 32 bytes a record. */
  hash(arena: Uint8Array, ends: Uint32Array, hasher: BulkHasher): Uint8Array;
  /** What an outsider needs to check one record; null in the open. */
  salt(encoding: Uint8Array): Uint8Array | null;
}

export const openHashing: RecordHashing = {
  kind: 'open',
  hash: (arena, ends, hasher) => hasher.hash(RECORD, arena, ends),
  salt: () => null,
};

/** @param key 32 secret bytes of the organisation. */
export function keyedHashing(key: Uint8Array): RecordHashing {
  const salting = saltKey(key);
  return {
    kind: 'keyed',
    hash: (arena, ends, hasher) => {
      const open = hasher.hash(RECORD, arena, ends);
      const salts = hasher.hash(salting, open, everyEnd(ends.length, 32));
      return hasher.hash(SEALED, interleave(salts, open), everyEnd(ends.length, 64));
    },
    salt: (encoding) => digest(salting, digest(RECORD, encoding)),
  };
}

function saltKey(key: Uint8Array): HashKey {
  return secretKey(digest(SALT, key));
}

/** The hash of one record; with the salt that opens it where it is keyed. */
export function recordHash(encoding: Uint8Array, salt: Uint8Array | null): Uint8Array {
  const open = digest(RECORD, encoding);
  return salt === null ? open : digest(SEALED, Buffer.concat([salt, open]));
}

/** Ends of `count` messages of `size` bytes each. */
export function everyEnd(count: number, size: number): Uint32Array {
  const ends = new Uint32Array(count);
  for (let index = 0; index < count; index += 1) ends[index] = (index + 1) * size;
  return ends;
}

function interleave(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  for (let at = 0; at < a.length; at += 32) {
    out.set(a.subarray(at, at + 32), 2 * at);
    out.set(b.subarray(at, at + 32), 2 * at + 32);
  }
  return out;
}
