import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { publicGoodRoot } from '../../src/adapters/sigstore/public-good.ts';
import { createTimeMemory } from '../../src/adapters/time-memory.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { findingsOf } from '../../src/domain/base/verdict.ts';
import type { TrustEntry, VerifiedClaim } from '../../src/domain/claims/types.ts';
import { judgeClock } from '../../src/flows/verify/clock.ts';
import type { TrustedClaim } from '../../src/flows/verify/bundles.ts';
import {
  NOW,
  PROD,
  approval,
  bomOf,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  honest,
  MODEL,
  people,
  policy,
} from '../domain/policy/world.ts';
import { BARE, PROGRAM } from '../program.ts';

const DAY_MS = 86_400_000;
const prod = policy(PROD);
const later = (days: number) => new Date(NOW.getTime() + days * DAY_MS).toISOString();

const bomAt = (timestamp: string) =>
  claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: MODEL,
    predicate: { ...bomOf('Apache-2.0'), metadata: { ...(bomOf('Apache-2.0')['metadata'] as object), timestamp } },
    at: '2026-11-03T11:00:00Z',
  });

test('a time stated far ahead of this clock spoils the claim that states it, and says so', async () => {
  const claims = await honest();
  const disagreeing = { ...claims, bob: await approval('bob', 'prod', MODEL, later(400)) };
  assert.deepEqual(codes(decide(facts(Object.values(disagreeing)), prod)), ['clock-disagrees']);
  const bom = { ...claims, bom: await bomAt(later(400)) };
  assert.deepEqual(codes(decide(facts(Object.values(bom)), policy(`  - name: prod\n    require: [bom]`))), [
    'clock-disagrees',
  ]);
});

test('clocks that differ by hours, and claims that nobody needs, spoil nothing', async () => {
  const claims = await honest();
  const near = { ...claims, bob: await approval('bob', 'prod', MODEL, later(0.9)) };
  assert.deepEqual(codes(decide(facts(Object.values(near)), prod)), []);
  const further = { ...claims, more: await approval('anna', 'staging', MODEL, later(400)) };
  assert.deepEqual(codes(decide(facts(Object.values(further)), prod)), []);
});

test('a no counts whatever its clock said', async () => {
  const failed = await evaluation('FAILED');
  const { statement } = failed;
  const ahead = {
    ...failed,
    statement: { ...statement, predicate: { ...statement.predicate, timeVerified: later(4000) } },
  };
  const found = codes(decide(facts(Object.values({ ...(await honest()), ahead })), prod));
  assert.ok(found.includes('claim-negative'), found.join(' '));
});

test('what was vouched for in an earlier run bounds the clock from below', async () => {
  const claims = Object.values(await honest());
  const before = { ...facts(claims), vouchedBefore: NOW.getTime() + DAY_MS };
  assert.deepEqual(codes(decide(before, prod)), ['clock-behind']);
  assert.deepEqual(codes(decide({ ...before, vouchedBefore: NOW.getTime() - DAY_MS }, prod)), []);
});

function stateFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-clock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const ANNA: TrustEntry = { name: 'anna', anchor: { kind: 'key', pem: people.anna.pem } };
const BOB: TrustEntry = { name: 'bob', anchor: { kind: 'key', pem: people.bob.pem } };

type Said = readonly [VerifiedClaim, TrustEntry];

function bundlesOf(...claims: readonly Said[]): Parameters<typeof judgeClock>[0]['bundles'] {
  const trusted = claims.map(([each, entry], at): TrustedClaim => ({
    claim: each,
    trustedBy: [entry],
    shown: `claims.jsonl:${at + 1}`,
    location: 'claims.jsonl',
    bytes: Buffer.alloc(0),
  }));
  return { signature: null, claims: trusted, findings: [], notes: [] };
}

test('plain verify: only verified times are kept, by anchor; the way out forgets them', async (t) => {
  const times = createTimeMemory(createFiles(), stateFolder(t));
  const verifyAt = async (now: Date, trust: readonly TrustEntry[], ...claims: readonly Said[]) => {
    const outcome = await judgeClock({
      shown: 'm',
      bundles: bundlesOf(...claims),
      verification: { trust, now },
      times,
    });
    return 'verdict' in outcome ? findingsOf(outcome.verdict).map(({ code }) => code) : outcome.claims.length;
  };
  const stamped = await bomAt('2026-11-03T11:00:00Z');
  const bare = { ...stamped, times: [] };
  const yearBack = new Date('2025-11-20T12:00:00Z');
  assert.equal(
    await verifyAt(yearBack, [BOB], [await approval('bob').then((each) => ({ ...each, times: [] })), BOB]).then(String),
    'clock-disagrees',
  );
  assert.equal(await verifyAt(NOW, [ANNA, BOB], [stamped, ANNA]), 1);
  assert.deepEqual(await verifyAt(yearBack, [ANNA], [bare, ANNA]), ['clock-behind'], 'without a timestamp, by memory');
  assert.deepEqual(await verifyAt(yearBack, [ANNA], [stamped, ANNA]), ['clock-behind'], 'with one, without memory too');
  assert.deepEqual(await verifyAt(yearBack, [BOB], [bare, BOB]), ['clock-disagrees'], 'another anchor was not told');
  assert.equal(await verifyAt(new Date('2036-11-20T12:00:00Z'), [ANNA], [bare, ANNA]), 1);
  assert.equal(await verifyAt(NOW, [ANNA], [bare, ANNA]), 1, 'a clock that was ahead left no trace');
  assert.equal(await times.forget(), true);
  assert.deepEqual(await verifyAt(yearBack, [ANNA], [bare, ANNA]), ['clock-disagrees']);
  assert.equal(await times.forget(), false);
});

test('a claim that states a time far ahead is left out of a plain verdict, and no other', async () => {
  const ahead = await bomAt(later(400));
  const good = await bomAt('2026-11-03T11:00:00Z');
  const verification = { trust: [ANNA], now: NOW };
  const some = await judgeClock({
    shown: 'm',
    bundles: bundlesOf([ahead, ANNA], [good, ANNA]),
    verification,
    times: undefined,
  });
  assert.ok('claims' in some && some.claims.length === 1);
  assert.match(
    'notes' in some ? some.notes.join() : '',
    /claims\.jsonl:1 states a time far ahead .* \(clock-disagrees\)/,
  );
  const none = await judgeClock({ shown: 'm', bundles: bundlesOf([ahead, ANNA]), verification, times: undefined });
  assert.ok('verdict' in none && none.verdict.exitCode === 4);
});

test('a memory that cannot be read is said, never forgotten silently', async (t) => {
  const folder = stateFolder(t);
  for (const text of ['{', '{"v":2,"times":{}}', '{"v":1,"times":{"a":"x"}}', '{"v":1,"times":{"a":1e308}}']) {
    writeFileSync(join(folder, 'times.json'), text);
    const times = createTimeMemory(createFiles(), folder);
    await assert.rejects(times.newest(['a']), { code: 'config-invalid' });
  }
});

function run(folder: string, ...words: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...BARE, HOME: folder, WEIGHMARK_STATE: join(folder, 'state') },
  });
  return { status, output: stdout + stderr };
}

test('trust forget-time, and trust update --from without a network', async (t) => {
  const folder = stateFolder(t);
  assert.match(run(folder, 'trust', 'forget-time').output, /no time was remembered/);
  await createTimeMemory(createFiles(), join(folder, 'state')).remember(new Map([['a', 1]]));
  assert.match(run(folder, 'trust', 'forget-time').output, /forgotten/);
  assert.equal(existsSync(join(folder, 'state', 'times.json')), false);

  const shipped = await publicGoodRoot(createFiles(), join(folder, 'none'));
  const root = JSON.parse(shipped) as { tlogs: object[]; certificateAuthorities: object[] };
  const brought = (name: string, content: object | string) => {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    return run(folder, 'trust', 'update', '--from', name, '--offline');
  };
  for (const [name, content] of [
    ['none.json', '{}'],
    ['old.json', { ...root, tlogs: root.tlogs.slice(0, 1) }],
    ['other.json', { ...root, certificateAuthorities: root.certificateAuthorities.slice(1) }],
  ] as const) {
    const { status, output } = brought(name, content);
    assert.equal(status, 2, output);
    assert.match(output, /error\[trust-invalid\]/);
    assert.equal(existsSync(join(folder, '.config/weighmark/sigstore/trusted_root.json')), false);
  }
  const newer = { ...root, tlogs: [...root.tlogs, root.tlogs[0]] };
  const { status, output } = brought('newer.json', newer);
  assert.equal(status, 0, output);
  assert.match(output, /refreshed/);
  assert.deepEqual(
    JSON.parse(readFileSync(join(folder, '.config/weighmark/sigstore/trusted_root.json'), 'utf8')),
    newer,
  );
});
