import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import { bundleOf } from '../../../src/adapters/keys/bundle.ts';
import {
  createAuthority,
  isHeard,
  openAuthority,
  policyHearing,
  policyTrust,
  signerKey,
} from '../../../src/domain/authority/authority.ts';
import { actKey, firstPlaces, mergedCopies } from '../../../src/domain/authority/copies.ts';
import { collectRevocations } from '../../../src/domain/authority/revocations.ts';
import { buildSnapshot, newestSnapshot } from '../../../src/domain/authority/snapshot.ts';
import { hear } from '../../../src/domain/authority/speaker.ts';
import type { Policy, RoleRule } from '../../../src/domain/authority/types.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../../src/domain/claims/statement.ts';
import type { Signer, TrustAnchor, TrustEntry, VerifiedClaim, VerifiedTime } from '../../../src/domain/claims/types.ts';
import { usePatterns } from '../../../src/domain/base/pattern-engine.ts';
import { makeInstance } from '../../adapters/sigstore/instance.ts';
import { CODE_SIGNING, makeCertificate, type Made } from '../pki/make-certificate.ts';
import {
  MODEL,
  NOW,
  PROD,
  bundleFor,
  claim,
  evaluation,
  hex,
  manifest,
  people,
  policy,
  type Name,
} from '../policy/world.ts';

usePatterns();
const POLICY = policy(PROD);
const NAME = 'acme/enc';
const lapsed = { code: 'certificate-expired', message: 'over' } as const;
const key = (name: Name): TrustAnchor => ({ kind: 'key', pem: people[name].pem });
const revoking = (by: Name, target: object, action = 'revoke') =>
  claim({ by, type: PREDICATES.revocation, about: MODEL, predicate: { version: 2, action, target, reason: 'so' } });

test('a yes is heard of who may say it, a no of who may or once might, and nothing of anybody else', async () => {
  const authority = createAuthority(
    policy(PROD, `formerly: [{ name: m, until: 2030-01-01, keys: [${people.mallory.line}] }]`),
  );
  const heard = async (result: string, by: Name, over: Partial<VerifiedClaim> = {}) =>
    isHeard({ ...(await evaluation(result, undefined, by)), ...over }, NAME, authority);
  const cases: readonly (readonly [boolean, string, Name, Partial<VerifiedClaim>?])[] = [
    [true, 'PASSED', 'erin'],
    [true, 'FAILED', 'erin'],
    [false, 'PASSED', 'erin', { onlyNo: lapsed }],
    [true, 'FAILED', 'erin', { onlyNo: lapsed }],
    [false, 'PASSED', 'mallory'],
    [true, 'FAILED', 'mallory'],
    [false, 'PASSED', 'bob'],
    [false, 'FAILED', 'bob'],
  ];
  for (const [yes, result, by, over] of cases) assert.equal(await heard(result, by, over), yes, `${result} by ${by}`);
});

test('of whom a no must be heard are all of today and of before', () => {
  const under = policy(PROD, `formerly: [{ name: old, until: 2026-11-01, keys: [${people.mallory.line}] }]`);
  const last = policyHearing(under).at(-1);
  assert.deepEqual([last?.name, last?.anchor.kind], ['old', 'key']);
  assert.deepEqual(policyHearing(under).slice(0, -1), policyTrust(under));
  assert.deepEqual(policyHearing(POLICY), policyTrust(POLICY));
});

const kim = (over: Partial<Extract<Signer, { kind: 'oidc' }>> = {}): Signer => ({
  kind: 'oidc',
  instance: 'public-good',
  issuer: 'https://i.example',
  san: { type: 'email', value: 'kim@acme.example' },
  extensions: {},
  notBefore: '2026-11-01T00:00:00Z',
  ...over,
});
const certifiedAs = (over: Partial<Extract<Signer, { kind: 'certificate' }>> = {}): Signer => ({
  kind: 'certificate',
  root: hex('root'),
  subject: 'CN=kim',
  sans: [],
  fingerprint: hex('one'),
  notBefore: '2026-11-01T00:00:00Z',
  ...over,
});

test('a signer is the same with each new certificate, and another by any of its names', () => {
  const later = { notBefore: '2026-11-02T00:00:00Z' };
  assert.equal(signerKey(kim(later)), signerKey(kim()));
  assert.equal(signerKey(certifiedAs({ ...later, fingerprint: hex('two') })), signerKey(certifiedAs()));
  const others = [
    kim(),
    kim({ issuer: 'https://j.example' }),
    kim({ instance: 'other' }),
    kim({ san: { type: 'uri', value: 'kim@acme.example' } }),
    kim({ extensions: { 12: 'https://github.com/acme/enc' } }),
    certifiedAs(),
    certifiedAs({ root: hex('other') }),
    certifiedAs({ subject: 'CN=tim' }),
    certifiedAs({ sans: [{ type: 'email', value: 'kim@acme.example' }] }),
  ].map(signerKey);
  assert.equal(new Set(others).size, others.length);
});

test('whom only a pattern names is said to be so; whom a name or a key names as well is somebody', () => {
  const oidc = (name: object): TrustAnchor => ({ kind: 'oidc', issuer: 'https://i.example', ...name });
  const pattern = oidc({ identityPattern: '.+@acme\\.example' });
  const exact = oidc({ identity: 'kim@acme.example' });
  const who = (signer: Signer, ...anchors: readonly TrustAnchor[]) => {
    const found = createAuthority({ ...POLICY, principals: [{ name: 'staff', anchors, ids: [] }] }).who(signer);
    return typeof found === 'string' ? found : found.pattern;
  };
  assert.equal(who(kim(), pattern), true);
  assert.equal(who(kim(), exact), false);
  assert.equal(who(kim(), pattern, exact), false);
  assert.equal(who(kim({ issuer: 'https://j.example' }), pattern), 'unknown');
  const anna: Signer = { kind: 'key', fingerprint: '', keyType: 'P-256' };
  assert.equal(who(anna, pattern), 'unknown');
});

test('without a policy a person is named and known by the entry that is trusted', async () => {
  const open = openAuthority([{ name: 'erin', anchor: key('erin') }]);
  assert.deepEqual(open.who((await evaluation('PASSED')).signer), {
    principal: { name: 'erin', anchors: [key('erin')], ids: [] },
    pattern: false,
  });
});

test('who may sign revocations in another role than a revoker’s undoes nothing, and revokes nothing', async () => {
  const watch: RoleRule = {
    ...(POLICY.roles[0] as RoleRule),
    name: 'watch',
    principals: ['erin', 'bob'],
    predicates: [PREDICATES.revocation],
  };
  const under: Policy = { ...POLICY, roles: [...POLICY.roles, watch] };
  const target = { kind: 'artifact', sha256: MODEL };
  const entries = [
    await revoking('rita', target),
    await revoking('erin', target, 'reinstate'),
    await revoking('bob', target, 'reinstate'),
    await revoking('erin', { kind: 'artifact', sha256: hex('other') }),
  ].map((each, index) => ({ claim: each, index }));
  const { ofArtifact } = collectRevocations(entries, createAuthority(under), { reinstate: 2 });
  assert.deepEqual([ofArtifact(MODEL)?.by, ofArtifact(hex('other'))], ['rita', null]);
  const asOf = { origin: 'log', size: 1, root: hex('root') };
  const predicate = buildSnapshot({ version: 1, asOf, expires: '2030-01-01T00:00:00Z' });
  const counts = async (by: Name) => {
    const snapshot = await claim({ by, type: PREDICATES.revocation, about: MODEL, predicate });
    const asked = { origin: 'log', rootAt: () => asOf.root, revoked: () => false };
    return newestSnapshot([snapshot], createAuthority(under), asked) !== null;
  };
  assert.deepEqual([await counts('rita'), await counts('erin')], [true, false], 'nor does it say that these are all');
});

test('revoked weights are asked for where they were revoked, or may have been', async () => {
  const weights = { kind: 'weights', blake3: hex('weights') };
  const lost = await revoking('rob', { kind: 'principal', name: 'rita', since: '2026-01-01T00:00:00Z' });
  const named = (...all: readonly VerifiedClaim[]) =>
    collectRevocations(
      all.map((each, index) => ({ claim: each, index })),
      createAuthority(POLICY),
      { reinstate: 2 },
    ).namesWeights;
  assert.equal(named(await revoking('rita', { kind: 'artifact', sha256: MODEL })), false);
  assert.equal(named(await revoking('rita', weights)), true);
  assert.equal(named(lost, await revoking('rita', weights)), true, 'by a revoker who was lost');
  assert.equal(named(lost), false);
});

test('what a revoker said that cannot be read is a reason to refuse until another takes it back', async () => {
  const torn = await claim({
    by: 'rita',
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 9, action: 'revoke' },
  });
  const back = await revoking('rob', { kind: 'claim', sha256: torn.bundle, pae: torn.pae });
  const unreadable = (...all: readonly VerifiedClaim[]) =>
    collectRevocations(
      all.map((each, index) => ({ claim: each, index })),
      createAuthority(POLICY),
      { reinstate: 2 },
    ).unreadable;
  assert.deepEqual(unreadable(torn), [torn]);
  assert.deepEqual(unreadable(torn, back), []);
});

test('what is dated to the very moment its signer was lost was not made before it', async () => {
  const since = '2026-11-10T00:00:00Z';
  const lost = await revoking('rita', { kind: 'principal', name: 'erin', since });
  const { ofClaim } = collectRevocations([{ claim: lost, index: 1 }], createAuthority(POLICY), { reinstate: 2 });
  assert.equal(ofClaim(await evaluation('PASSED', since))?.by, 'rita');
  assert.equal(ofClaim(await evaluation('PASSED', '2026-11-09T23:59:59Z')), null);
});

test('copies of one act of signing are one claim with all that is known of its time, and a yes if one of them is in order', async () => {
  const base = await evaluation('PASSED');
  const at = (hour: number): VerifiedTime => ({
    time: `2026-11-01T0${hour}:00:00Z`,
    source: 'rfc3161',
    authority: 'tsa',
  });
  const good = { ...base, bundle: 'good', times: [at(1)] };
  const bad = { ...base, bundle: 'bad', times: [at(2)], onlyNo: lapsed };
  assert.equal(mergedCopies([good]), good);
  assert.deepEqual(mergedCopies([bad, good]), { ...good, times: [at(2), at(1)] });
  assert.deepEqual(mergedCopies([good, bad]), { ...good, times: [at(1), at(2)] });
  const second = { ...bad, bundle: 'worse' };
  assert.deepEqual(mergedCopies([bad, second]), { ...bad, times: [at(2), at(2)] });
});

test('an act of signing is one by its own mark, else by what was signed and who signed it', async () => {
  const [one, other, bob] = [
    await evaluation('PASSED'),
    await evaluation('FAILED'),
    await evaluation('PASSED', undefined, 'bob'),
  ];
  assert.equal(actKey({ ...one, act: 'mark' }), actKey({ ...other, act: 'mark' }));
  assert.notEqual(actKey({ ...one, act: 'mark' }), actKey({ ...one, act: 'another' }));
  const bare = [one, other, bob].map(({ pae, signer }) => actKey({ pae, signer }));
  assert.equal(new Set(bare).size, 3);
  const copy = { ...one, bundle: 'copy' };
  const firsts = firstPlaces([one, copy, other], (each) => each).map(({ first, copies }) => [
    first.bundle,
    copies.length,
  ]);
  assert.deepEqual(firsts, [
    [one.bundle, 2],
    [other.bundle, 1],
  ]);
});

test('a key that a certificate stands for as well has the first place of the act by either name', async () => {
  const base = await evaluation('FAILED');
  const [own, other] = [
    { ...base, act: 'act' },
    { ...base, act: 'act', signer: certifiedAs(), bundle: 'other' },
  ];
  const again = { ...own, bundle: 'again' };
  assert.deepEqual(
    firstPlaces([own, other, again], (each) => each).map(({ first, copies }) => [
      first.bundle,
      copies.map(({ bundle }) => bundle),
    ]),
    [
      [own.bundle, [own.bundle, 'again']],
      [own.bundle, ['other']],
    ],
  );
});

const CHAIN = (() => {
  const root = makeCertificate({ name: 'root', ca: true, keyUsage: [5] });
  const middle = makeCertificate({ name: 'middle', issuer: root, ca: true, keyUsage: [5] });
  const leaf = makeCertificate({
    name: 'kim',
    issuer: middle,
    email: ['kim@acme.example'],
    extendedKeyUsage: [CODE_SIGNING],
    to: new Date('2026-01-01T00:00:00Z'),
  });
  return { root, middle, leaf };
})();

function signedBy(leaf: Made, ...chain: readonly Made[]): Uint8Array {
  const payload = buildStatement([manifest(MODEL)], PREDICATES.evaluation, { result: 'FAILED' });
  const signature = sign('sha256', preAuthEncoding(payload), leaf.key);
  return bundleOf({ key: { chain: [leaf, ...chain].map(({ der }) => der) }, payload, signature });
}

const heard = async (bytes: Uint8Array, ...trust: readonly TrustEntry[]) => {
  const found = await hear(bytes, { trust, keyless: null, now: NOW });
  return found.standing === 'named' ? `named ${found.claim.onlyNo?.code}` : found.standing;
};

test('a lapsed chain is proven by what it brings or the trust holds between leaf and root, and by who is proven before who is meant', async () => {
  const { root, middle, leaf } = CHAIN;
  const under = (...made: readonly Made[]): TrustEntry => ({
    name: 'kim',
    anchor: { kind: 'certificate', pem: made.map(({ pem }) => pem).join(''), identity: 'kim@acme.example' },
  });
  const strange = under(makeCertificate({ name: 'strange', ca: true, keyUsage: [5] }));
  assert.equal(await heard(signedBy(leaf, middle), under(root)), 'named certificate-expired');
  assert.equal(await heard(signedBy(leaf), under(root, middle)), 'named certificate-expired');
  assert.equal(await heard(signedBy(leaf), under(root)), 'unread');
  assert.equal(await heard(signedBy(leaf, middle), strange), 'unread');
  for (const both of [[strange, under(root)] as const, [under(root), strange] as const])
    assert.equal(await heard(signedBy(leaf, middle), ...both), 'named certificate-expired');
});

test('a yes whose form names no key is looked for under none, though all else is in order', async () => {
  const yes = (hint: boolean) => {
    const bundle = JSON.parse(
      Buffer.from(
        bundleFor({ by: 'erin', type: PREDICATES.evaluation, about: MODEL, predicate: { result: 'PASSED' } }),
      ).toString(),
    ) as { verificationMaterial: { publicKey: { hint: string } } };
    if (!hint) bundle.verificationMaterial.publicKey.hint = '';
    return Buffer.from(JSON.stringify(bundle));
  };
  const retired: TrustEntry = {
    name: 'erin',
    anchor: { ...(key('erin') as { kind: 'key'; pem: string }), until: '2026-01-01' },
  };
  assert.equal(await heard(yes(true), retired), 'named identity-mismatch');
  assert.equal(await heard(yes(false), retired), 'stranger');
});

test('a Sigstore identity whose instance is not known here, or cannot be read, is not proven', async () => {
  const bundle = makeInstance().bundle({ entries: [], timestamps: [], names: ['email:anna@example.com'] });
  const anna = { issuer: 'https://issuer.example', identity: 'anna@example.com' };
  for (const more of [{}, { trustedRoot: '{}' }])
    assert.equal(await heard(bundle, { name: 'anna', anchor: { kind: 'oidc', ...anna, ...more } }), 'unread');
});

test('a certificate without a subject, as every one of Fulcio’s is, under trust in certificates is a stranger’s, and no error', async () => {
  const bundle = makeInstance().bundle({ entries: [], timestamps: [], names: ['email:kim@acme.example'] });
  const under = (identity: string): TrustEntry => ({
    name: 'kim',
    anchor: { kind: 'certificate', pem: CHAIN.root.pem, identity },
  });
  assert.equal(await heard(bundle, under('tim@acme.example')), 'stranger');
  assert.equal(await heard(bundle, under('kim@acme.example')), 'unread', 'it says to be theirs');
});

test('what is too large to be read may be anybody’s; what is small and signed by nobody is a stranger’s', async () => {
  const standing = async (size: number) =>
    (
      await hear(Buffer.alloc(size, ' '), {
        trust: [{ name: 'erin', anchor: key('erin') }],
        keyless: null,
        now: NOW,
        maxBytes: 10,
      })
    ).standing;
  assert.deepEqual([await standing(10), await standing(11)], ['stranger', 'unread']);
});

test('what was asked once of a policy stays true of it: it cannot be changed in place, a changed copy is another', async () => {
  const given = policy(PROD);
  const no = await evaluation('FAILED');
  assert.deepEqual(createAuthority(given).denialRolesOf(no, 'acme/enc'), ['evaluator']);
  const open = given as unknown as { principals: unknown[]; roles: { principals: string[] }[] };
  assert.throws(() => open.principals.pop(), TypeError);
  assert.throws(() => (open.principals = []), TypeError);
  for (const { principals } of open.roles) assert.throws(() => principals.pop(), TypeError);
  const roles = given.roles.filter(({ name }) => name !== 'evaluator');
  assert.deepEqual(createAuthority({ ...given, roles }).denialRolesOf(no, 'acme/enc'), []);
});
