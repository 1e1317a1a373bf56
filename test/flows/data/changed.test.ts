import assert from 'node:assert/strict';
import { cpSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProof } from '../../../src/domain/records/proof.ts';
import { formatRemovals } from '../../../src/domain/records/removals.ts';
import { checkProofFile } from '../../../src/flows/data/check-proof.ts';
import { verifyDisjoint, verifyRemoved } from '../../../src/flows/data/check-derivation.ts';
import { diffDatasets } from '../../../src/flows/data/diff.ts';
import { collectIndexes } from '../../../src/flows/data/gc.ts';
import { prove, proveRemoved } from '../../../src/flows/data/prove.ts';
import { sidecarsOf } from '../../../src/domain/base/paths.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const rows = [{ id: 1 }, { id: 2 }];
const proveOf = (root: string) => prove({ root, secret: null, asked: { by: 'text', text: '{"id":1}' } }, world.ports);
const rootsOf = (root: string) => sidecarsOf({ root, kind: 'file' }).records;

async function proofOf(root: string): Promise<string> {
  const proof = `${root}.proof`;
  writeFileSync(proof, formatProof((await proveOf(root)).proof));
  return proof;
}

test('after a file changed, everything that answers for it from its index refuses alike', async () => {
  const root = await world.make('changed.jsonl', rows);
  const other = await world.make('other.jsonl', [{ id: 9 }]);
  const proof = await proofOf(root);
  const list = join(world.folder, 'removed');
  writeFileSync(list, formatRemovals({ key: null, records: ['0'.repeat(64)] }));
  const check = (roots: string) => checkProofFile({ proof, roots, record: null, before: null }, world.ports);
  assert.equal((await check(root)).proven.kind, 'present');
  writeFileSync(root, '{"id":1}\n{"id":3}\n');
  utimesSync(root, 1_000_000, 1_000_000);
  const asks: Readonly<Record<string, () => Promise<unknown>>> = {
    prove: () => proveOf(root),
    check: () => check(root),
    diff: () => diffDatasets({ a: root, b: other, key: [], label: null, show: false }, world.ports),
    against: () => verifyDisjoint([other, root], 'both', world.ports),
    removed: () => verifyRemoved(root, list, 'root', world.ports),
    absence: () => proveRemoved({ root, list }, world.ports),
  };
  for (const [name, ask] of Object.entries(asks)) await assert.rejects(ask, { code: 'file-changed' }, name);
  await assert.rejects(proveOf(root), { hint: `index it again: \`weighmark dataset index ${root}\`` });
  assert.equal(
    (await check(rootsOf(root))).proven.kind,
    'present',
    'a file of roots says what was signed, not what lies there',
  );
});

test('one of other size and the same time changed too; indexed again, it answers', async () => {
  const root = await world.make('size.jsonl', rows);
  utimesSync(root, 1_000_000, 1_000_000);
  await world.index(root);
  assert.equal((await proveOf(root)).seen, true);
  writeFileSync(root, '{"id":1}\n');
  utimesSync(root, 1_000_000, 1_000_000);
  await assert.rejects(proveOf(root), { code: 'file-changed' });
  await world.index(root);
  assert.equal((await proveOf(root)).seen, true);
});

test('a copy with its roots answers, and it is told that nobody saw it indexed there', async () => {
  const root = await world.make('first.jsonl', rows);
  const copy = join(world.folder, 'copy.jsonl');
  cpSync(root, copy);
  cpSync(rootsOf(root), rootsOf(copy));
  assert.equal((await proveOf(copy)).seen, false);
  assert.equal((await proveOf(root)).seen, true);
  const diff = await diffDatasets({ a: root, b: copy, key: [], label: null, show: false }, world.ports);
  assert.deepEqual(diff.unseen, [copy]);
});

test('what was noted of files goes with their index', async () => {
  const own = dataWorld();
  const root = await own.make('gone.jsonl', rows);
  const kept = () =>
    readdirSync(join(own.folder, 'cache', 'weighmark', 'records')).map((name) => name.replace(/^.*\./, ''));
  assert.deepEqual(kept().toSorted(), ['idx', 'seen']);
  await collectIndexes({ roots: (await own.index(root)).roots }, own.ports.records, new Date(0));
  assert.deepEqual(kept(), []);
});
