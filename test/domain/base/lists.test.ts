import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { firstOf, greatest, least, pushAll } from '../../../src/domain/base/lists.ts';

const MANY = 1_000_000;

test('lists of a million are added, and their least and greatest found', () => {
  const list: number[] = [];
  pushAll(
    list,
    Array.from({ length: MANY }, (_, index) => index),
  );
  assert.deepEqual([list.length, least(list), greatest(list)], [MANY, 0, MANY - 1]);
  assert.deepEqual([least([]), greatest([])], [Math.min(), Math.max()]);
});

test('no list becomes the arguments of a call: a call takes about 120,000', () => {
  const spread =
    /\.(?:push|unshift|concat|fromCharCode|fromCodePoint)\(\s*\.\.\.|Math\.(?:min|max)\(\s*\.\.\.|\.apply\(/;
  const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const bad = globSync('src/**/*.ts').filter((path) => spread.test(code(readFileSync(path, 'utf8'))));
  assert.deepEqual(bad, []);
});

test('a sentence names as many as it may, and says how many more there are', () => {
  assert.equal(firstOf(['a', 'b'], 2), 'a, b');
  assert.equal(firstOf(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more');
  assert.equal(firstOf([3, 5], 1), '3 and 1 more');
});
