import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONVERTERS, converterOf, renamer } from '../../../src/domain/derive/converters.ts';
import { rowsOf, stacked, transposed, viewOf, type View } from '../../../src/domain/derive/view.ts';
import { isAtLeast, weakest } from '../../../src/domain/derive/verdict.ts';
import { bytesSource } from '../../../src/domain/formats/index.ts';

test('every architecture is in the table once, and every rule of it can be matched', () => {
  const names = CONVERTERS.flatMap(({ architectures }) => architectures);
  assert.equal(new Set(names).size, names.length);
  for (const converter of CONVERTERS) {
    const rename = renamer(converter);
    for (const { from, to } of converter.rules) {
      const name = from.replace('{n}', '11').replace('{e}', '3');
      assert.equal(rename(`${name}.weight`)?.to, `${to.replace('{n}', '11')}.weight`);
    }
  }
  assert.equal(converterOf('LlamaForCausalLMHead'), null);
});

test('names that only look like a rule’s are nobody’s', () => {
  const converter = converterOf('LlamaForCausalLM');
  assert.ok(converter);
  const rename = renamer(converter);
  for (const name of [
    'model.layers.0.self_attn.q_proj.weight.extra',
    'xmodel.norm.weight',
    'model.layers.-1.self_attn.q_proj.weight',
    'model.layers.00000.self_attn.q_proj.weight',
    'modelxnorm.weight',
  ])
    assert.equal(rename(name), null, name);
});

const matrix = (rows: number, columns: number, from = 0): View =>
  viewOf(bytesSource(Uint8Array.from({ length: rows * columns }, (_, at) => from + at)), {
    dtype: 'U8',
    shape: [rows, columns],
    width: 1,
    offset: 0,
  });

async function whole(view: View, count: number): Promise<number[]> {
  return [...(await view.read(0, count))];
}

test('views give the same elements however they are cut', async () => {
  const views: readonly View[] = [
    matrix(4, 6),
    transposed(matrix(4, 6)),
    rowsOf(matrix(4, 6), [4, 6], (row) => 3 - row),
    rowsOf(matrix(24, 1), [24, 1], (row) => (row * 7) % 24),
    stacked([matrix(2, 4), matrix(2, 4, 8), matrix(2, 4, 16)]),
  ];
  for (const view of views) {
    const all = await whole(view, 24);
    for (let start = 0; start < 24; start += 5)
      for (let count = 1; start + count <= 24; count += 3)
        assert.deepEqual([...(await view.read(start, count))], all.slice(start, start + count));
  }
  assert.deepEqual(await whole(transposed(matrix(2, 3)), 6), [0, 3, 1, 4, 2, 5]);
});

test('a verdict is as strong as its weakest tensor, and nothing proves nothing', () => {
  assert.equal(weakest(['equal', 'recomputed']), 'recomputed');
  assert.equal(weakest(['recomputed', 'not from the parent', 'undecided']), 'not from the parent');
  assert.equal(weakest([]), 'undecided');
  assert.ok(isAtLeast('equal', 'recomputed'));
  assert.ok(!isAtLeast('nearest codes', 'recomputed'));
});
