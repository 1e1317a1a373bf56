import { contextKey, digest, secretKey, type BulkHasher, type HashKey } from './blake3.ts';
import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';

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

/**
 * Which key it is, lower-case hex: its salt of nothing, which no record has. Whoever has it can tell keys apart, and no more: it opens no
 * record, and 32 random bytes are not found by it.
 */
export function keyId(secret: Uint8Array | null): string | null {
  return secret === null ? null : Buffer.from(digest(saltKey(secret), new Uint8Array(0))).toString('hex');
}

/** How a dataset's records, or a list of some, were hashed. */
export interface Hashed {
  readonly hashing: 'open' | 'keyed';
  /** Null in the open, and where version 1 did not say which key it was. */
  readonly key: string | null;
}

/**
 * The key that keyed records are read with; null for those in the open.
 * @throws WeighmarkError `usage` without one, `secret-mismatch` for another than they were hashed under.
 */
export function requireSecret({ hashing, key }: Hashed, secret: Uint8Array | null): Uint8Array | null {
  if (hashing === 'open') return null;
  if (secret === null)
    throw new WeighmarkError('usage', 'the records are hashed under a key', { hint: 'name it with `--secret FILE`' });
  const given = keyId(secret);
  if (key === null || key === given) return secret;
  throw otherKey(`the records are hashed under key ${shortKey(key)}, and not under ${shortKey(given)}`, [key, given]);
}

/** Whether hashes mean anything to each other. */
export function isSameHashing(a: Hashed, b: Hashed): boolean {
  return a.hashing === b.hashing && a.key === b.key;
}

/** How a list was hashed that is held to records: one without a key's id may be of keyed records that have none either. */
export function listHashing(key: string | null, records: Hashed): Hashed {
  return key === null && records.key === null ? records : { hashing: key === null ? 'open' : 'keyed', key };
}

/** @throws WeighmarkError `secret-mismatch` for a list whose hashes say nothing of these records. */
export function requireSameKey(list: Hashed, records: Hashed): void {
  if (isSameHashing(list, records)) return;
  const [of, under] = [list, records].map(({ hashing, key }) =>
    hashing === 'open' ? 'in the open' : `under ${key === null ? 'a key it does not name' : `key ${shortKey(key)}`}`,
  );
  throw otherKey(`the list is hashed ${of}, the records ${under}: neither says anything of the other`, [
    records.key,
    list.key,
  ]);
}

function shortKey(key: string | null): string {
  return (key ?? '').slice(0, 16);
}

function otherKey(message: string, [key, given]: readonly (string | null)[]): WeighmarkError {
  const facts = { ...(key ? { key } : {}), ...(given ? { given } : {}) };
  return new WeighmarkError('secret-mismatch', message, { facts });
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
