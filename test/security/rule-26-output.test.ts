import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Style } from '../../src/cli/command.ts';
import { renderFinding } from '../../src/cli/errors.ts';
import { verdictJunit } from '../../src/cli/views/junit.ts';
import { lineageDot, lineageMermaid } from '../../src/cli/views/lineage-graph.ts';
import { lineageHtml } from '../../src/cli/views/lineage-html.ts';
import { lineageTree } from '../../src/cli/views/lineage-text.ts';
import { FIND_IN_TABLE } from '../../src/cli/views/find-in-table.ts';
import { MOVE_DRAWING } from '../../src/cli/views/move-drawing.ts';
import { registryHtml } from '../../src/cli/views/registry-html.ts';
import { registryMarkdown, registryText } from '../../src/cli/views/registry-text.ts';
import { reportHtml } from '../../src/cli/views/report-html.ts';
import { reportMarkdown } from '../../src/cli/views/report-markdown.ts';
import { verdictSarif } from '../../src/cli/views/sarif.ts';
import { verdictMarkdown, verdictText } from '../../src/cli/views/verdict.ts';
import { harmlessFor } from '../../src/cli/style.ts';
import { checkOf, findingsOf, verdictOf, type Verdict } from '../../src/domain/base/verdict.ts';
import { overview, reportOf } from '../cli/report-sample.ts';

/** One string that tries every sink at once. */
const HOSTILE =
  '</code><script>alert(1)</script>"><img src=x onerror=alert(2)>\'`|[x](javascript:alert(3))![y](https://evil.example/p)\u001b]8;;https://evil.example\u0007\u001b[2J\u009b1m\u202e\u2066\u200b\u2028\n::error::owned\r\n##vso[task.setvariable variable=x]y\nname<<EOF\n"]; n0 --> n1; click n0 "https://evil.example" %%{init:{}}%% end\\" ]]> @everyone $(id)\ud800';

const STYLE: Style = {
  plain: harmlessFor({}),
  good: harmlessFor({}),
  bad: harmlessFor({}),
  warn: harmlessFor({}),
  dim: harmlessFor({}),
  bold: harmlessFor({}),
};
const CI_STYLE: Style = {
  ...STYLE,
  ...Object.fromEntries(Object.keys(STYLE).map((name) => [name, harmlessFor({ CI: 'true' })])),
};

function verdictWith(text: string): Verdict {
  const finding = {
    code: 'digest-mismatch',
    message: `changed: ${text}`,
    subject: text,
    facts: { [text]: text },
    hint: text,
  } as const;
  return verdictOf({
    subject: text,
    checks: [checkOf('content', [{ what: text }], [finding]), checkOf('signature', [{ what: text }], [])],
    claimed: [{ what: text }],
    notes: [text],
  });
}

const report = (text: string) => ({ ...reportOf(text, 3), verdict: verdictWith(text) });

/** Every view of every sink, with the text everywhere somebody else can put one. */
const SINKS: Readonly<Record<string, (text: string) => string>> = {
  'report, HTML': (text) => reportHtml(report(text), '0.1.0'),
  'registry, HTML': (text) => registryHtml(overview(text, verdictWith(text)), '0.1.0'),
  'lineage, HTML': (text) => lineageHtml(report(text).lineage, verdictWith(text)),
  'report, Markdown': (text) => reportMarkdown(report(text)),
  'registry, Markdown': (text) => registryMarkdown(overview(text, verdictWith(text))),
  'verdict, Markdown': (text) => verdictMarkdown({ verdict: verdictWith(text), by: text }),
  'verdict, terminal': (text) => verdictText({ verdict: verdictWith(text), by: text }, STYLE),
  'finding, terminal': (text) =>
    findingsOf(verdictWith(text))
      .map((finding) => renderFinding(finding, STYLE))
      .join(''),
  'lineage, terminal': (text) => lineageTree(report(text).lineage, verdictWith(text), STYLE),
  'registry, terminal': (text) => registryText(overview(text, verdictWith(text)), STYLE),
  JUnit: (text) => verdictJunit(verdictWith(text)),
  mermaid: (text) => lineageMermaid(report(text).lineage),
  dot: (text) => lineageDot(report(text).lineage),
};

const BENIGN = 'plain';
const lines = (text: string): number => text.split('\n').length;

for (const [sink, render] of Object.entries(SINKS)) {
  test(`rule 26: ${sink}: nothing hostile survives, and no line is added`, () => {
    const text = render(HOSTILE);
    assert.doesNotMatch(text, /[[\p{Cc}\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]--[\n]]/v);
    assert.ok(text.isWellFormed());
    assert.doesNotMatch(text, /^\s*(?:::error|##vso|name<<EOF)/m, 'no line that a CI system obeys');
    assert.equal(lines(text), lines(render(BENIGN)));
  });
}

/**
 * Elements and attribute names, in order: what a browser would make of the page, without its texts. Into how many lines a drawn
 * text is broken follows from its length.
 */
function skeleton(markup: string): readonly string[] {
  const tags = [...markup.replace(/<style>[^]*?<\/style>/, '').matchAll(/<[^>]*>/g)];
  return tags.map(([tag]) => tag.replace(/"[^"]*"/g, '""')).filter((tag) => !LINES.includes(tag));
}

const LINES: readonly string[] = ['<tspan x="" y="">', '</tspan>'];

for (const sink of ['report, HTML', 'registry, HTML', 'lineage, HTML', 'JUnit']) {
  test(`rule 26: ${sink}: the elements are the same whatever the texts say`, () => {
    assert.deepEqual(skeleton(SINKS[sink]?.(HOSTILE) ?? ''), skeleton(SINKS[sink]?.(BENIGN) ?? ''));
  });
}

const SCRIPTS: Readonly<Record<string, string>> = {
  'report, HTML': MOVE_DRAWING,
  'registry, HTML': FIND_IN_TABLE,
  'lineage, HTML': MOVE_DRAWING,
};

test('rule 26: HTML pages allow no network, no form, and no script but one of ours, by its digest', () => {
  for (const [sink, script] of Object.entries(SCRIPTS)) {
    const page = SINKS[sink]?.(HOSTILE) ?? '';
    const allowed = createHash('sha256').update(script).digest('base64');
    assert.deepEqual(
      [...page.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text]) => text),
      [script],
      `${sink}: the same, whatever the texts say`,
    );
    const scripts = ` script-src 'sha256-${allowed}';`;
    assert.ok(
      page.includes(
        `<meta http-equiv="Content-Security-Policy" content="default-src 'none';${scripts} style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">`,
      ),
      sink,
    );
  }
});

test('rule 26: Markdown keeps its tables, and gains no link, image, mention or element', () => {
  for (const sink of ['report, Markdown', 'registry, Markdown', 'verdict, Markdown']) {
    const text = (SINKS[sink]?.(HOSTILE) ?? '').replace(/```mermaid[^]*?```/g, '');
    assert.doesNotMatch(text, /(?<!\\)[[\]<@!]/, sink);
    const pipes = (markdown: string) =>
      markdown
        .replace(/```mermaid[^]*?```/g, '')
        .split('\n')
        .map((line) => line.match(/(?<!\\)\|/g)?.length ?? 0);
    assert.deepEqual(pipes(text), pipes(SINKS[sink]?.(BENIGN) ?? ''), sink);
  }
});

test('rule 26: a mermaid or dot label never ends before its quote', () => {
  const nodes = (graph: string) =>
    graph.split('\n').map((line) => line.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\|[^|]*\|/g, '||'));
  for (const sink of ['mermaid', 'dot'])
    assert.deepEqual(nodes(SINKS[sink]?.(HOSTILE) ?? ''), nodes(SINKS[sink]?.(BENIGN) ?? ''), sink);
});

test('rule 26: SARIF is data, and its texts are harmless where a viewer prints them', () => {
  const { runs } = verdictSarif('0.1.0', verdictWith(HOSTILE)) as {
    runs: { results: { message: { text: string } }[] }[];
  };
  assert.doesNotMatch(runs[0]?.results[0]?.message.text ?? '', /[\p{Cc}\u202e]/u);
});

test('rule 26: on a CI system no text starts a command, at the start of a line or within it', () => {
  const text = verdictText(
    { verdict: verdictWith('x ::error::y ##[error]z ##vso[task.complete]'), by: '::add-mask::a' },
    CI_STYLE,
  );
  assert.doesNotMatch(text, /::(?:error|add-mask)|##\[|##vso/);
});
