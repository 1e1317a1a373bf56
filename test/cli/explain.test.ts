import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Command } from 'commander';
import { CODES, type Code } from '../../src/domain/base/errors.ts';
import { EXPLANATIONS } from '../../src/domain/base/explanations.ts';
import { RULES } from '../../src/domain/scan/rules.ts';
import type { Run } from '../../src/cli/command.ts';
import { renderFinding, renderFindings, withWaysOut } from '../../src/cli/errors.ts';
import { allCommands } from '../../src/cli/main.ts';
import { commandPath, leaves } from '../../src/cli/program.ts';
import { styleFor } from '../../src/cli/style.ts';
import { errorsMarkdown, explainable, explained } from '../../src/cli/views/explain.ts';
import { PROGRAM } from '../program.ts';

const run: Run = () => async () => undefined;
const commands = new Map(leaves(await allCommands('0.0.0', run)).map((command) => [commandPath(command), command]));
const PAGE = 'docs/errors.md';

test('docs/errors.md is what the table says', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, errorsMarkdown());
  assert.equal(readFileSync(PAGE, 'utf8'), errorsMarkdown());
});

for (const code of Object.keys(CODES) as Code[])
  test(`${code} has a way out that names a command or a page that there is`, () => {
    const { what, wayOut } = EXPLANATIONS[code];
    assert.ok(what.length > 10);
    const named = [...wayOut.matchAll(/`(weighmark [^`]+)`/g)].map(([, line = '']) => line);
    const pages = [...wayOut.matchAll(/\b(?:docs|examples)\/[\w./-]+\.\w+/g)].map(([page]) => page);
    for (const page of pages) assert.ok(existsSync(page), `${page} does not exist`);
    assert.deepEqual(named.flatMap(problemsOf), []);
    const known = named.filter((line) => commandOf(line) !== undefined);
    assert.ok(
      known.length + pages.length > 0 || code === 'usage' || code === 'internal' || code === 'interrupted',
      wayOut,
    );
  });

/** Options that the named command does not take, or a command that there is not. */
function problemsOf(line: string): readonly string[] {
  if (/^weighmark (COMMAND|--|command)/.test(line) || line === 'weighmark ') return [];
  const command = commandOf(line);
  if (command === undefined) return [`${line}: no such command`];
  const options = command.options.flatMap(({ long, short }) => [long, short]);
  return [...line.matchAll(/ (--?[a-z][a-z-]*)/g)]
    .map(([, option = '']) => option)
    .filter((option) => !options.includes(option))
    .map((option) => `${line}: no option ${option}`);
}

function commandOf(line: string): Command | undefined {
  const [, first = '', second = ''] = line.split(' ');
  return commands.get(`${first} ${second}`) ?? commands.get(first);
}

test('every code and rule is explained, in any case, and nothing else', () => {
  assert.deepEqual(explainable(), [...Object.keys(EXPLANATIONS), ...Object.keys(RULES)]);
  assert.deepEqual(Object.keys(EXPLANATIONS).toSorted(), Object.keys(CODES).toSorted());
  for (const id of explainable()) {
    const found = explained(id.toUpperCase());
    assert.equal(found?.id, id);
    const [page = '', anchor] = (found?.page ?? '').split('#');
    assert.ok(readFileSync(page, 'utf8').toLowerCase().includes(`\n### ${anchor}\n`), `${id}: ${found?.page}`);
  }
  assert.equal(explained('constructor'), null);
});

test('`explain` answers offline, and says what was meant', () => {
  const weighmark = (...words: string[]) =>
    spawnSync(process.execPath, [PROGRAM, 'explain', ...words], { encoding: 'utf8' });
  const known = weighmark('policy-mismatch', 'wm-pickle-001');
  assert.equal(known.status, 0);
  assert.match(known.stdout, /^policy-mismatch {2}exit 1: a check said no\n/);
  assert.match(known.stdout, /\nway out {4}promote again under this one: `weighmark promote/);
  assert.match(known.stdout, /\nWM-PICKLE-001 {2}critical: Loading calls dangerous code/);
  const wrong = weighmark('policy-missmatch');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /hint: did you mean `weighmark explain policy-mismatch`\?/);
  const listed = weighmark();
  assert.deepEqual(listed.stdout.trimEnd().split('\n'), explainable());
});

test('a finding without a hint leaves with that of its code, in text and JSON; one said already is not repeated', () => {
  const style = styleFor('stderr');
  const finding = { code: 'undeclared-input', message: 'adapter_config.json names a base' } as const;
  assert.match(renderFinding(finding, style), /\nhint: declare it: `weighmark seal PATH/);
  assert.match(renderFinding({ ...finding, hint: 'my own' }, style), /\nhint: my own\n$/);
  const json = JSON.stringify({ checks: [{ findings: [finding] }] }, withWaysOut);
  assert.ok(json.includes(JSON.stringify(EXPLANATIONS['undeclared-input'].wayOut)));
  const [first = '', second = ''] = renderFindings([finding, { ...finding, message: 'another' }], style);
  assert.ok(first.includes('hint:') && !second.includes('hint:') && second.includes('another'), second);
});
