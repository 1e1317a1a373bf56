import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { splitClaims } from '../../src/domain/claims/claims-file.ts';
import { parseStatement } from '../../src/domain/claims/statement.ts';
import { LIMITS } from '../../src/domain/base/limits.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

/** Rule 24: a claim ≤ 16 MiB, a claims file ≤ 256 MiB and ≤ 10,000 claims; strict JSON everywhere. */
const STATEMENT =
  '{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"ab"}}],"predicateType":"https://x.example/v1","predicate":{}}';

test('rule 24: a claim larger than 16 MiB is not read', () => {
  assert.throws(() => parseBundle(Buffer.alloc(LIMITS.claimBytes + 1, 0x20)), { code: 'claims-limit' });
  assert.throws(() => splitClaims(Buffer.concat([Buffer.from('{}\n'), Buffer.alloc(LIMITS.claimBytes + 1, 0x61)])), {
    code: 'claims-limit',
  });
});

test('rule 24: a claims file larger than 256 MiB is not read, whatever its lines', () => {
  const line = Buffer.alloc(8 << 20, 0x61);
  line[line.length - 1] = 0x0a;
  const most = Array.from({ length: 32 }, () => line);
  assert.equal(splitClaims(Buffer.concat(most)).length, 32);
  assert.throws(() => splitClaims(Buffer.concat([...most, Buffer.from('{}\n')])), { code: 'claims-limit' });
});

test('rule 24: more than 10,000 claims are refused', async (t) => {
  assert.equal(splitClaims(Buffer.from('{}\n'.repeat(10_000))).length, 10_000);
  assert.throws(() => splitClaims(Buffer.from('{}\n'.repeat(10_001))), { code: 'claims-limit' });
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.sign(root, anna);
  await writeFile(join(root, 'claims.jsonl'), '{}\n'.repeat(10_001));
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['claims-limit']);
});

const HOSTILE: readonly (readonly [string, string])[] = [
  ['a repeated key', STATEMENT.replace('"predicate":{}', '"predicate":{"a":1,"a":2}')],
  [
    'a key that differs by case',
    STATEMENT.replace('"predicate":{}', '"predicate":{"result":"PASSED","Result":"FAILED"}'),
  ],
  ['__proto__', STATEMENT.replace('"predicate":{}', '"predicate":{"__proto__":{}}')],
  ['depth', STATEMENT.replace('"predicate":{}', `"predicate":{"a":${'['.repeat(100)}${']'.repeat(100)}}`)],
  ['half a surrogate pair', STATEMENT.replace('"predicate":{}', '"predicate":{"a":"\\ud800"}')],
  ['something after it', `${STATEMENT} {}`],
];

for (const [what, text] of HOSTILE) {
  test(`rule 24: ${what} in a statement is refused`, () =>
    assert.throws(() => parseStatement(Buffer.from(text)), { code: 'claim-malformed' }));
}

test('rule 24: bytes that are not UTF-8 are refused', () => {
  assert.throws(
    () => parseStatement(Buffer.concat([Buffer.from(STATEMENT.slice(0, -2)), Buffer.from([0xff]), Buffer.from('}')])),
    { code: 'claim-malformed' },
  );
});

test('rule 24: a repeated field of a bundle is refused', () => {
  const twice =
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}';
  assert.throws(() => parseBundle(Buffer.from(twice)), { code: 'signature-malformed' });
});

test('rule 24: more than 1,024 subjects, or 32 digests of one, are refused', () => {
  const subjects = (count: number) =>
    STATEMENT.replace(
      '[{"digest":{"sha256":"ab"}}]',
      JSON.stringify(Array.from({ length: count }, () => ({ digest: { sha256: 'ab' } }))),
    );
  assert.equal(parseStatement(Buffer.from(subjects(1024))).subject.length, 1024);
  assert.throws(() => parseStatement(Buffer.from(subjects(1025))), { code: 'claim-malformed' });
  const digests = Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`d${at}`, 'ab']));
  assert.throws(() => parseStatement(Buffer.from(STATEMENT.replace('{"sha256":"ab"}', JSON.stringify(digests)))), {
    code: 'claim-malformed',
  });
});
