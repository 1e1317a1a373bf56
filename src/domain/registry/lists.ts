import { isJsonObject, type Json } from '../base/json.ts';
import { sha256Hex } from '../digest/hex.ts';
import { ATTACHMENTS, statementOf } from './referrer.ts';

/**
 * Sidecars that claims bind by the SHA-256 of their bytes and that nobody can make again from the files alone: they go with an
 * artifact into a registry and out of it. Those that no claim of it names stay where they are.
 */
export const BOUND_LISTS = [
  ['records', ATTACHMENTS.records],
  ['weights', ATTACHMENTS.weights],
] as const;

/** The first of these that one of the bundles names as a list; unverified, as everything that is found. */
export function boundList(lists: readonly Uint8Array[], bundles: readonly Uint8Array[]): Uint8Array | null {
  if (lists.length === 0) return null;
  const named = new Set(bundles.flatMap(listsNamed));
  return lists.find((bytes) => named.has(sha256Hex(bytes))) ?? null;
}

function listsNamed(bundle: Uint8Array): readonly string[] {
  const subjects = statementOf(bundle)?.['subject'];
  if (!Array.isArray(subjects)) return [];
  return subjects.flatMap((each: Json) => {
    if (!isJsonObject(each) || !isJsonObject(each['digest']) || !isJsonObject(each['annotations'])) return [];
    const { sha256 } = each['digest'];
    return each['annotations']['kind'] === 'list' && typeof sha256 === 'string' ? [sha256] : [];
  });
}
