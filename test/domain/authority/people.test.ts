import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinctPeople } from '../../../src/domain/authority/people.ts';
import {
  isRevocation,
  readRevocation,
  revocationPredicate,
  targetKey,
  targetText,
} from '../../../src/domain/authority/revocation.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';

const somebody = (principal: string, key?: string, pattern = false) => ({
  principal,
  pattern,
  ...(key === undefined ? {} : { keys: [key, 'certificate of whatever'] }),
});

test('rule 12: by key material, then by principal; of patterns one in all', () => {
  const count = (...all: readonly ReturnType<typeof somebody>[]): number => distinctPeople(all).length;
  assert.equal(count(), 0);
  assert.equal(count(somebody('anna', '1'), somebody('bob', '2')), 2, 'the second fingerprint says nothing');
  assert.equal(count(somebody('anna', '1'), somebody('anna', '2')), 1);
  assert.equal(count(somebody('anna', '1'), somebody('bob', '1')), 1);
  assert.equal(count(somebody('anna'), somebody('bob')), 2);
  assert.equal(count(somebody('anna', '1', true), somebody('bob', '2', true)), 1);
  assert.equal(count(somebody('anna', '1', true), somebody('anna', '2')), 2, 'a pattern is nobody by name');
  assert.equal(count(somebody('anna', '1', true), somebody('bob', '1')), 1, 'but its key is one key');
  assert.equal(count(somebody('anna', '1'), somebody('anna', '2'), somebody('carol', '2')), 1, 'through a second key');
});

const HEX = 'ab'.repeat(32);
const SINCE = '2026-11-01T00:00:00Z';
const read = (predicate: Record<string, unknown>, predicateType: string = PREDICATES.revocation) =>
  readRevocation({ statement: { _type: 'x', subject: [], predicateType, predicate } });
const base = { version: 1, action: 'revoke', reason: 'so', target: { kind: 'artifact', sha256: HEX } };

const TARGETS = [
  [1, { kind: 'artifact', sha256: HEX }, `artifact ${HEX}`],
  [1, { kind: 'claim', sha256: HEX, pae: HEX }, `claim ${HEX}`],
  [1, { kind: 'principal', name: 'rita', since: SINCE }, 'principal rita'],
  [1, { kind: 'key', sha256: HEX, since: SINCE }, `key ${HEX}`],
  [2, { kind: 'identity', issuer: 'i', identity: 'a', since: SINCE }, 'identity i a'],
  [2, { kind: 'weights', blake3: HEX }, `artifact blake3:${HEX}`],
  [2, { kind: 'entry', origin: 'o', index: 0, sha256: HEX }, `entry o 0 ${HEX}`],
] as const;

test('each target is written in the lowest version that has it, read again, and passes over fields more', () => {
  for (const [version, target, key] of TARGETS) {
    const predicate = revocationPredicate({ action: 'revoke', target, reason: 'so' });
    assert.equal(predicate['version'], version);
    assert.deepEqual(read({ ...predicate, more: 1, target: { ...target, more: 2 } }).target, target);
    assert.equal(targetKey(target), key);
    if (version === 2) assert.throws(() => read({ ...predicate, version: 1 }), { code: 'claim-malformed' });
    for (const field of Object.keys(target)) {
      const { [field]: _, ...rest } = target as Record<string, unknown>;
      assert.throws(() => read({ ...predicate, target: rest }), { code: 'claim-malformed' }, `${key} without ${field}`);
    }
  }
});

const MALFORMED: readonly Record<string, unknown>[] = [
  { version: 3 },
  { version: '1' },
  { version: undefined },
  { action: 'revoked' },
  { action: undefined },
  { reason: '' },
  { reason: 7 },
  { target: undefined },
  { target: [] },
  { target: { kind: 'artifact', sha256: HEX.toUpperCase() } },
  { target: { kind: 'claim', sha256: HEX, pae: 'short' } },
  { target: { kind: 'key', sha256: HEX, since: 'soon' } },
  { target: { kind: 'principal', name: 7, since: SINCE } },
  { version: 2, target: { kind: 'entry', origin: 'o', index: -1, sha256: HEX } },
  { version: 2, target: { kind: 'entry', origin: 'o', index: 0.5, sha256: HEX } },
  { version: 2, target: { kind: 'entry', origin: 7, index: 0, sha256: HEX } },
  { version: 2, target: { kind: 'identity', issuer: 'i', identity: 7, since: SINCE } },
  { version: 2, target: { kind: 'person', name: 'rita', since: SINCE } },
];

test('a known field that is missing or wrong, or another version, is malformed', () => {
  assert.equal(read(base).action, 'revoke');
  assert.equal(read({ ...base, action: 'reinstate' }).action, 'reinstate');
  for (const over of MALFORMED)
    assert.throws(() => read({ ...base, ...over }), { code: 'claim-malformed' }, JSON.stringify(over));
  assert.throws(() => read(base, PREDICATES.approval), { code: 'claim-malformed' });
});

test('what is no revocation is none; targets are told as people would', () => {
  const statement = (predicateType: string) => ({
    statement: { _type: 'x', subject: [], predicateType, predicate: {} },
  });
  assert.equal(isRevocation(statement(PREDICATES.revocation)), true);
  assert.equal(isRevocation(statement(PREDICATES.promotion)), false);
  assert.deepEqual(
    TARGETS.map(([, target]) => targetText(target)),
    [
      `artifact sha256:${HEX}`,
      `claim sha256:${HEX}`,
      'principal rita',
      `key sha256:${HEX}`,
      'identity a',
      `weights blake3:${HEX}`,
      'log entry 0',
    ],
  );
});
