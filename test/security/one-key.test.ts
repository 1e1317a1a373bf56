import assert from 'node:assert/strict';
import { createPublicKey, sign, X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { bundleOf } from '../../src/adapters/keys/bundle.ts';
import { keySigner } from '../../src/adapters/keys/signer.ts';
import { distinctPeople } from '../../src/domain/authority/people.ts';
import { collectRevocations } from '../../src/domain/authority/revocations.ts';
import { createAuthority } from '../../src/domain/authority/authority.ts';
import { preAuthEncoding } from '../../src/domain/claims/dsse.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import type { Signer, TrustEntry, VerifiedClaim } from '../../src/domain/claims/types.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { omsHint, readPublicKey } from '../../src/domain/pki/keys.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { peopleWhoSigned, type PolicySignature } from '../../src/domain/policy/policy-signers.ts';
import { parseTrustFile } from '../../src/domain/trust/store.ts';
import { verifyClaim } from '../../src/domain/trust/verify-claim.ts';
import { COSIGNATURE_ED25519, ED25519, formatVkey, parseVkey } from '../../src/domain/tlog/note.ts';
import { keyInEveryEncoding, pemOf } from '../domain/pki/encodings.ts';
import {
  MODEL,
  NOW,
  PRINCIPALS,
  PROD,
  ROLES,
  claim,
  codes,
  decide,
  facts,
  honest,
  manifest,
  people,
  policy,
} from '../domain/policy/world.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';
import { policyText } from '../flows/gate-world.ts';
import { findingsOf } from '../../src/domain/base/verdict.ts';
import { certified, policyWith } from './denials-world.ts';

/** One key is one person, however it is written (security rules 3 and 12, DESIGN 9). */
const FORMS = ['named', 'compressed', 'hybrid', 'explicit', 'explicitCompressed', 'trailing'] as const;

test('a policy in which two principals have one key in two encodings is none', () => {
  const anna = { encodings: encodingsOfAnna() };
  for (const form of FORMS) {
    const line = anna.encodings[form].toString('base64');
    const text = `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${PRINCIPALS}\n  other: { keys: [${line}] }\nroles:${ROLES}\nenvironments:${PROD}\n`;
    assert.throws(() => parsePolicy(Buffer.from(text)), { code: 'policy-invalid', message: /shares a key/ }, form);
  }
});

/** anna of the policy's world, with her key in every encoding that can be made without the private half. */
function encodingsOfAnna(): Record<(typeof FORMS)[number], Buffer> {
  const named = createPublicKey(people.anna.pem).export({ type: 'spki', format: 'der' });
  const [compressed, hybrid] = otherForms(named);
  const trailing = Buffer.concat([named, Buffer.from([0])]);
  return { named, compressed, hybrid, explicit: named, explicitCompressed: compressed, trailing };
}

function otherForms(named: Buffer): readonly [Buffer, Buffer] {
  const [head, point] = [named.subarray(0, named.length - 65), named.subarray(-64)];
  const parity = (point.at(-1) ?? 0) & 1;
  const short = Buffer.concat([head, Buffer.from([2 + parity]), point.subarray(0, 32)]);
  short[1] = 0x39;
  short[head.indexOf(Buffer.from('034200', 'hex')) + 1] = 0x22;
  return [short, Buffer.concat([head, Buffer.from([6 + parity]), point])];
}

test('the right key in another encoding verifies: plain, from the trust store, under a hint of any encoding', async (t) => {
  const world = await claimsWorld(t);
  const { key, encodings } = keyInEveryEncoding();
  const keyFile = join(world.folder, 'odd.key');
  // The private key file itself has explicit parameters.
  await writeFile(keyFile, key.export({ type: 'pkcs8', format: 'pem' }));
  const signer = await keySigner(createFiles(), { keyFile, password: async () => null });
  const root = await world.tree('model', { 'config.json': '{}' });
  await world.seal(root, { signer, pem: pemOf(encodings.named), trust: trustIn(encodings.named) });
  for (const form of FORMS) {
    const { verdict } = await world.verify(root, [trustIn(encodings[form])]);
    assert.equal(verdict.outcome, 'verified', form);
    const stored = parseTrustFile(
      `version: 1\ntrust:\n  - name: odd\n    key: ${JSON.stringify(pemOf(encodings[form]))}\n`,
      'trust.yaml',
    );
    assert.deepEqual(refusals(await world.verify(root, stored.entries)), [], form);
  }
  const payload = buildStatement([manifest(MODEL)], PREDICATES.bom, { bomFormat: 'CycloneDX' });
  for (const form of ['named', 'compressed', 'hybrid'] as const) {
    for (const hint of [
      omsHint(pemOf(encodings[form])),
      sha256Hex(encodings[form]),
      Buffer.from(sha256Hex(encodings[form]), 'hex').toString('base64'),
    ]) {
      const signature = sign('sha256', preAuthEncoding(payload), key);
      const outcome = await verifyClaim(bundleOf({ key: { hint }, payload, signature }), {
        trust: [trustIn(encodings.explicit)],
        keyless: null,
        now: NOW,
      });
      assert.equal(outcome.trusted, true, `${form} ${hint}`);
    }
  }
});

function trustIn(der: Uint8Array): TrustEntry {
  return { name: 'odd', anchor: { kind: 'key', pem: pemOf(der) } };
}

test('people who signed a policy: two names, two encodings, a key and its certificate are one', () => {
  const { encodings } = keyInEveryEncoding();
  const { fingerprint, otherFingerprints } = readPublicKey(pemOf(encodings.hybrid));
  const keys = [fingerprint, ...otherFingerprints];
  const byKey: PolicySignature = {
    signer: { kind: 'key', fingerprint, keyType: 'P-256' },
    keys,
    trustedBy: [trustIn(encodings.compressed)],
  };
  const byCertificate: PolicySignature = {
    signer: {
      kind: 'certificate',
      root: 'a'.repeat(64),
      subject: 'CN=x',
      sans: [],
      fingerprint: 'b'.repeat(64),
      notBefore: '',
    },
    keys,
    trustedBy: [{ name: 'another', anchor: { kind: 'certificate', pem: '', identity: 'x' } }],
  };
  assert.equal(peopleWhoSigned([byKey, byCertificate]).length, 1);
  assert.equal(peopleWhoSigned([byKey, { ...byCertificate, keys: ['c'.repeat(64)] }]).length, 2);
  const counted = (principal: string, of: readonly string[], pattern = false) => ({ principal, pattern, keys: of });
  assert.equal(distinctPeople([counted('a', keys), counted('b', keys)]).length, 1, 'one key, two principals');
  assert.equal(distinctPeople([counted('a', ['1']), counted('a', ['2'])]).length, 1, 'two keys, one principal');
  assert.equal(distinctPeople([counted('a', ['1'], true), counted('b', ['2'], true)]).length, 1, 'patterns');
  assert.equal(distinctPeople([counted('a', ['1']), counted('b', ['2'])]).length, 2);
});

test('a key revoked by the fingerprint of any encoding is revoked', async () => {
  const authority = createAuthority(policy(PROD));
  const signed = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate: { bomFormat: 'CycloneDX' } });
  for (const form of ['named', 'compressed', 'hybrid'] as const) {
    const target = { kind: 'key', sha256: sha256Hex(encodingsOfAnna()[form]), since: '2026-01-01T00:00:00Z' };
    const revocation = await claim({
      by: 'rita',
      type: PREDICATES.revocation,
      about: MODEL,
      predicate: { version: 1, action: 'revoke', target, reason: 'lost' },
    });
    const { ofClaim } = collectRevocations([{ claim: revocation, index: 1 }], authority, { reinstate: 2 });
    assert.notEqual(ofClaim(signed), null, form);
  }
});

test('a witness is one witness, whatever keys and names it has; a point has one encoding', () => {
  const raw = (byte: number): Uint8Array => Uint8Array.of(byte, ...Array.from({ length: 31 }, () => 1));
  const log = formatVkey('log.acme.example', ED25519, raw(1));
  const witness = (name: string, byte: number): string => formatVkey(name, COSIGNATURE_ED25519, raw(byte));
  const under = (keys: readonly string[], quorum: number): ReturnType<typeof policy> =>
    policy(
      PROD,
      `log: { key: "${log}", maxAge: 15m, witnesses: { keys: [${keys.map((key) => `"${key}"`).join(', ')}], quorum: ${quorum} } }`,
    );
  assert.equal(under([witness('a.example', 2), witness('b.example', 3)], 2).log?.witnesses?.quorum, 2);
  for (const [keys, why] of [
    [[witness('a.example', 2), witness('b.example', 2)], 'one key, two names'],
    [[witness('a.example', 2), witness('a.example', 3)], 'one name, two keys, a quorum of two'],
    [[witness('a.example', 2), witness('b.example', 1)], 'the log is no witness of itself'],
  ] as const)
    assert.throws(() => under(keys, 2), { code: 'policy-invalid' }, why);
  const prime = ((1n << 255n) - 19n).toString(16).padStart(64, '0');
  const encoded = (number: bigint): Uint8Array => Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();
  for (const point of [BigInt(`0x${prime}`), BigInt(`0x${prime}`) + 1n, 1n + (1n << 255n)])
    assert.throws(() => parseVkey(formatVkey('w.example', COSIGNATURE_ED25519, encoded(point))), {
      code: 'trust-invalid',
    });
});

/** A claim as if a certificate of a policy's private authority stood for the key that signed it. */
function certifiedAs(identity: string, fingerprint: string, said: VerifiedClaim): VerifiedClaim {
  const [entry] = CERTIFIED.principals.flatMap(({ anchors }) => anchors.filter(({ kind }) => kind === 'certificate'));
  assert.ok(entry?.kind === 'certificate');
  const root = sha256Hex(new X509Certificate(entry.pem).raw);
  const sans = [{ type: 'email', value: identity }] as const;
  const signer: Signer = {
    kind: 'certificate',
    root,
    subject: identity,
    sans,
    fingerprint: 'f',
    notBefore: '2026-01-01',
  };
  return { ...said, bundle: sha256Hex(`${said.bundle} ${identity}`), signer, keys: [fingerprint] };
}

const { chain } = certified('amy@acme.example', '2026-11-01T00:00:00Z');
const apart = PROD.replace('    approvals: 2', '    approvals: 1\n    separation: [[trainer, approver]]');
const CERTIFIED = parsePolicy(
  policyWith(
    'amy',
    { certificates: [{ chain, identity: 'amy@acme.example' }] },
    ['approver'],
    policyWith('art', { certificates: [{ chain, identity: 'art@acme.example' }] }, ['trainer'], policyText(apart)),
  ),
);

test('one key under two names is one person: who made a model approves nothing by a certificate for the same key', async () => {
  const { bob, carol, tuned, ...others } = await honest();
  const keyOf = (name: 'anna' | 'bob') => readPublicKey(people[name].pem).fingerprint;
  const approvedWith = (key: string) => certifiedAs('amy@acme.example', key, bob);
  const decided = (...claims: readonly VerifiedClaim[]) =>
    decide(facts([...Object.values(others), ...claims]), CERTIFIED);
  assert.deepEqual(codes(decided(tuned, approvedWith('k'.repeat(64)))), [], 'a key of her own');
  const own = decided(tuned, approvedWith(keyOf('anna')));
  assert.deepEqual(codes(own), ['separation-of-duties'], 'the trainer’s key');
  assert.match(findingsOf(own)[0]?.message ?? '', /^amy and anna \(one key\) /);
  const both = decided(certifiedAs('art@acme.example', 'k'.repeat(64), tuned), approvedWith('k'.repeat(64)));
  assert.deepEqual(codes(both), ['separation-of-duties'], 'one key in two certificates');
  const acted = decided(tuned, carol, approvedWith(keyOf('anna')));
  assert.deepEqual(codes(acted), [], 'what another approves is approved');
});

test('one key has one name among those who left as well, and an entry holds one key', () => {
  const [a, b, c] = [people.anna, people.bob, people.carol].map(({ pem }) => pem);
  const text = (formerly: readonly object[], key = a) =>
    Buffer.from(
      JSON.stringify({
        format: 'weighmark-policy/1',
        name: 'acme',
        version: 1,
        expires: '2099-01-01',
        principals: { ann: { keys: [key] } },
        roles: { promoter: ['ann'] },
        formerly,
        environments: [{ name: 'dev', require: ['bom'] }],
      }),
    );
  const former = (name: string, key: string | undefined, until = '2026-01-01') => ({ name, keys: [key], until });
  const twice = [former('zoe', b), former('zoe', b, '2026-02-01')];
  for (const formerly of [[former('zoe', b), former('kim', c)], twice, [former('ann', a)]])
    assert.equal(parsePolicy(text(formerly)).formerly?.length, formerly.length);
  for (const formerly of [
    [former('zoe', b), former('kim', b)],
    [former('zoe', b), former('zoe', c), former('kim', c?.replaceAll('\n', '\r\n'))],
    [former('zoe', a)],
  ])
    assert.throws(() => parsePolicy(text(formerly)), { code: 'policy-invalid' });
  assert.throws(() => parsePolicy(text([], `${a}${b}`)), { code: 'policy-invalid', message: /more than one key/ });
});
