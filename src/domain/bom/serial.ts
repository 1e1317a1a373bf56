import { createHash } from 'node:crypto';

/** Namespace of our UUIDv5s: itself the UUIDv5 of `weighmark.dev` in the DNS namespace. */
const DNS_NAMESPACE = '6ba7b8109dad11d180b400c04fd430c8';
const NAMESPACE = uuid5Hex(DNS_NAMESPACE, 'weighmark.dev');

/** A UUIDv5 of ours: the same name has the same number. */
export function uuidOf(name: string): string {
  const hex = uuid5Hex(NAMESPACE, name);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

export function serialOf(name: string): string {
  return `urn:uuid:${uuidOf(name)}`;
}

/** RFC 9562 section 5.5. */
function uuid5Hex(namespace: string, name: string): string {
  const hash = createHash('sha1').update(namespace, 'hex').update(name).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return hash.toString('hex').slice(0, 32);
}
