import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inventoryHtml } from '../../src/cli/views/inventory-html.ts';
import { inventoryText } from '../../src/cli/views/inventory.ts';
import type { InventoryItem } from '../../src/flows/load/inventory-types.ts';
import { PLAIN } from '../../src/cli/style.ts';
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
    'sealed, not read',
    'in order',
  ]);
  assert.match(page, /4 artifacts should not be here/);
  assert.match(
    page,
    /8 artifacts: 2 refused, 2 unauthorised, 0 not asked, 2 unsigned, 1 sealed, not read, 1 in order; 1 place not read/,
  );
  assert.match(page, /Policy house version 3: each must be promoted to prod/);
  assert.match(page, /<th scope="col">Promoted to<\/th>/);
  assert.match(page, /Weights were not read/);
});

test('what no policy speaks of is not asked, and what was sealed is in order only where its bytes were read', () => {
  const [item] = inventoryOf(1, 'acme/enc').items;
  assert.ok(item?.signature);
  const page = (more: Partial<InventoryItem>) =>
    inventoryHtml({ items: [{ ...item, ...more }], broken: [] }, machinePage);
  const read = { ...item.signature, content: 'verified' } as const;
  assert.deepEqual(order(page({ signature: read, kind: 'other', promoted: null })), ['not asked']);
  assert.match(page({ signature: read, promoted: null }), /but for those it was not asked about.*<td>not asked<\/td>/s);
  assert.deepEqual(order(page({ signature: read })), ['in order']);
  assert.match(page({ signature: read }), /All that is here is in order/);
  assert.deepEqual(order(page({})), ['sealed, not read']);
  assert.doesNotMatch(page({}), /badge good|All that is here/);
  const text = (more: Partial<InventoryItem>) => inventoryText({ items: [{ ...item, ...more }], broken: [] }, PLAIN);
  assert.match(text({}), /The content of 1 signed was not read.*\n$/);
  assert.doesNotMatch(text({ signature: read }), /was not read/);
  const other = { ...item, promoted: null };
  assert.match(inventoryText({ items: [item, other], broken: [] }, PLAIN), /not asked/);
});

test('without a policy nothing is unauthorised, and the page says that nobody was asked', () => {
  const { items, broken } = inventoryOf(8, 'acme/enc');
  const found = { items: items.map((each) => ({ ...each, promoted: null, findings: [] })), broken: [] };
  const page = inventoryHtml(found, { ...machinePage, policy: null });
  assert.deepEqual(new Set(order(page)), new Set(['unsigned', 'sealed, not read', 'in order']));
  assert.match(page, /No policy was asked/);
  assert.doesNotMatch(page, /Promoted to/);
  assert.match(inventoryHtml({ items: [], broken }, machinePage), /Artifacts<\/h2>\s*<p class="none">None/);
});

test('strings from outside are text, and the page asks for nothing', () => {
  const page = inventoryHtml(inventoryOf(5, '</code><script>alert(1)</script>\u202e'), machinePage);
  assert.equal(page.split('<script>').length, 2, 'only the script of ours');
  assert.doesNotMatch(page, /\u202e|src=|https?:\/\//);
});
