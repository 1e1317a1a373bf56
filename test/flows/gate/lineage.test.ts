import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexClaims } from '../../../src/domain/lineage/index-claims.ts';
import { checkLineage } from '../../../src/domain/lineage/check.ts';
import type { Lineage } from '../../../src/domain/lineage/types.ts';
import { walk } from '../../../src/domain/lineage/walk.ts';
import { openAuthority } from '../../../src/domain/authority/authority.ts';
import { NO_REVOCATIONS } from '../../../src/domain/authority/revocations.ts';
import { verdictOf, checkOf } from '../../../src/domain/base/verdict.ts';
import { lineageDot, lineageMermaid } from '../../../src/cli/views/lineage-graph.ts';
import { MOVE_DRAWING } from '../../../src/cli/views/move-drawing.ts';
import { lineageHtml } from '../../../src/cli/views/lineage-html.ts';
import { lineageTree } from '../../../src/cli/views/lineage-text.ts';
import { NAMES, NOW, MODEL, hex, honest, people, step } from '../../domain/policy/world.ts';

const TRUST = NAMES.map((name) => ({ name, anchor: { kind: 'key' as const, pem: people[name].pem } }));
const plain = (text: string): string => text.replace(/[\p{Cc}\u202e]/gu, '?');
const STYLE = { plain, good: plain, bad: plain, warn: plain, dim: plain, bold: plain };

function look(claims: Parameters<typeof indexClaims>[0], root = MODEL): Lineage {
  const rules = {
    authority: openAuthority(TRUST),
    revocations: NO_REVOCATIONS,
    leaves: [],
    summaries: [],
    now: NOW,
    maxDepth: 64,
  };
  return checkLineage({ root, name: null, aliases: [], required: true }, indexClaims(claims), rules);
}

function verdictFor({ findings }: Lineage): ReturnType<typeof verdictOf> {
  return verdictOf({
    subject: 'acme/enc',
    id: `sha256:${MODEL}`,
    checks: [checkOf('lineage', [{ what: 'walked' }], findings)],
  });
}

test('the words of the model tree: quantized, finetune, trained-on', async () => {
  const graph = look(Object.values(await honest()));
  assert.deepEqual(graph.findings, []);
  assert.deepEqual(
    [...graph.nodes.values()].map(({ name, step: made, signedBy, edges }) => [
      name,
      made,
      signedBy,
      edges.map(({ word, role, standing }) => `${word} ${role} ${standing}`),
    ]),
    [
      ['acme/enc', 'quantize', 'anna', ['quantized base-model attested']],
      [
        'acme/enc',
        'fine-tune',
        'anna',
        ['finetune base-model attested', 'trained-on dataset described', 'uses code pinned'],
      ],
      ['acme/enc', 'train', 'anna', ['trained-on dataset described']],
    ],
  );
  const text = lineageTree(graph, verdictFor(graph), STYLE);
  assert.match(text, /^acme\/enc sha256:\w+ · quantize by anna, 2026-11-03; BOM by anna\n└─ quantized /);
});

test('every view makes hostile names harmless', async () => {
  const evil = '"]; evil --> x <script>alert(1)</script> \u202e\u001b[31m %% |` \n::error::';
  const hostile = await step('quantize', MODEL, [{ role: 'base-model', of: evil }], '2026-11-03T10:00:00Z');
  const graph = look([hostile]);
  const verdict = verdictFor(graph);
  const page = lineageHtml(graph, verdict).replace(`<script>${MOVE_DRAWING}</script>`, () => '');
  for (const view of [lineageMermaid(graph), lineageDot(graph), page]) {
    assert.ok(view.startsWith('digraph') || !view.includes('<script'), view);
    assert.ok(!/[[\p{Cc}\u202e]--[\n]]/v.test(view));
    assert.ok(!view.includes('\n::error'));
  }
  assert.ok(
    !lineageMermaid(graph)
      .split('\n')
      .some((line) => /^\s*evil -->/.test(line)),
  );
  assert.match(lineageDot(graph), /label="\\"\]; evil/);
  assert.match(lineageHtml(graph, verdict), /default-src 'none'/);
});

test('mermaid shows at most sixty nodes, nearest first, and says how many more', async () => {
  const inputs = Array.from({ length: 200 }, (_, at) => ({ role: 'base-model' as const, of: `shard ${at}` }));
  const graph = look([await step('merge', MODEL, inputs, '2026-11-03T10:00:00Z')]);
  const lines = lineageMermaid(graph)
    .split('\n')
    .filter((line) => /^ {2}\w+\[/.test(line));
  assert.equal(lines.length, 60);
  assert.ok(lines.at(-1)?.includes('142 more'));
  assert.equal(
    lineageDot(graph)
      .split('\n')
      .filter((line) => / \[label=/.test(line) && !line.includes('->')).length,
    201,
  );
});

test('a walk visits once, ends, and measures the longest way', () => {
  const edges: Record<string, readonly string[]> = { a: ['b', 'c'], b: ['d'], c: ['b', 'a'], d: [] };
  const found = walk('a', (node) => edges[node] ?? [], 100);
  assert.deepEqual(found, { order: ['d', 'b', 'c', 'a'], cycles: ['a'], depth: 3, cut: false });
  assert.equal(walk('0', (node) => [String(Number(node) + 1)], 50).cut, true);
});

test('an artifact of which nobody says anything has no lineage', () => {
  assert.deepEqual(
    look([], hex('nothing')).findings.map(({ code }) => code),
    ['lineage-missing'],
  );
});
