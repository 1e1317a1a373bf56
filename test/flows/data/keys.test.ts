import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyId } from '../../../src/domain/records/keys.ts';
import { formatRemovals } from '../../../src/domain/records/removals.ts';
import { formatRoots, parseRoots } from '../../../src/domain/records/roots.ts';
import { verifyRemoved } from '../../../src/flows/data/check-derivation.ts';
import { confirmRoots } from '../../../src/flows/data/confirm.ts';
import { indexDataset } from '../../../src/flows/data/index-dataset.ts';
import { prove, proveRemoved } from '../../../src/flows/data/prove.ts';
import { withDatasets } from '../../../src/flows/data/indexed.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const [ours, others] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const [key, other] = [keyId(ours) ?? '', keyId(others) ?? ''];
const told = { code: 'secret-mismatch', facts: { key, given: other } };
let made = 0;

async function keyed(secret: Uint8Array | null = ours): Promise<string> {
  const root = join(world.folder, `k${made++}.jsonl`);
  writeFileSync(root, '{"id":1}\n{"id":2}\n');
  await indexDataset({ root, declared: {}, secret, keep: true }, world.ports);
  return root;
}

const rootsFile = (root: string): string => `${root}.weighmark/records`;

/** As version 1 wrote roots under a key, which it did not name; with their index. */
async function unnamed(): Promise<string> {
  const root = await keyed();
  const roots = parseRoots(readFileSync(rootsFile(root)));
  const index = readFileSync(world.ports.records.locationOf(roots));
  const old = { ...roots, key: null };
  const text = Buffer.from(formatRoots(old));
  const header = Buffer.from(index.subarray(0, 64));
  header.writeUInt32LE(text.length, 16);
  const body = index.subarray(64, index.length - Buffer.from(formatRoots(roots)).length);
  writeFileSync(world.ports.records.locationOf(old), Buffer.concat([header, body, text]));
  writeFileSync(rootsFile(root), text);
  return root;
}

const asked = (id: number) => ({ by: 'text', text: JSON.stringify({ id }) }) as const;

test('roots name the key, and give nothing of it away', async () => {
  const text = readFileSync(rootsFile(await keyed()), 'utf8');
  assert.match(text, /^weighmark-records\/2\n/);
  assert.equal(parseRoots(text).key, key);
  assert.doesNotMatch(text, new RegExp(ours.toString('hex')));
  const open = readFileSync(rootsFile(await keyed(null)), 'utf8');
  assert.match(open, /^weighmark-records\/1\n/);
  for (const wrong of [
    text.replace('/2', '/1'),
    open.replace('/1', '/2'),
    text.replace(key, key.slice(1)),
    text.replace('"hashing":"keyed"', '"hashing":"open"'),
  ])
    assert.throws(() => parseRoots(wrong), { code: 'format-invalid' });
});

test('a wrong key is named, and nothing is absent under it', async () => {
  const root = await keyed();
  const tree = await world.ports.files.walk(root, { allowSymlinks: true });
  const ports = { ...world.ports, records: () => Promise.resolve(world.ports.records) };
  for (const id of [1, 3]) await assert.rejects(prove({ root, secret: others, asked: asked(id) }, world.ports), told);
  await assert.rejects(confirmRoots(tree, others, ports), told);
  assert.equal(await confirmRoots(tree, ours, ports), readFileSync(rootsFile(root), 'utf8'));
  assert.equal((await prove({ root, secret: ours, asked: asked(3) }, world.ports)).proven.kind, 'absent');
  const two = [root, await keyed(others)];
  await assert.rejects(
    withDatasets(two, world.ports, () => null),
    { code: 'usage', facts: { keys: `${key} ${other}` } },
  );
});

test('roots of version 1 are read as they were; absence is not shown by text where they do not name their key', async () => {
  const root = await unnamed();
  assert.equal((await prove({ root, secret: ours, asked: asked(2) }, world.ports)).proven.kind, 'present');
  for (const secret of [ours, others])
    await assert.rejects(prove({ root, secret, asked: asked(3) }, world.ports), { code: 'secret-mismatch' });
  const tree = await world.ports.files.walk(root, { allowSymlinks: true });
  const ports = { ...world.ports, records: () => Promise.resolve(world.ports.records) };
  assert.equal(await confirmRoots(tree, ours, ports), readFileSync(rootsFile(root), 'utf8'));
  await assert.rejects(confirmRoots(tree, others, ports), { code: 'digest-mismatch' });
});

test('a list of removed records says under which key; another one says nothing', async () => {
  const [root, open, old] = [await keyed(), await keyed(null), await unnamed()];
  const list = join(world.folder, 'list');
  const write = (named: string | null): void =>
    writeFileSync(list, formatRemovals({ key: named, records: ['0'.repeat(64)] }));
  const passes = async (dataset: string): Promise<void> => {
    assert.equal((await verifyRemoved(dataset, list, 'x', world.ports)).outcome, 'verified');
    await proveRemoved({ root: dataset, list }, world.ports);
  };
  const fails = async (dataset: string): Promise<void> => {
    await assert.rejects(verifyRemoved(dataset, list, 'x', world.ports), { code: 'secret-mismatch' });
    await assert.rejects(proveRemoved({ root: dataset, list }, world.ports), { code: 'secret-mismatch' });
  };
  write(key);
  await passes(root);
  await fails(open);
  await fails(old);
  write(other);
  await fails(root);
  write(null);
  await fails(root);
  await passes(open);
  await passes(old);
});
