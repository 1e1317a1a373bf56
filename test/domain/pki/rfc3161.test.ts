import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { childrenOf, readDer, type Der } from '../../../src/domain/pki/der.ts';
import { verifiedTime } from '../../../src/domain/trust/timestamp-authority.ts';
import { SIGNED_AT, makeAuthority, timestampToken } from '../../adapters/sigstore/instance.ts';

const authority = makeAuthority('tsa');
const signature = Buffer.from('a signature');
const believed = {
  name: 'tsa',
  anchors: [new X509Certificate(authority.root)],
  intermediates: [new X509Certificate(authority.certificate)],
};
const token = Buffer.from(timestampToken(authority, signature, SIGNED_AT));

interface Place {
  readonly path: string;
  /** Of its tag. */
  readonly at: number;
}

/** Every element of the token, by its place in each that holds it. */
function places(element: Der, at = 0, path = ''): readonly Place[] {
  const header = element.raw.length - element.body.length;
  const isHolder = (element.tag & 0x20) !== 0;
  let start = at + header;
  const inside = (isHolder ? childrenOf(element) : []).flatMap((child, index) => {
    const found = places(child, start, path === '' ? String(index) : `${path}.${index}`);
    start += child.raw.length;
    return found;
  });
  return [{ path, at }, ...inside];
}

function isGood(bytes: Uint8Array): boolean {
  try {
    return verifiedTime(bytes, signature, believed) !== null;
  } catch {
    return false;
  }
}

/** The hashes named up front, of which the signer's own word is what counts; and certificates, which are hints. */
const HINTS = ['1.1.0.1.0', '1.1.0.3'];
const isHint = (path: string): boolean => HINTS.some((hint) => path === hint || path.startsWith(`${hint}.`));

test('a token whose elements are of other kinds than they must be is none', () => {
  assert.ok(isGood(token));
  const all = places(readDer(token)).filter(({ path }) => !isHint(path));
  assert.ok(all.length > 30);
  const passed = all.flatMap(({ path, at }) => {
    const changed = Buffer.from(token);
    changed[at] = (changed[at] ?? 0) ^ 0x40;
    return isGood(changed) ? [path] : [];
  });
  assert.deepEqual(passed, []);
});
