import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyHearing } from '../../../src/domain/authority/authority.ts';
import { hear } from '../../../src/domain/authority/speaker.ts';
import { buildPromotion } from '../../../src/domain/authority/vsa.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { paeDigest } from '../../../src/domain/claims/dsse.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { columnsOf } from '../../../src/domain/tlog/columns.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import {
  findOrphans,
  orphanFindings,
  orphansAgainst,
  type FoundOrphan,
} from '../../../src/flows/gate/earlier-policies.ts';
import { bundleFor, hex, manifest, NOW, signBundle, type Name } from '../../domain/policy/world.ts';
import { policyText } from '../gate-world.ts';

/** The story's policy with other people in roles. */
function policy(version: number, roles: Readonly<Record<string, Name>>, name = 'acme'): Buffer {
  const text = Object.entries(roles).reduce(
    (words, [role, by]) => words.replace(new RegExp(`\\n  ${role}: \\[.*\\]`), `\n  ${role}: [${by}]`),
    policyText().toString(),
  );
  return Buffer.from(text.replace('version: 1', `version: ${version}`).replace('name: acme\n', `name: ${name}\n`));
}

const M = hex('m');

function promotionOf(by: Name, bytes: Buffer, over: { passed?: boolean; about?: string } = {}): Uint8Array {
  const { passed = true, about = M } = over;
  const said = { verifier: 'v', origin: 'log', name: 'acme/enc', environment: 'staging', inputs: [], at: NOW, passed };
  const predicate = buildPromotion({ ...said, policy: parsePolicy(bytes) });
  return bundleFor({ by, type: PREDICATES.promotion, about, predicate });
}

const FAILED = (by: Name) =>
  bundleFor({ by, type: PREDICATES.evaluation, about: M, predicate: { result: 'FAILED', configuration: [] } });

function revocationBy(
  by: Name,
  action: 'revoke' | 'reinstate' = 'revoke',
  target: object = { kind: 'artifact', sha256: M },
) {
  return bundleFor({
    by,
    type: PREDICATES.revocation,
    about: M,
    predicate: { version: 1, action, target, reason: 'bad' },
  });
}

/** What nobody can read: a member twice. */
function torn(by: Name): Uint8Array {
  const text = Buffer.from(buildStatement([manifest(M)], PREDICATES.revocation, {})).toString();
  return signBundle(by, Buffer.from(`{"predicateType":"x",${text.slice(1)}`));
}

interface Held {
  readonly kind: LogLeaf['kind'] | null;
  readonly bundle: Uint8Array;
}

const as = (kind: Held['kind'], ...bundles: readonly Uint8Array[]): readonly Held[] =>
  bundles.map((bundle) => ({ kind, bundle }));

const leafOf = (kind: LogLeaf['kind'], bundle: string, name = 'acme/enc', manifestHex = M): LogLeaf => ({
  v: 1,
  kind,
  name,
  manifest: `sha256:${manifestHex}`,
  bundle: `sha256:${bundle}`,
  ...(kind === 'promotion' ? { env: 'staging' } : {}),
});

interface World {
  /** Policies that lie with the artifact. */
  readonly kept: readonly Uint8Array[];
  /** What lies with it, and how it is logged; null: it is not. */
  readonly held: readonly Held[];
  readonly before?: readonly LogLeaf[];
}

async function found(now: Buffer, { kept, held, before = [] }: World) {
  const asked: string[] = [];
  const registry = {
    attachments: async (name: string) => {
      asked.push(name);
      if (name === 'gone') throw new Error('gone');
      return Promise.resolve(name === 'acme/enc' ? kept : []);
    },
    claims: async (name: string) => Promise.resolve(name === 'acme/enc' ? held.map(({ bundle }) => bundle) : []),
  } as unknown as Registry;
  const bundles = new Map(held.map(({ bundle }) => [sha256Hex(bundle), bundle]));
  const logged = held.flatMap(({ kind, bundle }) => (kind === null ? [] : [leafOf(kind, sha256Hex(bundle))]));
  const verification = { keyless: null, now: NOW };
  const given = parsePolicy(now);
  const heard = await Promise.all(
    [...bundles.values()].map((bytes) => hear(bytes, { ...verification, trust: policyHearing(given) })),
  );
  const orphans = await findOrphans({
    registry,
    log: { origin: 'log', checkpoint: null, entries: columnsOf([...before, ...logged]) },
    policy: given,
    verification,
    bundles,
    claims: heard.flatMap((each) => (each.standing === 'named' ? [each.claim] : [])),
  });
  return { asked, orphans, names: orphans.map(({ before: { name, version } }) => `${name} ${version}`) };
}

const NOW_TEXT = policy(3, { revoker: 'rob' });

test('a promotion proves the policy that it names, and the promoters of that one those before it, eight deep', async () => {
  const promoters: readonly Name[] = ['ci', 'dana', 'anna', 'erin', 'bob', 'carol', 'glen', 'rob', 'rita', 'ci'];
  const chain = async (length: number) => {
    const kept = promoters.slice(1, length + 1).map((promoter, at) => {
      const evaluator: Name = at + 1 === length ? 'rita' : 'erin';
      const glass: Name = promoter === 'glen' ? 'ci' : 'glen';
      return policy(9, { promoter, evaluator, 'break-glass': glass }, `p${at + 1}`);
    });
    // Each names its own twice: what is proven is not asked again.
    const promotions = kept.flatMap((bytes, at) =>
      [0, 1].map((n) => promotionOf(promoters[at] ?? 'ci', bytes, { about: hex(`${n}`) })),
    );
    return (await found(NOW_TEXT, { kept, held: [...as('claim', FAILED('rita')), ...as('promotion', ...promotions)] }))
      .names;
  };
  assert.deepEqual(
    [await chain(1), await chain(2), await chain(8), await chain(9)],
    [['p1 9'], ['p2 9'], ['p8 9'], []],
  );
});

test('nothing else proves a policy: no promotion that is not logged, by no promoter, and no other claim of one', async () => {
  const other = policy(9, { evaluator: 'rita' }, 'other');
  const held = async (...promotions: readonly Held[]) =>
    (await found(NOW_TEXT, { kept: [other], held: [...as('claim', FAILED('rita')), ...promotions] })).names;
  const named = { policy: { digest: { sha256: parsePolicy(other).digest.slice('sha256:'.length) } }, result: 'PASSED' };
  assert.deepEqual(await held(...as('promotion', promotionOf('ci', other))), ['other 9']);
  for (const each of [
    as(null, promotionOf('ci', other)),
    as('claim', promotionOf('ci', other)),
    as('promotion', promotionOf('bob', other)),
    as('promotion', promotionOf('mallory', other)),
    as('promotion', bundleFor({ by: 'ci', type: PREDICATES.evaluation, about: M, predicate: named })),
  ])
    assert.deepEqual(await held(...each), []);
});

test('one that no promotion proves is asked about revocations, if it may have been before this one', async () => {
  const revoker = { revoker: 'rita' } as const;
  const under = async (kept: Buffer, ...held: readonly Held[]) => (await found(NOW_TEXT, { kept: [kept], held })).names;
  const no = as('revocation', revocationBy('rita'));
  for (const [version, name, names] of [
    [1, 'acme', ['acme 1']],
    [3, 'acme', ['acme 3']],
    [4, 'acme', []],
    [1, 'other', []],
  ] as const) {
    assert.deepEqual(await under(policy(version, revoker, name), ...no), names, `${name} ${version}`);
    const bytes = policy(version, revoker, name);
    const proven = as('promotion', promotionOf('ci', bytes));
    assert.deepEqual(await under(bytes, ...no, ...proven), [`${name} ${version}`], 'proven');
  }
  assert.deepEqual(await under(policy(1, { evaluator: 'rita' }), ...as('claim', FAILED('rita'))), []);
  const undone = ['rita', 'rob'] as const;
  const both = policyText();
  assert.deepEqual(await under(both, ...no), ['acme 1']);
  const again = undone.map((by) => revocationBy(by, 'reinstate'));
  assert.deepEqual(await under(both, ...no, ...as('revocation', ...again)), [], 'taken back then');
});

test('a no is told by what is proven, and of those by the newest that heard it, in whichever order they lie', async () => {
  const revoker = { revoker: 'rita' } as const;
  const [one, two] = [policy(1, revoker), policy(2, revoker)];
  const no = as('revocation', revocationBy('rita'));
  for (const kept of [
    [one, two],
    [two, one],
  ]) {
    assert.deepEqual((await found(NOW_TEXT, { kept, held: no })).names, ['acme 2']);
    const proven = as('promotion', promotionOf('ci', one));
    assert.deepEqual((await found(NOW_TEXT, { kept, held: [...no, ...proven] })).names, ['acme 1']);
  }
});

test('looked at are where the no lies, then the two hundred newest places; one that cannot be read hides no other', async () => {
  const old = leafOf('revocation', hex('old'), 'old', hex('old'));
  const since = Array.from({ length: 200 }, (_, at) =>
    leafOf('promotion', hex(`b${at}`), at === 7 ? 'gone' : `p${at}`, hex(`${at}`)),
  );
  const kept = [policy(1, { revoker: 'rita' })];
  const world = { kept, held: as('revocation', revocationBy('rita')), before: [old, ...since] };
  const { asked, names } = await found(NOW_TEXT, world);
  assert.deepEqual(names, ['acme 1']);
  // The own place is one of the newest: of the others one falls out.
  const newest = since.slice(1).map(({ name }) => name);
  assert.deepEqual(asked, ['acme/enc', ...newest.toReversed()]);
});

test('a no that is heard today, or that its own signer may say, has no earlier policy looked for', async () => {
  const kept = [policy(1, { revoker: 'rita' })];
  const asked = async (...held: readonly Held[]) => (await found(NOW_TEXT, { kept, held })).asked.length;
  const yes = bundleFor({ by: 'rita', type: PREDICATES.evaluation, about: M, predicate: { result: 'PASSED' } });
  const pae = paeDigest(parseBundle(yes).payload);
  const own = revocationBy('rita', 'revoke', { kind: 'claim', sha256: sha256Hex(yes), pae });
  assert.deepEqual(
    [
      await asked(...as('revocation', revocationBy('rob'))),
      await asked(...as('claim', FAILED('erin'))),
      await asked(...as('claim', yes)),
      await asked(...as('claim', yes), ...as('revocation', own)),
      await asked(...as('revocation', revocationBy('rita'))),
      await asked(...as('claim', FAILED('mallory'))),
      await asked(...as('promotion', torn('rita'))),
      await asked(...as('claim', torn('rita'))),
    ],
    [0, 0, 0, 0, 1, 1, 0, 1],
  );
});

test('a withdrawal by who promotes no more stands in its place alone', async () => {
  const [then, now] = [policy(1, {}), policy(3, { promoter: 'dana' })];
  const held = [
    ...as('promotion', promotionOf('dana', then)),
    ...as('promotion', promotionOf('ci', then, { passed: false })),
  ];
  const { orphans } = await found(now, { kept: [then], held });
  const concerned = (name: string, environment: string) =>
    orphanFindings(orphans, { digests: [], name, environment: { name: environment }, lineage: new Set() }).map(
      ({ message }) => message,
    );
  assert.deepEqual(concerned('acme/enc', 'staging'), [
    'acme/enc was withdrawn from staging by ci, whom the policy hears no more',
  ]);
  assert.deepEqual([concerned('acme/dec', 'staging'), concerned('acme/enc', 'prod')], [[], []]);
});

test('of what is orphaned a decision is told what is about it: every revocation, else its own digests and what it asks for', () => {
  const of = (type: string): FoundOrphan =>
    ({
      orphan: {
        claim: { statement: { predicateType: type, subject: [manifest(M)] } },
        by: 'rita',
        entry: null,
        what: 'x',
      },
      before: parsePolicy(policyText()),
    }) as unknown as FoundOrphan;
  const told = (type: string, over: object = {}, environment: object = {}) =>
    orphanFindings([of(type)], {
      digests: [hex('other')],
      name: 'n',
      environment: { name: 'e', ...environment },
      lineage: new Set(),
      ...over,
    }).length;
  const lineage = { lineage: new Set([`sha256:${M}`]) };
  const asks = { datasets: { require: ['reference'] } };
  assert.deepEqual(
    [
      told(PREDICATES.revocation),
      told(PREDICATES.evaluation),
      told(PREDICATES.evaluation, { digests: [hex('other'), M] }),
      told(PREDICATES['removed-records']),
      told(PREDICATES['removed-records'], {}, { removedRecords: 'refuse' }),
      told(PREDICATES['records-check'], lineage),
      told(PREDICATES['records-check'], lineage, { datasets: {} }),
      told(PREDICATES['records-check'], {}, asks),
      told(PREDICATES['records-check'], lineage, asks),
      told(PREDICATES.promotion),
    ],
    [1, 0, 1, 0, 1, 0, 0, 0, 1, 0],
  );
});

test('what cannot be read is orphaned where it was open: by how it is logged, by whom, and under which policy', async () => {
  const then = policyText();
  const left = Buffer.from(
    NOW_TEXT.toString()
      .replace(/\n {2}(?:rita|bob): .*/g, '')
      .replace('[bob, carol]', '[carol]'),
  );
  const about = { name: 'acme/enc', environment: { name: 'staging' }, lineage: new Set<string>() };
  const under = async (...held: readonly Held[]) => {
    const { orphans } = await found(left, { kept: [then], held });
    return orphans.map((each) => {
      const { by, what, target, entry } = each.orphan;
      assert.deepEqual([target, what.includes(`entry ${entry?.index},`)], [null, true]);
      const toldOf = [[M], [hex('other')]].map((digests) => orphanFindings([each], { ...about, digests }).length);
      return `${entry?.leaf.kind} by ${by}: ${toldOf.join()}`;
    });
  };
  const proof = as('promotion', promotionOf('ci', then));
  const rita = torn('rita');
  const pae = paeDigest(parseBundle(rita).payload);
  const lift = revocationBy('rob', 'revoke', { kind: 'claim', sha256: sha256Hex(rita), pae });
  for (const [held, names] of [
    [as('revocation', rita), ['revocation by rita: 1,1']],
    [as('claim', rita), []],
    [[...as('claim', rita), ...as('revocation', rita)], ['revocation by rita: 1,1']],
    [[...as('claim', rita), ...proof], ['claim by rita: 1,0']],
    [[...as('promotion', rita), ...proof], []],
    [[...as('revocation', rita, lift), ...proof], []],
    [[...as('claim', torn('bob')), ...proof], []],
    [[...as('revocation', torn('mallory')), ...proof], []],
    [[...as('revocation', torn('rob')), ...proof], []],
  ] as const)
    assert.deepEqual(await under(...held), names, held.map(({ kind }) => kind).join());
});

test('as many claims as one registry may have are asked about, and no more', async () => {
  const names = Array.from({ length: 4 }, (_, at) => `n${at}`);
  const entries = columnsOf(names.map((name) => leafOf('push', hex('x'), name)));
  const checkpoint = `log\n${names.length}\n${Buffer.alloc(32).toString('base64')}\n\n— log ${Buffer.alloc(68).toString('base64')}\n`;
  const ask = async (each: number) => {
    const claims = async (name: string) =>
      Promise.resolve(Array.from({ length: each }, (_, at) => Buffer.from(`${name} ${at}`)));
    const log = { origin: 'log', read: async () => Promise.resolve({ checkpoint, entries }) };
    const registry = { claims, log } as unknown as Registry;
    const now = parsePolicy(NOW_TEXT);
    const verification = {
      now: NOW,
      get keyless(): null {
        throw new Error('none too many');
      },
    };
    return orphansAgainst(now, { registry, policy: now, verification });
  };
  await assert.rejects(ask(25_000), { message: 'none too many' });
  await assert.rejects(ask(25_001), { code: 'claims-limit' });
});
