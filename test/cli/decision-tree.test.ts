import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisionTree } from '../../src/cli/views/decision-tree.ts';
import { lineageTree } from '../../src/cli/views/lineage-tree.ts';
import { changesSection } from '../../src/cli/views/changes.ts';
import { checkOf, verdictOf } from '../../src/domain/base/verdict.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { overview, reportOf } from './report-sample.ts';

const BUNDLE = sha256Hex('bundle');

test('why: from the rule to the claim, to its signer, to the bytes; then what would change it', () => {
  const report = reportOf('erin', 1);
  const evidence = [{ what: 'evaluation by erin', data: { bundle: `sha256:${BUNDLE}`, principal: 'erin' } }];
  const passed = decisionTree({
    ...report,
    verdict: verdictOf({ subject: 'x', checks: [checkOf('claim evaluation', evidence, [])] }),
  }).html;
  const order = [
    'claim evaluation',
    'evaluation by erin',
    `claim <code>${BUNDLE}</code>, log entry 3`,
    'signed by erin',
    `about <code>${report.id}</code>: 1 file, 12 B`,
  ];
  const places = order.map((words) => passed.indexOf(words));
  assert.ok(
    places.every((at, index) => at > (places[index - 1] ?? -1)),
    `${places.join()}\n${passed}`,
  );
  assert.match(passed, /What would change it.*One byte of one file/s);
  assert.doesNotMatch(passed, /<details open/, 'what holds is closed');

  const finding = { code: 'claim-missing' as const, message: 'no bom' };
  const refused = decisionTree({
    ...report,
    verdict: verdictOf({ subject: 'x', checks: [checkOf('claim bom', [], [finding])] }),
  }).html;
  assert.match(refused, /<details open><summary><span class="badge bad">refused<\/span> <strong>claim bom<\/strong>/);
  assert.match(refused, /<code>claim-missing<\/code> no bom<ul><li>Way out: .+<\/li>/);
  assert.match(refused, /<h3>What would change it<\/h3>\s*<ul><li>claim-missing: .+weighmark attest/s);
});

test('an ancestry opens step by step, names what it met before, ends where it would be too long', () => {
  const tree = (artifacts: number): string => lineageTree(reportOf('acme/x', artifacts).lineage)?.html ?? '';
  assert.equal(tree(12).match(/<li>/g)?.length, 12, 'each of eleven inputs, and the dataset without a digest');
  assert.match(tree(12), /<details open><summary>finetune <strong>acme\/x<\/strong>/);
  const { lineage } = reportOf('acme/x', 3);
  const root = lineage.nodes.get(lineage.root);
  assert.ok(root !== undefined);
  const twice = {
    ...lineage,
    nodes: new Map([...lineage.nodes, [root.digest, { ...root, edges: [...root.edges, ...root.edges] }]]),
  };
  assert.equal(lineageTree(twice)?.html.match(/\(see above\)/g)?.length, 2, 'what has no digest is never the same');
  assert.match(tree(5_000), /and more: every step is in the table below/);
  assert.ok((tree(5_000).match(/<li/g)?.length ?? 0) <= 1_001);
});

test('what changed: a bar for each day, stacked; times that only a signer or the order gives are marked', () => {
  const { changes, generated } = overview('acme/x', reportOf('x', 1).verdict);
  const page = changesSection(changes, generated).html;
  const days = new Set(changes.changes.map(({ time }) => time.slice(0, 10)));
  assert.equal(page.match(/<g><title>\d{4}-\d\d-\d\d: /g)?.length, days.size);
  for (const [, y = '', height = ''] of page.matchAll(/<rect x="\d+" y="([\d.]+)" width="9" height="([\d.]+)"/g))
    assert.ok(Number(y) >= 0 && Number(y) + Number(height) <= 120.1, `${y} ${height}`);
  assert.match(page, /badge warn">claimed</);
  assert.match(page, /badge warn">or later</);
  assert.match(page, /2 entries of the log without a time/);
  assert.match(changesSection({ ...changes, changes: [] }, generated).html, /Nothing dated in the last 90 days/);
});
