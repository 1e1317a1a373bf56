import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, PROTO2, text } from '../formats/pickle/assemble.ts';
import { scan, told } from './build.ts';

/** What honest people keep beside a model: nothing here may be above `low`. */
const TEXTS: Readonly<Record<string, string>> = {
  'labels.txt': 'iguana\njaguar\nkoala\n',
  'vehicles.txt': 'car\nbus\ntrain\n',
  'functions.txt': 'cos\nsin\ntan\n',
  'system.txt': 'cos\nsystem\nother\n',
  'val.txt': 'img_001\nimg_002\nimg_003\n',
  'images.csv': 'image\ncat01.png\ndog01.png\n',
  'ids.csv': 'id\n1\n2',
  'count.csv': 'count\n10',
  'inputs.txt': 'input_ids\nattention_mask',
  'requirements.txt': 'ipython\nnumpy\n',
  'top_level.txt': 'insights\nother_module\n',
  'parentheses.txt': '(iguana\njaguar\nkoala\n',
  'genome.fa': `${'N'.repeat(1000)}\nACGT\n`,
  'words.txt': 'Krabi\nLima\nFoo\nInk\nMoss\nSun\nVera\n',
  'cells.txt': 'cell\nindex\nR\n.\n',
  config: '{{ if .System }}{{ .System }}{{ end }}\n{{ .Prompt }}\n',
};

for (const [path, content] of Object.entries(TEXTS)) {
  test(`a text is a text: ${path}`, async () => {
    const result = await scan(path, content);
    assert.deepEqual([result.verdict, result.formats.includes('pickle')], ['pass', false], told(result));
  });
}

const PICKLES: readonly (readonly [what: string, ...parts: (Uint8Array | string)[]])[] = [
  ['plain data', PROTO2, '}', text('x'), 'K\x01s.'],
  ['plain data of protocol 0', "(lp0\nI1\naS'x'\na."],
  ['an octal number', PROTO2, 'I010\n.'],
];

for (const [what, ...parts] of PICKLES) {
  test(`a pickle that does nothing passes: ${what}`, async () => {
    const result = await scan('data.pkl', bytesOf(...parts));
    assert.equal(result.verdict, 'pass', told(result));
  });
}
