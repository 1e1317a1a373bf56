import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { runs } from '../../thorough.ts';
import { changedFile, derived } from './folders.ts';

/** Made by ONNX Runtime's matmul_nbits_quantizer (fixtures/weights/make-nbits.py). */
const FOLDER = 'fixtures/weights/nbits';
const PARENT = `${FOLDER}/parent.onnx`;
const CHILDREN = readdirSync(FOLDER).filter((name) => /^(?:blocks|qdq|gather)/.test(name));
const SEARCHED = readdirSync(FOLDER).filter((name) => /^(?:search|data)/.test(name));

for (const name of CHILDREN)
  test(`${name}: blocks of ONNX Runtime are recomputed, where the last one of a column is cut, too`, async () => {
    const outcome = await derived(`${FOLDER}/${name}`, PARENT);
    assert.deepEqual([outcome.word, outcome.step, outcome.missing], ['recomputed', 'quantize', []]);
  });

for (const name of SEARCHED)
  test(`${name}: what searches for scales (HQQ, k_quant, GPTQ) is never accused`, async () => {
    const { word, verdict } = await derived(`${FOLDER}/${name}`, PARENT);
    assert.deepEqual([word, verdict.exitCode], ['nearest codes', 0]);
  });

const PLACES = Array.from({ length: runs(20) }, (_, turn) => turn * 37 + 5);

test('one code, anywhere, is found at its tensor', async () => {
  for (const name of CHILDREN)
    for (const turn of PLACES) {
      let filler = false;
      const path = await changedFile(
        `${FOLDER}/${name}`,
        name.startsWith('gather') ? /^embed.*_Q4$/ : /^proj.*_Q\d$/,
        (bytes) => {
          const at = (turn * 13) % bytes.length;
          const [, block = '0'] = /^blocks-\d-(\d+)/.exec(name) ?? [];
          const [, bits = '0'] = /^blocks-(\d)/.exec(name) ?? [];
          const stride = Math.ceil(144 / Number(block)) * Number(block);
          filler = Number(block) > 0 && ((at * 8) / Number(bits)) % stride >= 144;
          bytes[at] = (bytes[at] ?? 0) ^ (name.includes('-8-') ? 0x07 : 0x33);
        },
      );
      const { tensors } = await derived(path, PARENT);
      const weak = tensors.filter(({ word }) => word !== 'equal' && word !== 'recomputed');
      assert.equal(weak.length, 1, `${name} ${turn}`);
      assert.equal(weak[0]?.name, name.startsWith('gather') ? 'embed.weight' : 'proj.weight');
      assert.equal(weak[0]?.word, filler ? 'nearest codes' : 'not from the parent', `${name} ${turn}`);
      if (filler) assert.ok((weak[0]?.figures?.freeElements ?? 0) > 0, 'codes that fill up a block hold data');
    }
});

test('a scale that is another is never recomputed', async () => {
  for (const name of CHILDREN)
    for (const turn of PLACES) {
      const path = await changedFile(`${FOLDER}/${name}`, /_scales$/, (bytes) => {
        const scales = bytes.length / 4;
        // Of the column of zeros a scale says nothing.
        let scale = turn % scales;
        while (bytes.readFloatLE(scale * 4) === 0) scale = (scale + 1) % scales;
        bytes[scale * 4 + 1] = (bytes[scale * 4 + 1] ?? 0) ^ 0x40;
      });
      const { word } = await derived(path, PARENT);
      assert.notEqual(word, 'recomputed', `${name} ${turn}`);
    }
});
