import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signer, TrustEntry } from '../../../src/domain/claims/types.ts';
import { peopleTrusted, peopleWhoSigned, signaturesWanted } from '../../../src/domain/policy/policy-signers.ts';

const keyEntry = (name: string, threshold?: number): TrustEntry => ({
  name,
  for: 'policy/*',
  anchor: { kind: 'key', pem: name },
  ...(threshold === undefined ? {} : { threshold }),
});
const pattern = (name: string): TrustEntry => ({
  name,
  for: 'policy/*',
  anchor: { kind: 'oidc', issuer: 'https://i.example', identityPattern: '.*@acme.example' },
});
const anyUnderRoot = (name: string): TrustEntry => ({
  name,
  for: 'policy/*',
  anchor: { kind: 'certificate', pem: 'root' },
});
const by = (fingerprint: string): Signer => ({ kind: 'key', fingerprint }) as Signer;

test('rule 12: a policy’s signers are counted by person, never by signature, key or entry', () => {
  const [anna, laptop, token, bob] = [
    keyEntry('anna'),
    keyEntry('anna+laptop'),
    keyEntry('anna+token'),
    keyEntry('bob'),
  ];
  assert.deepEqual(peopleWhoSigned([]), []);
  assert.deepEqual(
    peopleWhoSigned([
      { signer: by('1'), trustedBy: [anna] },
      { signer: by('1'), trustedBy: [anna] },
    ]),
    ['anna'],
  );
  assert.deepEqual(
    peopleWhoSigned([
      { signer: by('1'), trustedBy: [laptop] },
      { signer: by('2'), trustedBy: [token] },
    ]),
    ['anna'],
  );
  assert.deepEqual(
    peopleWhoSigned([
      { signer: by('1'), trustedBy: [anna] },
      { signer: by('2'), trustedBy: [bob] },
    ]),
    ['anna', 'bob'],
  );
  assert.deepEqual(
    peopleWhoSigned([{ signer: by('1'), trustedBy: [anna, bob] }]),
    ['anna'],
    'one key of two people is one signature',
  );
  assert.equal(
    peopleWhoSigned([
      { signer: by('1'), trustedBy: [anna, bob] },
      { signer: by('2'), trustedBy: [bob] },
    ]).length,
    1,
    'rather too few',
  );
});

test('rule 12: signers known by a pattern only, or by a root alone, are one in all', () => {
  const signatures = ['1', '2', '3'].map((each, at) => ({
    signer: by(each),
    trustedBy: [[pattern('team'), pattern('others'), anyUnderRoot('ca')][at] as TrustEntry],
  }));
  assert.equal(peopleWhoSigned(signatures).length, 1);
  assert.equal(peopleTrusted([pattern('team'), anyUnderRoot('ca'), keyEntry('anna'), keyEntry('anna+token')]), 2);
});

test('the most that any entry asks for is what is wanted', () => {
  assert.equal(signaturesWanted([keyEntry('anna')]), 1);
  assert.equal(signaturesWanted([keyEntry('anna', 3), keyEntry('bob', 1), keyEntry('carol')]), 3);
});
