import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { BARE, PROGRAM } from '../program.ts';
import { heldToSchema } from './schema.ts';

const FOLDER = 'fixtures/weights/kin';
const run = (...args: readonly string[]) =>
  spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8', env: BARE });

test('kin says the likeliest base, and its JSON is what its schema says', () => {
  const { stdout, status } = run('kin', `${FOLDER}/lora`, '--against', `${FOLDER}/other`, `${FOLDER}/base`, '--json');
  assert.equal(status, 0);
  assert.equal(heldToSchema('kin', stdout)['likeliest'], `${FOLDER}/base`);
});

test('kin as text: numbers of each, what it does not show, the answer last', () => {
  const { stdout, status } = run('kin', '-v', `${FOLDER}/lora`, '--against', `${FOLDER}/base`);
  assert.equal(status, 0);
  assert.match(stdout, /rank of the change about 4/);
  assert.match(stdout, /layer 1: 7 of 7 matrices alike/);
  assert.match(stdout, /not which of the two came first/);
  assert.match(stdout, /LIKELIEST BASE: .*lora and .*base: kin\n$/);
  const other = run('kin', `${FOLDER}/other`, '--against', `${FOLDER}/base`);
  assert.equal(other.status, 1);
  assert.match(other.stdout, /NOT KIN: /);
});

test('derive says by JSON what was merged, as its schema has it', () => {
  const folder = 'fixtures/weights/merges';
  const models = ['--from', `${folder}/base`, '--step', 'merge', '--with', `${folder}/a`, `${folder}/b`];
  const merge = run('derive', `${folder}/ties`, ...models, '--json');
  assert.equal(merge.status, 0);
  assert.equal(heldToSchema('derive', merge.stdout)['word'], 'recomputed');
  const at = 'fixtures/weights/adapters/bf16';
  const adapter = run('derive', `${at}/child`, '--from', `${at}/base`, '--with', `${at}/adapter`, '--json');
  assert.equal(adapter.status, 0);
  assert.equal(heldToSchema('derive', adapter.stdout)['step'], 'adapter-merge');
});
