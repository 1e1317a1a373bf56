import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inventoryHtml } from '../../src/cli/views/inventory-html.ts';
import { inventoryOf, machinePage } from './inventory-sample.ts';

const order = (page: string): readonly string[] =>
  [...page.matchAll(/<tr data-kind="([^"]+)">/g)].map(([, kind = '']) => kind);

test('a page of the machine: what is refused first, then what no policy let in, then what nobody signed', () => {
  const page = inventoryHtml(inventoryOf(8, 'acme/enc'), machinePage);
  assert.deepEqual(order(page), [
    'refused',
    'refused',
    'unauthorised',
    'unauthorised',
    'unsigned',
    'unsigned',
    'in order',
    'in order',
  ]);
  assert.match(page, /4 artifacts should not be here/);
  assert.match(page, /8 artifacts: 2 refused, 2 unauthorised, 2 unsigned, 2 in order; 1 place not read/);
  assert.match(page, /Policy house version 3: each must be promoted to prod/);
  assert.match(page, /<th scope="col">Promoted to<\/th>/);
  assert.match(page, /Weights were not read/);
});

test('without a policy nothing is unauthorised, and the page says that nobody was asked', () => {
  const { items, broken } = inventoryOf(8, 'acme/enc');
  const found = { items: items.map((each) => ({ ...each, promoted: null, findings: [] })), broken: [] };
  const page = inventoryHtml(found, { ...machinePage, policy: null });
  assert.deepEqual(new Set(order(page)), new Set(['unsigned', 'in order']));
  assert.match(page, /No policy was asked/);
  assert.doesNotMatch(page, /Promoted to/);
  assert.match(inventoryHtml({ items: [], broken }, machinePage), /Artifacts<\/h2>\s*<p class="none">None/);
});

test('strings from outside are text, and the page asks for nothing', () => {
  const page = inventoryHtml(inventoryOf(5, '</code><script>alert(1)</script>\u202e'), machinePage);
  assert.equal(page.split('<script>').length, 2, 'only the script of ours');
  assert.doesNotMatch(page, /\u202e|src=|https?:\/\//);
});
