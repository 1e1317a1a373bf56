import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCheckpoint, openCheckpoint } from '../../../src/domain/tlog/checkpoint.ts';
import {
  COSIGNATURE_ED25519,
  ED25519,
  canVerify,
  formatSignature,
  formatVkey,
  parseNote,
  parseVkey,
  type VerifierKey,
} from '../../../src/domain/tlog/note.ts';
import { formatProof, parseProof } from '../../../src/domain/tlog/proof.ts';
import { evaluateQuorum, parseLogPolicy } from '../../../src/domain/tlog/quorum.ts';

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

const proof = (hashes: number): string =>
  formatProof({ index: 1, hashes: Array.from({ length: hashes }, () => Buffer.alloc(32)), checkpoint: 'x' });

test('a proof has as many hashes and characters as are allowed, and no more', () => {
  assert.equal(parseProof(proof(63)).hashes.length, 63);
  assert.throws(() => parseProof(proof(64)), { code: 'log-invalid' });
  const [short, most] = [proof(0), 1 << 20];
  const sized = (size: number) => short + 'x'.repeat(size - short.length);
  assert.equal(parseProof(sized(most)).checkpoint.length, most - short.length + 1);
  assert.throws(() => parseProof(sized(most + 1)), { code: 'log-invalid' });
});

test('a log policy has as many lines and characters as are allowed, and no more; refusals name the line', () => {
  const lines = (count: number) => `quorum none${'\n'.repeat(count - 1)}`;
  assert.equal(parseLogPolicy(lines(1000)).quorum, 'none');
  assert.throws(() => parseLogPolicy(lines(1001)), { code: 'policy-invalid', message: 'not a tlog-policy' });
  const sized = (size: number) => `quorum none\n#${'a'.repeat(size - 13)}`;
  assert.equal(parseLogPolicy(sized(1 << 20)).quorum, 'none');
  assert.throws(() => parseLogPolicy(sized((1 << 20) + 1)), { code: 'policy-invalid' });
  assert.throws(() => parseLogPolicy('quorum none\ngroup g all'), { message: /line 2: expected: group/ });
});

test('a key has a URL where one is given; a witness that signed at the beginning of time has signed', () => {
  const cosigner = (number: bigint): string => {
    const { name, key } = parseVkey(vkeyOf(number));
    return formatVkey(name, COSIGNATURE_ED25519, key);
  };
  const words = `log ${vkeyOf(2n)} https://log.example\nwitness a ${cosigner(3n)}\nwitness b ${cosigner(4n)} https://b.example`;
  const policy = parseLogPolicy(`${words}\ngroup any any a b\nquorum any`);
  assert.deepEqual(
    [...policy.logs, ...policy.witnesses].map(({ url }) => url),
    ['https://log.example', undefined, 'https://b.example'],
  );
  assert.ok(!('url' in (policy.witnesses[0] ?? {})));
  const [, b] = policy.witnesses;
  assert.ok(b !== undefined);
  assert.deepEqual(evaluateQuorum(policy, [{ key: b.key, timestamp: 0 }]), { met: true, witnesses: ['b'], time: 0 });
  assert.deepEqual(evaluateQuorum(policy, []), { met: false, witnesses: [] });
});

test('whose signatures a checkpoint has and whose it should have is said', () => {
  const body = formatCheckpoint({ origin: 'log.example', size: 0, root: Buffer.alloc(32) });
  const signed = `${body}\n${line}`;
  const knownOf = (keys: readonly VerifierKey[]): unknown => {
    try {
      return openCheckpoint(signed, keys);
    } catch (error) {
      return Reflect.get(Object(error), 'facts');
    }
  };
  const found = 'log.example+01020304';
  assert.deepEqual(knownOf([]), { known: 'none', found });
  const key = parseVkey(vkeyOf(2n));
  assert.deepEqual(knownOf([key]), { known: `log.example+${key.id}`, found });
});
