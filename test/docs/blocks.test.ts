import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parsePolicy } from '../../src/index.ts';
import { hookTemplate } from '../../src/flows/setup/templates.ts';
import { runTranscript, type Step } from '../cli/transcript.ts';

/** What the pages show and no `console` block runs (`test/cli/docs.test.ts` runs those). */
const PAGES = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...globSync('docs/*.md')];
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

function blocksOf(path: string, language: string): readonly string[] {
  const blocks = [...readFileSync(path, 'utf8').matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return blocks.flatMap(([, word, block = '']) => (word === language ? [block] : []));
}

test('a block of commands says that it is one: only those are held to the commands there are', () => {
  for (const path of PAGES)
    for (const block of blocksOf(path, '')) assert.doesNotMatch(block, /^(?:\$ )?weighmark /m, `${path}: ${block}`);
});

test('the hook of the README is the one that init writes, of this version', () => {
  const [hook] = blocksOf('README.md', 'yaml').filter((block) => block.startsWith('repos:'));
  assert.equal(hook, hookTemplate());
  assert.ok(hook?.includes(`weighmark@${version}`));
});

test('the action of the README is of this version, and takes what it is given', () => {
  const [block = ''] = blocksOf('README.md', 'yaml').filter((each) => each.includes('uses: weighmark/weighmark'));
  const { steps } = parse(block) as { steps: { uses: string; with: Record<string, string> }[] };
  const { inputs } = parse(readFileSync('action.yml', 'utf8')) as { inputs: Record<string, { description: string }> };
  assert.equal(steps[0]?.uses, `weighmark/weighmark@v${version}`);
  for (const name of Object.keys(steps[0]?.with ?? {})) assert.ok(Object.hasOwn(inputs, name), name);
  assert.ok(inputs['command']?.description.includes(steps[0]?.with['command'] ?? '?'));
});

const KEY =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAuPz3hv2iundgGGNM4/FBIuqCITGYcCncwDNchlmWiOTwP4VxerfgEJDfe7l3DLmfzFNdJacz/WXWABQQAGUpg==';
const OTHER =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW29OBdiKkuTo3sFF2UXpYKp54x+ck8LmbvL7/ORTbnwfto+XtWtrHxH6DjwZ+1pNNX4k5T4hepeRNi5ox8wfwg==';

test('parts of policies on the pages are parts of a policy', async () => {
  const parts = PAGES.flatMap((path) => blocksOf(path, 'yaml').map((block) => ({ path, block }))).filter(({ block }) =>
    /^(?:formerly|environments):/.test(block),
  );
  assert.ok(parts.length >= 2);
  for (const { path, block } of parts) {
    const rest = block.startsWith('environments:') ? '' : 'environments: [{ name: prod }]\n';
    const policy = `format: weighmark-policy/1\nname: p\nversion: 1\nexpires: 2099-01-01
principals: { anna: { keys: ["${KEY}"] } }\nroles: { promoter: [anna], revoker: [anna], evaluator: [anna] }
${rest}${block.replace('MFkw…', `"${OTHER}"`)}`;
    await assert.doesNotReject(parsePolicy(policy), path);
  }
});

/** A block as it stands, after commands that make what it speaks of; `set -e`: each must succeed. */
function run(before: readonly string[], block: string): void {
  const lines = ['set -eu', ...before, block];
  const step: Step = { line: 1, command: lines.join('\n'), stdout: [], stderr: [], exitCode: 0, shows: [] };
  runTranscript([step]);
}

test('a record that must go: the list and the proof of absence are signed as docs/datasets.md says', () => {
  const [block = ''] = blocksOf('docs/datasets.md', 'sh').filter((each) => each.includes('weighmark-removed/1'));
  run(
    [
      'weighmark keygen dana --no-password -q && weighmark keygen rita --no-password -q',
      'weighmark registry init reg >/dev/null && export WEIGHMARK_REGISTRY=reg',
      'mkdir data-1 data-2 && printf "a,b\\n1,2\\n3,4\\n" > data-1/rows.csv && printf "a,b\\n3,4\\n" > data-2/rows.csv',
      'for n in 1 2; do weighmark dataset index data-$n && weighmark seal data-$n --records --name acme/data:$n --key dana.key && weighmark push data-$n; done >/dev/null 2>&1',
      `weighmark dataset prove data-1 --record '{"a":"1","b":"2"}' -o proof -q`,
      'HASH=$(sed \'s/.*"record":"\\([0-9a-f]*\\)".*/\\1/\' proof)',
    ],
    block,
  );
});

test('what docs/python.md calls is there', () => {
  const source = readFileSync('python/weighmark/__init__.py', 'utf8');
  const called = blocksOf('docs/python.md', 'python').flatMap((block) => [...block.matchAll(/weighmark\.(\w+)\(/g)]);
  assert.ok(called.length > 0);
  for (const [, name = ''] of called)
    assert.match(source, new RegExp(`["']${name}["']|\\bdef ${name}\\b|import .*\\b${name}\\b`), name);
});
