import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ED25519,
  canVerify,
  formatSignature,
  formatVkey,
  parseNote,
  parseVkey,
} from '../../../src/domain/tlog/note.ts';

const PRIME = (1n << 255n) - 19n;
const SIGN = 1n << 255n;

/** Little-endian, as RFC 8032 has it. */
function vkeyOf(number: bigint): string {
  const key = Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();
  return formatVkey('log.example', ED25519, key);
}

test('one point is one key: no y at or above the prime, no minus sign on an x of zero', () => {
  for (const right of [1n, PRIME - 1n, 2n, 2n + SIGN, PRIME - 2n, PRIME - 2n + SIGN])
    assert.equal(parseVkey(vkeyOf(right)).type, ED25519, String(right));
  for (const wrong of [PRIME, PRIME + 1n, PRIME + SIGN, 1n + SIGN, PRIME - 1n + SIGN])
    assert.throws(() => parseVkey(vkeyOf(wrong)), { code: 'trust-invalid' }, String(wrong));
});

test('a key of a type that nobody knows verifies nothing', () => {
  const key = parseVkey(vkeyOf(2n));
  assert.deepEqual([canVerify(key), canVerify({ ...key, type: 9 })], [true, false]);
});

const line = formatSignature({ name: 'log.example', id: '01020304', signature: Buffer.alloc(64) });

test('as many signatures and bytes as are allowed are read, and no more', () => {
  const signed = (count: number) => `a\n\n${line.repeat(count)}`;
  assert.equal(parseNote(signed(64)).signatures.length, 64);
  assert.throws(() => parseNote(signed(65)), { code: 'log-invalid' });
  const sized = (bytes: number) => `${'a'.repeat(bytes - line.length - 2)}\n\n${line}`;
  assert.equal(parseNote(sized(1 << 18)).text.length, (1 << 18) - line.length - 1);
  assert.throws(() => parseNote(sized((1 << 18) + 1)), { code: 'log-invalid' });
});

test('a text of an empty line is one; none at all is none', () => {
  assert.equal(parseNote(`\n\n${line}`).text, '\n');
  assert.throws(() => parseNote(`\n${line}`), { code: 'log-invalid' });
});
