import { isJsonObject, type Json } from '../../base/json.ts';
import type { FeedDigest } from './types.ts';

export type JsonObject = { readonly [key: string]: Json };

export function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isJsonObject) : [];
}

export function texts(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value)
    ? (value as readonly Json[]).filter((each): each is string => typeof each === 'string')
    : [];
}

const LENGTHS: Readonly<Record<FeedDigest['algorithm'], number>> = {
  md5: 32,
  sha1: 40,
  sha256: 64,
  sha512: 128,
  blake3: 64,
};

/** A digest by algorithm name in any of the feeds' spellings; null if it is none that is known. */
export function digestOf(algorithm: string, value: string): FeedDigest | null {
  const name = algorithm.toLowerCase().replace(/[^a-z0-9]/g, '') as FeedDigest['algorithm'];
  const hex = value.trim().toLowerCase();
  return Object.hasOwn(LENGTHS, name) && hex.length === LENGTHS[name] && /^[0-9a-f]+$/.test(hex)
    ? { algorithm: name, hex }
    : null;
}
