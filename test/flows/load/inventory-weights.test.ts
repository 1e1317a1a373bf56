import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { InventoryItem } from '../../../src/flows/load/inventory-types.ts';
import { heldToSchema } from '../../cli/schema.ts';
import { BARE, PROGRAM } from '../../program.ts';

const CONTAINERS = resolve('fixtures/weights/containers');
/** Of every container with the plain tensors (fixtures/weights/expected.json). */
const { roots } = JSON.parse(readFileSync('fixtures/weights/expected.json', 'utf8')) as {
  roots: Readonly<Record<string, { readonly set: string }>>;
};
const ROOT = roots['plain.safetensors']?.set ?? '';

test('weights have one identity in every container: from a seal without reading, by --hash of anything; feeds know them', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-inventory-weights-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { ...BARE, HOME: folder, XDG_CONFIG_HOME: join(folder, '.config') };
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...words], { cwd: folder, env, encoding: 'utf8' });
  const take = (...words: readonly string[]) => {
    const { status, stdout, stderr } = run('inventory', '--no-stores', 'sealed', 'plain', 'other', ...words, '--json');
    assert.ok(stdout.startsWith('{'), stderr);
    const { items } = heldToSchema('inventory', stdout) as unknown as { items: readonly InventoryItem[] };
    return { status, items };
  };
  const shown = ({ items }: { items: readonly InventoryItem[] }) =>
    items.map(({ name, weights }) => [name, weights.map(({ root, from }) => `${from} ${root}`)]);
  for (const [place, file, name] of [
    ['sealed', 'plain.safetensors', 'model.safetensors'],
    ['plain', 'plain.gguf', 'model.gguf'],
    ['other', 'other-one-bit.safetensors', 'model.safetensors'],
  ] as const) {
    mkdirSync(join(folder, place));
    copyFileSync(join(CONTAINERS, file), join(folder, place, name));
  }
  assert.equal(run('keygen', 'anna', '--no-password').status, 0);
  assert.equal(run('seal', 'sealed', '--key', 'anna.key').status, 0);
  const quick = take();
  assert.deepEqual(
    quick.items.flatMap(({ weights }) => weights.map(({ root, from }) => `${from} ${root}`)),
    [`sealed ${ROOT}`],
  );
  const read = shown(take('--hash'));
  assert.equal(read.filter(([, weights]) => weights?.includes(`hashed ${ROOT}`)).length, 2, 'another container');
  const entry = `{ id: W-1, title: backdoor, severity: critical, weights: ["${ROOT}"] }`;
  writeFileSync(join(folder, 'feed.yaml'), `weighmark-feed: 1\nentries:\n  - ${entry}\n`);
  for (const [more, count] of [
    [[], 1],
    [['--hash'], 2],
  ] as const) {
    const { status, items } = take('--feed', 'feed.yaml', ...more);
    assert.deepEqual([status, items.filter(({ known }) => known.length > 0).length], [1, count]);
  }
  // A list beside other files is not theirs.
  writeFileSync(join(folder, 'sealed', 'more.json'), '{}');
  assert.deepEqual(
    take().items.flatMap(({ weights }) => weights),
    [],
  );
});
