import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataDiffHtml } from '../../src/cli/views/data-diff-html.ts';
import { forHtml } from '../../src/domain/base/text.ts';
import type { DataDiff } from '../../src/flows/data/diff.ts';

const diff: DataDiff = {
  records: [3, 4],
  common: 2,
  removed: 0,
  added: 30,
  changed: 1,
  moved: 0,
  repeated: [0, 1],
  sameSchema: true,
  balance: { '"<b>"': [1, 3], '"x"': [2, 1] },
  labels: {},
  examples: {
    removed: [],
    added: [{ position: 3, path: 'a.jsonl' }],
    changed: [
      {
        before: { position: 0, path: '<img src=x>.jsonl' },
        after: { position: 1, path: 'b.jsonl' },
        cells: [{ column: '<script>alert(1)</script>', before: 'old', after: '</td><script>' }],
      },
    ],
  },
  differs: true,
};

test('the page of a comparison has its counts, cells and balance, and nothing of it is markup but ours', () => {
  const page = dataDiffHtml(['one', 'two'], diff);
  assert.match(page, /<td>changed<\/td><td class="num">1<\/td>/);
  assert.match(page, /30 in all; the first 1:/);
  assert.ok(page.includes(forHtml('<script>alert(1)</script>')));
  assert.match(page, /33\.3 %<\/td><td class="num">3<\/td><td class="num">75\.0 %<\/td><td class="num">\+2/);
  assert.doesNotMatch(page, /<script|<img|<\/td><script/);
  assert.doesNotMatch(page, /\bContent<\/th>/, 'no record unless it was asked for');
});
