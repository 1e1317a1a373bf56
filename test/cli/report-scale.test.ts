import { requireLinear } from '../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportHtml } from '../../src/cli/views/report-html.ts';
import { reportMarkdown } from '../../src/cli/views/report-markdown.ts';
import { registryHtml } from '../../src/cli/views/registry-html.ts';
import { PLAIN } from '../../src/cli/style.ts';
import { registryText } from '../../src/cli/views/registry-text.ts';
import { overviewOf, reportOf } from './report-sample.ts';

test('a lineage of 1,000 artifacts takes twice the work of 500 to render, stays small, and loses no step', async () => {
  const page = await requireLinear(500, (count) => {
    const report = reportOf('acme/enc', count);
    return () => reportHtml(report, '0.1.0');
  });
  assert.ok(page.length < 2_000_000, `${page.length} characters`);
  const steps = /<caption>Steps<\/caption>[^]*?<\/table>/.exec(page)?.[0] ?? '';
  assert.equal(steps.match(/<tr>/g)?.length, 1 + 999 + 1, 'a head, each input, the dataset nobody attests');
  assert.match(page, /<details><summary>Every step/, 'folded away: the page stays readable');
  assert.equal(page.match(/<g data-box=/g)?.length, 300);
  assert.match(page, /The 300 nearest are drawn; the table below has 700 more/);
});

test('the Markdown of a lineage of 1,000 artifacts draws those nearest and counts the rest', () => {
  const markdown = reportMarkdown(reportOf('acme/enc', 1000));
  const graph = /```mermaid\n([^]*?)```/.exec(markdown)?.[1] ?? '';
  assert.ok((graph.match(/^ {2}\w+\["/gm)?.length ?? 0) <= 60);
  assert.match(graph, /more\["9\d\d more/);
});

test('the overview of 1,000 models takes twice the work of 500, has less than 5 MB, and what is wrong stands first', async () => {
  const page = await requireLinear(500, (count) => {
    const found = overviewOf(count);
    return () => registryHtml(found, '0.1.0');
  });
  assert.ok(Buffer.byteLength(page) < 5_000_000, `${Buffer.byteLength(page)} bytes`);
  const kinds = [...page.matchAll(/<tr data-kind="([^"]+)"/g)].map(([, kind]) => kind);
  assert.deepEqual(
    kinds,
    ['refused', 'to look at', 'in order'].flatMap((kind) => kinds.filter((each) => each === kind)),
  );
  assert.equal(kinds.length, 1000);
  assert.match(page, /1000 versions: 10 refused, 330 to look at, 660 in order; oldest evaluation 40 days/);
});

test('the overview of 1,000 models on a terminal is a page: what is refused, and what many lack once', () => {
  const text = registryText(overviewOf(1000), PLAIN);
  assert.ok(text.split('\n').length < 200, `${text.split('\n').length} lines`);
  assert.match(text, /^\d{3} versions: no .* by anybody who may sign it: .* and \d{3} more$/m);
  assert.match(text, /1000 versions: 10 refused, 330 to look at/);
});
