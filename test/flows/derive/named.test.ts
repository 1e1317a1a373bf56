import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import { derived } from './folders.ts';

type Model = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;

const [ROWS, COLUMNS] = [20, 8];
let seed = 1;
function random(...shape: number[]): { shape: number[]; values: Float32Array } {
  const next = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  return { shape, values: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, next) };
}

const BODY = [0, 1].flatMap((layer) =>
  ['q', 'k'].map((part) => [`model.layers.${layer}.${part}_proj.weight`, random(COLUMNS, COLUMNS)] as const),
);
const EMBEDDING = random(ROWS, COLUMNS);
const TIED: Model = new Map([['model.embed_tokens.weight', EMBEDDING], ...BODY]);
const BOTH: Model = new Map([...TIED, ['lm_head.weight', EMBEDDING]]);
const UNTIED: Model = new Map([...TIED, ['lm_head.weight', random(ROWS, COLUMNS)]]);

/** A folder with the model as safetensors. */
function saved(model: Model): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-named-'));
  let at = 0;
  const header = Object.fromEntries(
    [...model].map(([name, { shape, values }]) => {
      const offsets = [at, (at += values.byteLength)];
      return [name, { dtype: 'F32', shape, data_offsets: offsets }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = [...model.values()].map(({ values }) => Buffer.from(values.buffer));
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([length, text, ...data]));
  return folder;
}

const asked = (child: Model, parent: Model): Promise<DeriveOutcome> => derived(saved(child), saved(parent));
const called = (model: Model, rename: (name: string) => string): Model =>
  new Map([...model].map(([name, tensor]) => [rename(name), tensor]));
const withRows = (rows: number, fill: number): { shape: number[]; values: Float32Array } => {
  const values = new Float32Array(rows * COLUMNS).fill(fill);
  values.set(EMBEDDING.values.subarray(0, rows * COLUMNS));
  return { shape: [rows, COLUMNS], values };
};

test('wrappers that training code puts before names make no difference, on either side', async () => {
  for (const prefix of ['_orig_mod.', 'module.', 'base_model.model.', 'module._orig_mod.']) {
    const wrapped = called(UNTIED, (name) => prefix + name);
    for (const [child, parent] of [
      [wrapped, UNTIED],
      [UNTIED, wrapped],
    ] as const)
      assert.deepEqual([(await asked(child, parent)).word, prefix], ['equal', prefix]);
  }
  const bare = called(UNTIED, (name) => name.replace(/^model\./, ''));
  const { word, tensors } = await asked(bare, UNTIED);
  assert.equal(word, 'equal');
  assert.ok(
    tensors.some(({ name, from }) => name === 'embed_tokens.weight' && from[0] === 'model.embed_tokens.weight'),
  );
});

test('an output that is tied is kept once or twice; one that is another is not from the parent', async () => {
  assert.deepEqual([(await asked(TIED, BOTH)).word, (await asked(BOTH, TIED)).word], ['equal', 'recomputed']);
  const { word, tensors } = await asked(UNTIED, TIED);
  assert.equal(word, 'not from the parent');
  assert.deepEqual(
    tensors.filter((each) => each.word === 'not from the parent').map(({ name }) => name),
    ['lm_head.weight'],
  );
  assert.deepEqual((await asked(TIED, UNTIED)).missing, ['lm_head.weight']);
});

test('a vocabulary is cut or filled up with zeros; rows that somebody chose are undecided, and rows that were changed found', async () => {
  const other = (tensor: { shape: number[]; values: Float32Array }): Model =>
    new Map([...TIED, ['model.embed_tokens.weight', tensor]]);
  assert.equal((await asked(other(withRows(16, 0)), TIED)).word, 'recomputed');
  assert.equal((await asked(other(withRows(32, 0)), TIED)).word, 'recomputed');
  const chosen = await asked(other(withRows(32, 0.25)), TIED);
  assert.deepEqual([chosen.word, chosen.verdict.exitCode], ['undecided', 4]);
  const changed = withRows(32, 0);
  changed.values[5 * COLUMNS] = 1;
  assert.equal((await asked(other(changed), TIED)).word, 'not from the parent');
  const longer: Model = new Map([...TIED, ['model.layers.0.q_proj.weight', random(9, COLUMNS)]]);
  assert.equal((await asked(longer, TIED)).word, 'not from the parent', 'no vocabulary');
});

test('buffers that a model computes come and go; a tensor that is added or missing is told', async () => {
  const buffer: Model = new Map([...TIED, ['model.layers.0.self_attn.rotary_emb.inv_freq', random(4)]]);
  assert.deepEqual([(await asked(TIED, buffer)).word, (await asked(buffer, TIED)).word], ['equal', 'undecided']);
  const added: Model = new Map([...TIED, ['model.layers.0.extra.weight', random(4, 4)]]);
  assert.equal((await asked(added, TIED)).word, 'not from the parent');
  assert.equal((await asked(TIED, added)).word, 'not from the parent');
});

test('tensors that were swapped are found at both; where every name is another nothing is said', async () => {
  const [a, b] = ['model.layers.0.q_proj.weight', 'model.layers.1.q_proj.weight'] as const;
  const swapped = called(TIED, (name) => (name === a ? b : name === b ? a : name));
  const found = (await asked(swapped, TIED)).tensors.filter(({ word }) => word === 'not from the parent');
  assert.deepEqual(found.map(({ name }) => name).toSorted(), [a, b]);
  let number = 0;
  assert.equal(
    (
      await asked(
        called(TIED, () => `w${number++}`),
        TIED,
      )
    ).word,
    'undecided',
  );
});
