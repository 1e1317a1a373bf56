import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildRemovedRecords } from '../../../src/domain/claims/removed-records.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { exitOf } from '../../../src/domain/base/verdict.ts';
import { formatRemovals } from '../../../src/domain/records/removals.ts';
import { hashText, proveRemoved } from '../../../src/flows/data/prove.ts';
import {
  bomOf,
  claim,
  D0,
  decide,
  facts,
  hex,
  honest,
  manifest,
  policy,
  type Name,
} from '../../domain/policy/world.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const reading = { reading: { format: 'jsonl', profile: 'typed' }, hashing: 'open', key: null } as const;
const hash = (id: number): string => Buffer.from(hashText(JSON.stringify({ id }), reading, null).hash).toString('hex');
const D1 = hex('d1');
const rules = policy('\n  - name: prod\n    removedRecords: refuse');

let made = 0;

/** A dataset's description that binds its roots, and the proof that it is without some records. */
async function described(digest: string, ids: readonly number[], without: readonly number[], by: Name = 'dana') {
  const root = await world.make(
    `r${made++}.jsonl`,
    ids.map((id) => ({ id })),
  );
  const text = readFileSync(`${root}.weighmark/records`, 'utf8');
  const about = [manifest(digest, 'acme/data'), subject('list', '.weighmark/records', sha256Hex(text))];
  const bom = await claim({ by, type: PREDICATES.bom, about, predicate: bomOf('MIT') });
  const list = join(world.folder, `list${made}`);
  writeFileSync(list, formatRemovals({ key: null, records: without.map(hash) }));
  const proof = () => proveRemoved({ root, list }, world.ports);
  return { bom, proof };
}

const absence = (digest: string, predicate: Readonly<Record<string, unknown>>, by: Name = 'dana') =>
  claim({ by, type: PREDICATES['records-absence'], about: digest, predicate: { ...predicate }, name: 'acme/data' });

const removal = (by: Name, records: readonly number[], hashing: 'open' | 'keyed' = 'open', key: string | null = null) =>
  claim({
    by,
    type: PREDICATES['removed-records'],
    about: hex('an earlier version'),
    predicate: { ...buildRemovedRecords({ hashing, key, profile: 'typed', records: records.map(hash) }) },
    name: 'acme/data',
  });

const outcome = (claims: readonly VerifiedClaim[], under = rules): readonly string[] =>
  findingsOf(decide(facts(claims), under)).map(
    (finding) => `${finding.code} ${exitOf(finding)} ${finding.subject?.slice(7, 11)}`,
  );

test('removed records: refused where a dataset of the lineage holds one, undecided where nothing shows it, passed where proofs do', async () => {
  const chain = Object.values(await honest());
  assert.deepEqual(outcome(chain), [], 'nobody wants anything removed');
  const wanted = await removal('rita', [7, 5000]);
  const both = [D0, D1].toSorted().map((digest) => `removed-record 4 ${digest.slice(0, 4)}`);
  assert.deepEqual(outcome([...chain, wanted]), both, 'nothing shows it of either');
  assert.deepEqual(outcome([...chain, wanted], policy('\n  - name: prod')), [], 'the policy does not ask');

  const [clean, also] = [await described(D0, [1, 2, 3], [7, 5000]), await described(D1, [8, 9], [7, 5000])];
  const shown = [clean.bom, also.bom, await absence(D0, await clean.proof())];
  assert.deepEqual(outcome([...chain, wanted, ...shown]), [`removed-record 4 ${D1.slice(0, 4)}`]);
  const all = [...shown, await absence(D1, await also.proof(), 'anna')];
  assert.deepEqual(outcome([...chain, wanted, ...all]), [], 'a proof speaks for itself, whoever brings it');
  assert.deepEqual(
    outcome([...chain, wanted, await removal('rob', [8]), ...all]),
    both,
    'a longer list needs more proofs',
  );
});

test('removed records: a proof counts against roots that were signed alone; lists by others, and in other hashes, are no proof', async () => {
  const chain = Object.values(await honest());
  const wanted = await removal('rita', [7]);
  const [clean, dirty] = [await described(D0, [1], [7]), await described(D1, [7, 8], [9])];
  const also = await absence(D0, await clean.proof());
  const of = (...more: readonly VerifiedClaim[]) => outcome([...chain, wanted, clean.bom, also, ...more]);
  const undecided = [`removed-record 4 ${D1.slice(0, 4)}`];
  assert.deepEqual(of(dirty.bom), undecided);
  await assert.rejects((await described(D1, [7], [7])).proof(), { code: 'removed-record' });
  const foreign = await described(D1, [8], [7], 'mallory');
  assert.deepEqual(of(foreign.bom, await absence(D1, await foreign.proof())), undecided, 'bound by nobody');
  const other = await described(D1, [8], [7], 'erin');
  assert.deepEqual(of(dirty.bom, await absence(D1, await other.proof())), undecided, 'roots of another dataset');
  assert.deepEqual(
    of(other.bom, await absence(D1, await other.proof())),
    undecided,
    'bound by an evaluator, who may not',
  );
  assert.deepEqual(outcome([...chain, await removal('erin', [7])]), [], 'an evaluator removes nothing');
  assert.equal(outcome([...chain, await removal('rita', [7], 'keyed'), clean.bom, also]).length, 2, 'other hashes');
  const wantedByText = await claim({
    by: 'rita',
    type: PREDICATES['removed-records'],
    about: D0,
    predicate: { ...buildRemovedRecords({ hashing: 'open', key: null, profile: 'text', records: [hash(7)] }) },
  });
  assert.equal(outcome([...chain, wantedByText, clean.bom, also]).length, 2, 'another profile');
  const broken = await claim({ by: 'rita', type: PREDICATES['removed-records'], about: D0, predicate: { records: 7 } });
  assert.deepEqual(
    outcome([...chain, broken]).map((each) => each.slice(0, 17)),
    ['claim-malformed 4'],
  );
});

test('removed records: the proof that shows one present refuses', async () => {
  const chain = Object.values(await honest());
  const held = await described(D0, [7, 8], [9]);
  const proof = (await held.proof()) as { roots: string; proofs: object[] };
  const { prove } = await import('../../../src/flows/data/prove.ts');
  const root = join(world.folder, `r${made - 1}.jsonl`);
  const present = await prove(
    { root, secret: null, asked: { by: 'hash', hash: Buffer.from(hash(7), 'hex') } },
    world.ports,
  );
  const { formatProof } = await import('../../../src/domain/records/proof.ts');
  const predicate = { roots: proof.roots, proofs: [JSON.parse(formatProof(present.proof)) as object] };
  const claims = [...chain, await removal('rita', [7]), held.bom, await absence(D0, predicate)];
  assert.ok(outcome(claims).includes(`removed-record 1 ${D0.slice(0, 4)}`), outcome(claims).join());
});

test('removed records: by a revoker lost since it is open, unless proofs show them gone; what is shown is evidence', async () => {
  const chain = Object.values(await honest());
  const target = { kind: 'principal', name: 'rita', since: '2026-11-01T00:00:00Z' };
  const predicate = { version: 1, action: 'revoke', target, reason: 'left' };
  const lost = await claim({ by: 'rob', type: PREDICATES.revocation, about: D0, predicate });
  const judged = (...more: readonly VerifiedClaim[]) =>
    decide(facts([...chain, ...more], { revocations: [{ claim: lost, index: 1 }] }), rules);
  const wanted = await removal('rita', [7]);
  const codes = (...more: readonly VerifiedClaim[]) =>
    findingsOf(judged(wanted, ...more)).map((finding) => `${finding.code} ${exitOf(finding)}`);
  assert.deepEqual(codes(), ['denial-unconfirmed 4', 'denial-unconfirmed 4'], 'of each dataset, once');
  const [clean, also] = [await described(D0, [1], [7]), await described(D1, [8], [7])];
  const shown = [clean.bom, also.bom, await absence(D0, await clean.proof()), await absence(D1, await also.proof())];
  assert.deepEqual(codes(...shown), []);
  const said = ({ checks }: ReturnType<typeof decide>) =>
    checks.find(({ name }) => name === 'removed-records')?.evidence.map(({ what }) => what);
  assert.deepEqual(said(judged(wanted, ...shown)), ['1 removed record in none of 2 datasets']);
  assert.deepEqual(said(judged()), ['nobody wants a record removed']);
});

test('removed records: what is open names the record, and the key that its hash was made with', async () => {
  const chain = Object.values(await honest());
  const facing = async (...list: Parameters<typeof removal>) =>
    findingsOf(decide(facts([...chain, await removal(...list)]), rules)).map(({ facts: told }) => told);
  const record = `blake3:${hash(7)}`;
  assert.deepEqual(await facing('rita', [7]), [{ record }, { record }]);
  const key = hex('a key');
  const keyed = { record, key };
  assert.deepEqual(await facing('rita', [7], 'keyed', key), [keyed, keyed]);
});
