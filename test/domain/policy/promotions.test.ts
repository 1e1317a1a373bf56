import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import type { GateFacts, LogFacts } from '../../../src/domain/policy/facts.ts';
import {
  checkPromoted,
  newestPromotion,
  openPromotion,
  promotionHistory,
  unplacedWithdrawals,
} from '../../../src/domain/policy/promotions.ts';
import type { LogEntry } from '../../../src/domain/tlog/leaf.ts';
import { D0, ID, MODEL, ORIGIN, caseFor, claim, facts, hex, logged, policy, promotion, type Name } from './world.ts';

const PROD = '\n  - name: prod';
const POLICY = policy(PROD);
const AGED = policy(`${PROD}\n    maxAge: 1d`);

interface World extends Partial<GateFacts> {
  readonly under?: Policy;
  readonly lasting?: boolean;
  readonly log?: LogFacts;
}

function asked(claims: readonly VerifiedClaim[], entries: readonly LogEntry[], over: World = {}) {
  const { under = POLICY, lasting = false, ...more } = over;
  const plain = facts(claims);
  const log: LogFacts = { ...plain.log, ...over.log, promotions: entries };
  const of = caseFor({ ...plain, ...more, log }, under);
  const { environment } = of;
  return {
    of,
    environment,
    result: checkPromoted(of, environment, { lasting }),
    history: promotionHistory(of, environment).map(({ entry }) => entry.index),
    open: openPromotion(of, environment).map(({ code }) => code),
  };
}

/** `promoted …`, or why not. */
function said(...[claims, entries, over]: Parameters<typeof asked>): string {
  const { findings, evidence } = asked(claims, entries, over).result;
  const [finding] = findings;
  return finding === undefined ? (evidence[0]?.what ?? '') : `${finding.code} ${exitOf(finding)}: ${finding.message}`;
}

const made = (over: Parameters<typeof promotion>[1] = {}, under = POLICY) => promotion(under, over);

test('the promotion that holds is evidence: where, by whom, which entry, when', async () => {
  const one = await made();
  const { result } = asked([one], [logged(3, one, 'prod')]);
  assert.deepEqual(result.evidence, [
    {
      what: 'promoted to prod by ci, log entry 3, 2026-11-20T10:00:00.000Z',
      data: { environment: 'prod', principal: 'ci', index: 3, bundle: `sha256:${one.bundle}`, breakGlass: false },
    },
  ]);
  assert.equal(result.claim, one);
  const undated = await made({ verified: null });
  assert.equal(said([undated], [logged(3, undated, 'prod')]), 'promoted to prod by ci, log entry 3');
});

test('nothing is promoted: by nobody, for another name or environment, or by an entry that is not about it', async () => {
  const one = await made();
  const NOTHING = 'not-promoted 1: nothing of acme/enc is promoted to prod';
  assert.equal(said([], []), NOTHING);
  assert.equal(said([one], [logged(3, one, 'staging')]), NOTHING);
  assert.equal(said([one], [logged(3, one, 'prod', { name: 'acme/other' })]), NOTHING);
  assert.equal(said([one], [logged(3, one, 'prod', { manifest: `sha256:${D0}` })]), NOTHING);
  for (const by of ['anna', 'glen', 'mallory'] as const) {
    const other = await made({ by });
    assert.equal(said([other], [logged(3, other, 'prod')]), NOTHING, by);
  }
  for (const over of [{ origin: 'other.example' }, { environment: 'staging' }, { name: 'acme/other' }]) {
    const elsewhere = await made(over);
    assert.equal(said([elsewhere], [logged(3, elsewhere, 'prod')]), NOTHING, JSON.stringify(over));
  }
  const bom = await claim({ by: 'ci', type: PREDICATES.bom, about: MODEL, predicate: {} });
  assert.equal(said([bom], [logged(3, bom, 'prod')]), NOTHING);
  const strange = await claim({
    by: 'ci',
    type: PREDICATES.promotion,
    about: MODEL,
    predicate: { verificationResult: 'PASSED' },
  });
  assert.equal(said([strange], [logged(3, strange, 'prod')]), NOTHING);
  const hint = newestPromotion(asked([], []).of, asked([], []).environment);
  assert.match(JSON.stringify(hint), new RegExp(`weighmark promote acme/enc@${ID} --env prod --dry-run`));
});

test('the newest entry decides; a bundle that is logged again is not said again', async () => {
  const first = await made({ at: new Date('2026-11-20T08:00:00Z') });
  const other = await made({ about: hex('v2'), inputs: [first.bundle] });
  const entries = [logged(3, first, 'prod'), logged(5, other, 'prod', { manifest: `sha256:${hex('v2')}` })];
  const NEWER = 'not-promoted 1: another version of acme/enc is promoted to prod';
  assert.equal(said([first, other], entries), NEWER);
  assert.equal(said([first, other], entries.toReversed()), NEWER, 'in whatever order they are given');
  assert.equal(said([first, other], [...entries, logged(9, first, 'prod')]), NEWER);
  assert.deepEqual(asked([first, other], [...entries, logged(9, first, 'prod')]).history, [5, 3]);
  assert.match(said([first, other], [entries[0] as LogEntry]), /^promoted to prod/);
});

test('a promotion that does not know of the one before it was made beside it', async () => {
  const first = await made({ at: new Date('2026-11-20T08:00:00Z') });
  const blind = await made();
  const entries = [logged(3, first, 'prod'), logged(5, blind, 'prod')];
  assert.equal(
    said([first, blind], entries),
    'claim-conflict 1: the newest promotion to prod does not know of the one before it: it was held back, or two were made at once',
  );
  const knowing = await made({ inputs: [first.bundle] });
  assert.match(said([first, knowing], [logged(3, first, 'prod'), logged(5, knowing, 'prod')]), /^promoted to prod/);
});

test('one before it that is not there may be a withdrawal: it holds back even what names it, for that proves nothing of which it is', async () => {
  const bundle = hex('not here');
  const absent = logged(3, { bundle } as VerifiedClaim, 'prod');
  const [blind, knowing] = [await made(), await made({ inputs: [bundle] })];
  const MISSING = "claim-missing 1: the log's promotion for prod (entry 3) cannot be read here";
  assert.equal(said([blind], [absent, logged(5, blind, 'prod')]), MISSING);
  assert.equal(said([knowing], [absent, logged(5, knowing, 'prod')]), MISSING);
  const again = await made({ at: new Date('2026-11-20T12:00:00Z'), inputs: [knowing.bundle] });
  assert.match(
    said([knowing, again], [absent, logged(5, knowing, 'prod'), logged(6, again, 'prod')]),
    /^promoted to prod by ci, log entry 6/,
    'promoted once more it rests on one that is here',
  );
});

test('an artifact has all its ids', async () => {
  const other = hex('other id');
  const one = await made({ about: other });
  const entries = [logged(3, one, 'prod', { manifest: `sha256:${other}` })];
  assert.match(said([one], entries), /another version/);
  const known = [{ id: ID, ids: [ID, `sha256:${other}`] }] as unknown as GateFacts['known'];
  assert.match(said([one], entries, { known: known ?? [] }), /^promoted to prod/);
});

test('a withdrawal withdraws, by a promoter of now or formerly, whatever it lacks; one that cannot be read leaves it open', async () => {
  const first = await made({ at: new Date('2026-11-20T08:00:00Z') });
  const withdrawal = await made({ passed: false, inputs: [first.bundle] });
  const both = (of: VerifiedClaim) => [logged(3, first, 'prod'), logged(5, of, 'prod')];
  assert.equal(said([first, withdrawal], both(withdrawal)), 'not-promoted 1: acme/enc was withdrawn from prod');
  const byOther = await made({ passed: false, by: 'anna' });
  assert.match(said([first, byOther], both(byOther)), /^promoted to prod by ci, log entry 3/);
  const elsewhere = await made({ passed: false, environment: 'staging' });
  assert.match(said([first, elsewhere], both(elsewhere)), /^promoted to prod by ci, log entry 3/);
  const torn = await claim({
    by: 'ci',
    type: PREDICATES.promotion,
    about: MODEL,
    predicate: { verificationResult: 'FAILED', resourceUri: `weighmark://${ORIGIN}/acme/enc?env=prod` },
  });
  assert.equal(
    said([first, torn], both(torn)),
    'promotion-unreadable 4: ci logged a summary for prod (entry 5) that is no pass and cannot be read',
  );
  assert.deepEqual(asked([first, torn], both(torn)).open, ['promotion-unreadable']);
  const tornByOther = await claim({ by: 'anna', type: PREDICATES.promotion, about: MODEL, predicate: {} });
  assert.match(said([first, tornByOther], both(tornByOther)), /^promoted to prod by ci, log entry 3/);
});

test('a withdrawal that no entry of its place says holds, until it is known to what is promoted', async () => {
  const first = await made({ at: new Date('2026-11-20T08:00:00Z') });
  const withdrawal = await made({ passed: false, inputs: [first.bundle] });
  const [one, misplaced] = [logged(3, first, 'prod'), logged(5, withdrawal, 'staging')];
  const out =
    'not-promoted 1: acme/enc was withdrawn from prod by ci; the log does not have that as a withdrawal (yet)';
  assert.equal(said([first, withdrawal], [one]), out);
  assert.equal(said([first, withdrawal], [one, misplaced]), out);
  assert.equal(said([first, withdrawal], [one, logged(5, withdrawal, 'prod', { name: 'acme/other' })]), out);
  const { result, open, of, environment } = asked([first, withdrawal], [one]);
  assert.match(result.findings[0]?.hint ?? '', /log integrate.*promote acme\/enc@sha256:[0-9a-f]+ --env prod/);
  assert.equal(result.findings[0]?.subject, ID);
  assert.deepEqual(open, [], 'it may be promoted upon that');
  assert.deepEqual(unplacedWithdrawals(of, environment), [withdrawal]);

  const upon = await made({ inputs: [first.bundle, withdrawal.bundle] });
  const unaware = await made({ inputs: [first.bundle] });
  assert.match(said([first, withdrawal, upon], [one, logged(6, upon, 'prod')]), /^promoted to prod by ci, log entry 6/);
  assert.equal(said([first, withdrawal, unaware], [one, logged(6, unaware, 'prod')]), out);
  const copy = { ...withdrawal, bundle: hex('wrapped anew') };
  const known = [one, logged(5, withdrawal, 'prod'), logged(6, upon, 'prod')];
  assert.match(said([first, withdrawal, copy, upon], known), /^promoted to prod by ci, log entry 6/);
  assert.equal(
    said([first, withdrawal], [one, logged(5, withdrawal, 'prod')]),
    'not-promoted 1: acme/enc was withdrawn from prod',
  );

  const stays = /^promoted to prod by ci, log entry 3/;
  assert.match(said([first, await made({ passed: false, by: 'anna' })], [one]), stays);
  assert.match(said([first, await made({ passed: false, environment: 'staging' })], [one]), stays);
  assert.match(said([first, await made({ at: new Date('2026-11-20T09:00:00Z') })], [one]), stays);
  const partial = (about: string, over: object = {}) =>
    claim({ by: 'ci', type: PREDICATES.promotion, about, predicate: { verificationResult: 'FAILED', ...over } });
  const unsaid = await partial(MODEL);
  assert.equal(
    said([first, unsaid], [one]),
    'promotion-unreadable 4: ci signed a summary for prod, not logged as one, that is no pass and cannot be read',
  );
  assert.deepEqual(asked([first, unsaid], [one]).open, ['promotion-unreadable']);
  assert.match(said([first, await partial(D0)], [one]), stays);
  assert.match(said([first, await partial(MODEL, { resourceUri: 'pkg:x/y' })], [one]), stays);
});

test('a withdrawal that a revoker took back is none; one by a promoter lost since leaves it open', async () => {
  const first = await made({ at: new Date('2026-11-20T08:00:00Z') });
  const withdrawal = await made({ passed: false, inputs: [first.bundle] });
  const entries = [logged(3, first, 'prod'), logged(5, withdrawal, 'prod')];
  const revocation = (target: object) =>
    claim({
      by: 'rita',
      type: PREDICATES.revocation,
      about: MODEL,
      predicate: { version: 1, action: 'revoke', target, reason: 'so' },
    });
  const taken = await revocation({ kind: 'claim', sha256: withdrawal.bundle, pae: withdrawal.pae });
  const back = { revocations: [{ claim: taken, index: 7 }] };
  assert.match(said([first, withdrawal], entries, back), /^promoted to prod by ci, log entry 3/);
  const lost = await revocation({ kind: 'principal', name: 'ci', since: '2026-11-20T09:00:00Z' });
  const gone = { revocations: [{ claim: lost, index: 7 }] };
  assert.match(
    said([first, withdrawal], entries, gone),
    /^denial-unconfirmed 4: ci withdrew it from prod; nothing shows/,
  );
  assert.deepEqual(asked([first, withdrawal], entries, gone).open, ['denial-unconfirmed']);
  assert.match(said([first], [logged(3, first, 'prod')], gone), /^promoted to prod/, 'dated before');
  const after = await made({ at: new Date('2026-11-20T10:00:00Z') });
  assert.equal(said([after], [logged(3, after, 'prod')], gone), 'revoked 1: its promotion no longer counts: so');
  assert.deepEqual(asked([after], [logged(3, after, 'prod')], gone).open, []);
});

test('an entry whose bundle is not there, or not understood, leaves it open, unless it is void, or by a stranger', async () => {
  const first = await made({ at: new Date('2026-11-20T08:00:00Z') });
  const bundle = hex('not here');
  const absent = logged(5, { bundle } as VerifiedClaim, 'prod');
  const entries = [logged(3, first, 'prod'), absent];
  const { log } = facts([]);
  assert.equal(said([first], entries), "claim-missing 1: the log's promotion for prod (entry 5) cannot be read here");
  assert.deepEqual(asked([first], entries).open, ['claim-missing']);
  const stranger = { log: { ...log, strangers: new Set([bundle]) } };
  assert.match(said([first], entries, stranger), /^promoted to prod by ci, log entry 3/);
  const unread = (by: Name, proven: boolean) => ({
    log: {
      ...log,
      unread: [
        {
          entry: absent,
          bundle,
          pae: hex('pae'),
          names: [by],
          proven,
          statement: null,
          why: { code: 'claim-malformed', message: 'torn' } as const,
        },
      ],
    },
  });
  assert.match(
    said([first], entries, unread('ci', true)),
    /^promotion-unreadable 4: .*\(entry 5\) is by ci and cannot be read/,
  );
  assert.match(said([first], entries, unread('ci', false)), /^signer-unverifiable 4: .*\(entry 5\) says to be by ci/);
  assert.match(said([first], entries, unread('anna', true)), /^promoted to prod by ci, log entry 3/);
  const voids = await Promise.all(
    (['rita', 'rob'] as const).map((by) =>
      claim({
        by,
        type: PREDICATES.revocation,
        about: MODEL,
        predicate: {
          version: 2,
          action: 'revoke',
          target: { kind: 'entry', origin: ORIGIN, index: 5, sha256: bundle },
          reason: 'torn',
        },
      }),
    ),
  );
  const declared = voids.map((each, at) => ({ claim: each, index: 6 + at }));
  assert.match(said([first], entries, { revocations: declared }), /^promoted to prod by ci, log entry 3/);
  assert.match(said([first], entries, { revocations: declared.slice(1) }), /^claim-missing/);
});

test('a broken glass lasts 24 hours from its verified time, opens nothing further, and is marked', async () => {
  const at = new Date('2026-11-19T12:00:00Z');
  const glass = (over: object = {}) => made({ by: 'glen', breakGlass: true, at, ...over });
  const ask = async (of: VerifiedClaim, over: World = {}) => said([of], [logged(3, of, 'prod')], over);
  assert.match(await ask(await glass()), /^promoted to prod by glen, log entry 3, .*, BREAK-GLASS$/);
  const later = { now: new Date('2026-11-20T12:00:00.001Z') };
  assert.equal(await ask(await glass(), later), 'promotion-expired 1: the glass was broken 24 h ago; 24 h are allowed');
  assert.match(
    await ask(await glass({ verified: null })),
    /^no-verified-time 1: nobody but its signer says when the glass/,
  );
  assert.match(
    await ask(await glass(), { lasting: true }),
    /^not-promoted 1: prod was entered by breaking the glass, which counts for nothing further/,
  );
  const byPromoter = await made({ breakGlass: true });
  assert.match(await ask(byPromoter), /^not-promoted 1: nothing of/);
  const other = await promotion(policy(`${PROD}\n    maxAge: 90d`), { by: 'glen', breakGlass: true, at });
  assert.match(await ask(other), /^policy-mismatch 1: the glass was broken under another text of the policy/);
});

test('a promotion has the age that the environment allows, from its verified time', async () => {
  const ask = async (at: string, over: object = {}) => {
    const of = await made({ at: new Date(at), ...over }, AGED);
    return said([of], [logged(3, of, 'prod')], { under: AGED });
  };
  assert.match(await ask('2026-11-19T12:00:00Z'), /^promoted to prod/);
  assert.equal(await ask('2026-11-19T11:59:59Z'), 'promotion-expired 1: it was promoted 24 h ago; 24 h are allowed');
  assert.match(
    await ask('2026-11-20T10:00:00Z', { verified: null }),
    /^no-verified-time 1: nobody but its signer says when it was/,
  );
  const ahead = await made({ at: new Date('2026-11-22T12:00:00Z'), verified: '2026-11-20T10:00:00Z' });
  assert.match(said([ahead], [logged(3, ahead, 'prod')]), /^clock-disagrees \d: the promotion states a time far ahead/);
});

test('under another policy it does not count, unless that means the same, or the policy lets it for a while', async () => {
  const EARLIER = policy(`${PROD}\n    maxAge: 90d`);
  const one = await promotion(EARLIER);
  const ask = (over: World = {}) => said([one], [logged(3, one, 'prod')], over);
  assert.equal(ask(), 'policy-mismatch 1: it was promoted to prod under another policy');
  const { result } = asked([one], [logged(3, one, 'prod')]);
  assert.deepEqual(result.findings[0]?.facts, {
    environment: 'prod',
    entry: '3',
    promoted: EARLIER.digest,
    policy: POLICY.digest,
  });
  const same = { policies: new Map([[EARLIER.digest, POLICY.meaning ?? '']]) };
  assert.equal(ask(same), 'promoted to prod by ci, log entry 3, 2026-11-20T10:00:00.000Z');
  assert.match(ask({ policies: new Map([[EARLIER.digest, EARLIER.meaning ?? '']]) }), /^policy-mismatch/);
  const until = (day: string) => ({ under: policy(PROD, `accepts: [{ digest: "${EARLIER.digest}", until: ${day} }]`) });
  assert.match(ask(until('2026-12-01')), /, under an earlier policy that counts until 2026-12-01$/);
  assert.match(ask(until('2026-11-20')), /^policy-mismatch 1: .*, accepted until 2026-11-20$/);
  assert.match(ask(until('2026-12-21')), /^policy-mismatch 1: .*more than 30 days ahead: no grace is that long$/);
  assert.match(ask({ ...until('2026-12-01'), lasting: true }), /^policy-mismatch 1: .*not for what comes after prod$/);
});

test('a promotion of this artifact that does not count for its signer’s certificate is the reason; of another it is none', async () => {
  const one = await made();
  const lapsed: VerifiedClaim = { ...one, onlyNo: { code: 'certificate-expired', message: 'it was over' } };
  const entry = logged(3, one, 'prod');
  assert.equal(
    said([lapsed], [entry]),
    'certificate-expired 1: its promotion is by ci and does not count: it was over',
  );
  const NOTHING = 'not-promoted 1: nothing of acme/enc is promoted to prod';
  assert.equal(said([lapsed], [{ ...entry, leaf: { ...entry.leaf, manifest: `sha256:${D0}` } }]), NOTHING);
  const byOther = {
    ...(await made({ by: 'anna' })),
    onlyNo: lapsed.onlyNo ?? { code: 'internal', message: '' },
  } as const;
  assert.equal(said([byOther], [logged(3, byOther, 'prod')]), NOTHING);
  const elsewhere = { ...(await made({ environment: 'staging' })), onlyNo: byOther.onlyNo };
  assert.equal(said([elsewhere], [logged(3, elsewhere, 'prod')]), NOTHING);
});
