import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority, openAuthority } from '../../../src/domain/authority/authority.ts';
import { whoMay } from '../../../src/domain/authority/holders.ts';
import { NO_REVOCATIONS, collectRevocations } from '../../../src/domain/authority/revocations.ts';
import { hear } from '../../../src/domain/authority/speaker.ts';
import type { Policy, RoleRule } from '../../../src/domain/authority/types.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { omsHint } from '../../../src/domain/pki/keys.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { createKeylessVerifier } from '../../../src/adapters/sigstore/verifier.ts';
import { makeInstance } from '../../adapters/sigstore/instance.ts';
import { certified } from '../../security/denials-world.ts';
import {
  bundleFor,
  MODEL,
  NOW,
  PROD,
  ROLES,
  claim,
  evaluation,
  hex,
  people,
  policy,
  promotion,
  type Name,
} from '../policy/world.ts';

const POLICY = policy(PROD);
const UNTIL = '2026-11-01T00:00:00Z';

/** A policy under which somebody was one of its people once. */
const formerly = (who: Name, more = '', roles = ROLES): Policy =>
  policy(PROD, `formerly: [{ name: old, until: ${UNTIL}, keys: [${people[who].line}]${more} }]`, roles);

const revoking = (by: Name, target: object) =>
  claim({
    by,
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 1, action: 'revoke', target, reason: `by ${by}` },
  });

test('who was somebody formerly is heard saying no, in the roles in which that is said, until their day', async () => {
  const no = await evaluation('FAILED', '2026-10-01T00:00:00Z', 'mallory');
  const roles = (under: Policy, of = no) => createAuthority(under).denialRolesOf(of, 'acme/enc');
  const at = (time: string): VerifiedClaim => ({ ...no, times: [{ time, source: 'rfc3161', authority: 'tsa' }] });
  assert.deepEqual(roles(formerly('mallory')), ['evaluator']);
  assert.deepEqual(roles(formerly('mallory'), at(UNTIL)), ['evaluator'], 'on the last moment of it');
  assert.deepEqual(roles(formerly('mallory'), at('2026-11-01T00:00:01Z')), []);
  assert.deepEqual(roles(formerly('mallory'), { ...no, times: [] }), ['evaluator'], 'nobody says that it was later');
  assert.deepEqual(roles(formerly('mallory', ', roles: [evaluator]')), ['evaluator']);
  assert.deepEqual(roles(formerly('mallory', ', roles: [scanner]')), [], 'not in the role that they had');
  assert.deepEqual(roles(POLICY), []);
});

test('a former revoker or promoter is heard though the policy has no such role any more; a former breaker of glass is none', async () => {
  const said = await revoking('mallory', { kind: 'artifact', sha256: MODEL });
  const withdrawn = await promotion(POLICY, { by: 'mallory', passed: false, verified: null });
  const roles = (of: VerifiedClaim, under: Policy) => createAuthority(under).denialRolesOf(of, 'acme/enc');
  const without = (role: string) => ROLES.replace(new RegExp(`\\n  ${role}: .*`), '');
  assert.deepEqual(roles(said, formerly('mallory')), ['revoker']);
  assert.deepEqual(roles(said, formerly('mallory', '', without('revoker'))), ['revoker']);
  assert.deepEqual(roles(withdrawn, formerly('mallory')), ['promoter']);
  const scan = await claim({ by: 'mallory', type: PREDICATES.vulns, about: MODEL, predicate: {} });
  assert.deepEqual(roles(scan, formerly('mallory', ', roles: [scanner]', without('scanner'))), ['(formerly)']);
});

test('a claim that calls its maker by another name than the policy ties to the signer is made in no role', async () => {
  const tied = (ids: string): Policy => {
    const lines = policy(PROD);
    return {
      ...lines,
      principals: lines.principals.map((each) => (each.name === 'bob' ? { ...each, ids: ids.split(' ') } : each)),
    };
  };
  const approval = (verifier?: object) =>
    claim({
      by: 'bob',
      type: PREDICATES.approval,
      about: MODEL,
      predicate: { ...(verifier === undefined ? {} : { verifier }) },
    });
  const roles = async (verifier?: object) =>
    createAuthority(tied('https://acme.example/bob b'))
      .rolesOf(await approval(verifier), 'acme/enc')
      .map(({ name }) => name);
  assert.deepEqual(await roles({ id: 'b' }), ['approver']);
  assert.deepEqual(await roles(), ['approver'], 'it calls nobody by a name');
  assert.deepEqual(await roles({ id: 'anna' }), []);
  assert.deepEqual(await roles({ id: 7 }), []);
});

test('without a policy everybody trusted may say and vouch for everything; strangers and lapsed ones for nothing', async () => {
  const open = openAuthority([{ name: 'erin', anchor: { kind: 'key', pem: people.erin.pem } }]);
  const no = await evaluation('FAILED');
  const [role] = open.rolesOf(no, '');
  assert.deepEqual(role?.vouches, ['dataset', 'base-model', 'adapter', 'tokenizer', 'prompt']);
  assert.deepEqual([open.nameOf(no), open.denialRolesOf(no, ''), open.rolesFor(no, '')], ['erin', ['trusted'], []]);
  const byBob = await evaluation('FAILED', undefined, 'bob');
  assert.deepEqual([open.rolesOf(byBob, ''), open.who(byBob.signer), open.nameOf(byBob)], [[], 'unknown', null]);
  assert.deepEqual(open.denialRolesOf(byBob, ''), []);
  assert.deepEqual(open.rolesOf({ ...no, onlyNo: { code: 'certificate-expired', message: 'over' } }, ''), []);
});

test('who is refused is told who may, but for whom it is no question of roles', () => {
  const role = (name: string, ...principals: readonly string[]): RoleRule =>
    ({ name, principals, predicates: [], buildTypes: [], models: [], vouches: [] }) as const;
  const roles = [role('trainer', 'anna', 'ann'), role('publisher', 'dana'), role('nobody')];
  const all = { hint: 'the policy lets anna or ann (trainer), dana (publisher) sign this' };
  assert.deepEqual(whoMay(roles, null), all);
  assert.deepEqual(whoMay(roles, 'erin'), all);
  assert.deepEqual(whoMay(roles, 'dana'), {});
  assert.deepEqual(whoMay([role('nobody')], null), {});
});

const AUTHORITY = createAuthority(POLICY);
const collected = (entries: readonly (readonly [VerifiedClaim, number | null])[], reinstate = 2) =>
  collectRevocations(
    entries.map(([each, index]) => ({ claim: each, index })),
    AUTHORITY,
    { reinstate },
  );

test('nothing revoked revokes nothing', async () => {
  const no = await evaluation('FAILED');
  const none = [NO_REVOCATIONS, collected([])];
  for (const {
    ofArtifact,
    ofClaim,
    lifted,
    takenBack,
    voided,
    settled,
    unlisted,
    doubtOf,
    doubtOfArtifact,
    ...rest
  } of none) {
    assert.deepEqual(
      [ofArtifact(MODEL), ofClaim(no), doubtOf(no), doubtOfArtifact(MODEL), unlisted(MODEL)],
      [null, null, null, null, null],
    );
    assert.deepEqual([lifted(no.pae, 'acme/enc'), takenBack(no)], [false, false]);
    assert.equal(voided({ origin: 'log', index: 1, sha256: hex('x') }, 'acme/enc'), false);
    assert.equal(settled({ kind: 'artifact', sha256: MODEL }), false);
    assert.deepEqual(rest, { namesWeights: false, doubts: [], inForce: [], claims: [], unreadable: [], unclear: [] });
  }
});

test('of two that revoke one thing the first of the log is the reason; of two outside of it the lesser digest', async () => {
  const target = { kind: 'artifact', sha256: MODEL };
  const both = [await revoking('rita', target), await revoking('rob', target)].toSorted((a, b) =>
    a.bundle < b.bundle ? -1 : 1,
  );
  const [lesser, greater] = both;
  assert.ok(lesser && greater);
  const reason = (...entries: readonly (readonly [VerifiedClaim, number | null])[]) =>
    collected(entries).ofArtifact(MODEL)?.bundle;
  assert.equal(reason([lesser, 9], [greater, 4]), greater.bundle);
  assert.equal(reason([greater, 4], [lesser, 9]), greater.bundle);
  assert.equal(reason([greater, null], [lesser, null]), lesser.bundle);
  assert.equal(reason([lesser, null], [greater, null]), lesser.bundle);
  assert.equal(reason([lesser, null], [greater, 7]), greater.bundle, 'what is in the log comes first');
});

test('somebody is lost from the earliest day that is said; saying it again later gives nothing back', async () => {
  const since = (by: Name, day: string) => revoking(by, { kind: 'principal', name: 'erin', since: `${day}T00:00:00Z` });
  const [early, late, again] = [
    await since('rita', '2026-10-01'),
    await since('rob', '2026-11-10'),
    await since('rob', '2026-10-01'),
  ];
  const made = await evaluation('FAILED', '2026-11-01T00:00:00Z');
  const by = (...all: readonly VerifiedClaim[]) =>
    collected(all.map((each, index) => [each, index] as const)).ofClaim(made)?.by ?? null;
  assert.equal(by(late), null, 'made before');
  assert.equal(by(early), 'rita');
  assert.equal(by(late, early), 'rita');
  assert.equal(by(early, late), 'rita');
  assert.equal(by(early, again), 'rita', 'the same day said once more');
});

test('what a revoker said who was lost since is a doubt about that very claim or signer', async () => {
  const lost = await revoking('rob', { kind: 'principal', name: 'rita', since: '2026-01-01T00:00:00Z' });
  const no = await evaluation('FAILED');
  const other = await evaluation('BAD', '2026-11-18T00:00:00Z', 'bob');
  const doubted = async (target: object) =>
    collected([
      [lost, 1],
      [await revoking('rita', target), 2],
    ]);
  const ofClaim = await doubted({ kind: 'claim', sha256: no.bundle, pae: no.pae });
  assert.equal(ofClaim.doubtOf(no)?.by, 'rita');
  assert.equal(ofClaim.doubtOf(other), null);
  const ofPerson = await doubted({ kind: 'principal', name: 'erin', since: '2026-01-01T00:00:00Z' });
  assert.equal(ofPerson.doubtOf(no)?.by, 'rita');
  assert.equal(ofPerson.doubtOf(other), null);
  const ofArtifact = await doubted({ kind: 'artifact', sha256: MODEL });
  assert.deepEqual([ofArtifact.doubtOfArtifact(MODEL)?.by, ofArtifact.ofArtifact(MODEL)], ['rita', null]);
});

test('a Sigstore identity that was lost takes down what it signed since, whoever the policy calls it', async () => {
  const identity = (value: string, issuer = 'https://i.example'): VerifiedClaim['signer'] => ({
    kind: 'oidc',
    instance: 'public-good',
    issuer,
    san: { type: 'email', value },
    extensions: {},
    notBefore: '2026-11-01T00:00:00Z',
  });
  const target = {
    kind: 'identity',
    issuer: 'https://i.example',
    identity: 'kim@acme.example',
    since: '2026-11-10T00:00:00Z',
  };
  const predicate = { version: 2, action: 'revoke', target, reason: 'lost' };
  const lost = await claim({ by: 'rita', type: PREDICATES.revocation, about: MODEL, predicate });
  const made = await evaluation('FAILED', '2026-11-15T00:00:00Z');
  const { ofClaim } = collected([[lost, 1]]);
  const by = (signer: VerifiedClaim['signer'], time = '2026-11-15T00:00:00Z') =>
    ofClaim({ ...made, signer, times: [{ time, source: 'rekor', authority: 'r' }] })?.by ?? null;
  assert.equal(by(identity('kim@acme.example')), 'rita');
  assert.equal(by(identity('kim@acme.example'), '2026-11-09T00:00:00Z'), null, 'before');
  assert.equal(by(identity('tim@acme.example')), null);
  assert.equal(by(identity('kim@acme.example', 'https://j.example')), null);
});

const keyless = async () => Promise.resolve(createKeylessVerifier(async () => Promise.resolve('')));

test('a certificate under a trusted root that is over says no in its holder’s name, and never yes', async () => {
  const kim = certified('kim@acme.example', '2025-01-01T00:00:00Z');
  const other = certified('kim@acme.example', '2025-01-01T00:00:00Z');
  const bundle = kim.sign(PREDICATES.evaluation, MODEL, { result: 'FAILED' });
  const heard = (pem: string, identity?: string) =>
    hear(bundle, {
      trust: [{ name: 'kim', anchor: { kind: 'certificate', pem, ...(identity === undefined ? {} : { identity }) } }],
      keyless: null,
      now: NOW,
    });
  const named = await heard(kim.chain, 'kim@acme.example');
  assert.equal(named.standing, 'named');
  assert.equal(named.standing === 'named' && named.claim.onlyNo?.code, 'certificate-expired');
  assert.equal((await heard(kim.chain, 'tim@acme.example')).standing, 'stranger', 'another name');
  const unproven = await heard(other.chain, 'kim@acme.example');
  assert.equal(unproven.standing, 'unread', 'it says to be by kim, under a root that did not issue it');
  assert.deepEqual(unproven.standing === 'unread' && [unproven.names, unproven.proven], [['kim'], false]);
  assert.equal((await heard(other.chain)).standing, 'stranger', 'nobody is named');
});

test('a certificate of a Sigstore identity without proof of its time says no where an authority of the instance issued it', async () => {
  const [instance, elsewhere] = [makeInstance(), makeInstance()];
  const bundle = instance.bundle({ entries: [], timestamps: [], names: ['email:anna@example.com'] });
  const heard = (identity: string, trustedRoot: string) =>
    hear(bundle, {
      trust: [{ name: 'anna', anchor: { kind: 'oidc', issuer: 'https://issuer.example', identity, trustedRoot } }],
      keyless,
      now: NOW,
    });
  const named = await heard('anna@example.com', instance.trustedRoot);
  assert.equal(named.standing === 'named' && named.claim.onlyNo?.code, 'no-verified-time');
  assert.equal((await heard('anna@example.com', elsewhere.trustedRoot)).standing, 'unread');
  assert.equal((await heard('bob@example.com', instance.trustedRoot)).standing, 'stranger');
});

test('a torn bundle by somebody’s key is theirs where it says no, or cannot be read', async () => {
  const torn = async (result: string, by: Name = 'erin', hint = omsHint(people[by].pem)) => {
    const bundle = bundleFor({ by, type: PREDICATES.evaluation, about: MODEL, predicate: { result } });
    const json = JSON.parse(Buffer.from(bundle).toString()) as Record<string, object>;
    const material = { ...json['verificationMaterial'], publicKey: { hint } };
    const bytes = Buffer.from(JSON.stringify({ ...json, verificationMaterial: material, later: 1 }));
    const trust = [{ name: 'erin', anchor: { kind: 'key', pem: people.erin.pem } as const }];
    return { bytes, heard: await hear(bytes, { trust, keyless: null, now: NOW }) };
  };
  const no = await torn('FAILED');
  assert.equal(no.heard.standing === 'named' && no.heard.claim.onlyNo?.code, 'signature-malformed');
  assert.equal(no.heard.standing === 'named' && no.heard.claim.bundle, sha256Hex(no.bytes));
  assert.equal((await torn('PASSED')).heard.standing, 'named', 'a yes of whom the hint names');
  assert.equal((await torn('PASSED', 'erin', '')).heard.standing, 'stranger', 'a yes is not looked for');
  assert.equal((await torn('FAILED', 'bob')).heard.standing, 'stranger');
});
