import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { formatsOf, readOutputs } from '../../src/cli/formats.ts';
import { annotations } from '../../src/cli/views/annotations.ts';
import { sarifLog } from '../../src/cli/views/sarif.ts';
import { PROGRAM } from '../program.ts';

let folder = '';
const weighmark = (line: string, env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, [PROGRAM, ...line.split(' ')], {
    cwd: folder,
    env: {
      ...process.env,
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, 'c'),
      XDG_STATE_HOME: join(folder, 's'),
      ...env,
    },
    encoding: 'utf8',
  });
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-formats-'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  for (const line of ['keygen k --no-password', 'seal m --name a/m:1 --key k.key', 'bom create m -o bom.json'])
    assert.equal(weighmark(line).status, 0, line);
});

test('one run, several outputs: each in its file, the text on the terminal, the summary appended', () => {
  writeFileSync(join(folder, 'summary.md'), '# before\n');
  const summary = join(folder, 'summary.md');
  const { status, stdout } = weighmark(
    `verify m --key k.pub --format json=a.json,sarif=b.sarif,junit=c.xml,markdown=${summary}`,
    { GITHUB_STEP_SUMMARY: summary },
  );
  assert.equal(status, 0);
  assert.match(stdout, /\nVERIFIED: m is what /);
  assert.equal((JSON.parse(read('a.json')) as { exitCode: number }).exitCode, 0);
  assert.equal((JSON.parse(read('b.sarif')) as { version: string }).version, '2.1.0');
  assert.match(read('c.xml'), /<testsuite/);
  assert.match(read('summary.md'), /^# before\n### /);
  const printed = weighmark('verify m --key k.pub --format json,text=a.txt -q');
  assert.equal((JSON.parse(printed.stdout) as { exitCode: number }).exitCode, 0);
  assert.match(read('a.txt'), /VERIFIED: m is what /);
});

test('a run that ends in an error leaves the error in the JSON file', () => {
  const { status, stdout } = weighmark('verify nowhere --key k.pub --format json=error.json');
  assert.notEqual(status, 0);
  assert.equal(stdout, '');
  assert.equal((JSON.parse(read('error.json')) as { exitCode: number }).exitCode, status);
});

test('a wrong format is told which there are, before anything is read', () => {
  const { status, stderr } = weighmark('seal m --key k.key --format sarfi');
  assert.equal(status, 2);
  assert.match(stderr, /`seal` has no format sarfi: it has text, json\n/);
  assert.match(weighmark('verify m --format sarfi').stderr, /hint: did you mean `--format sarif`\?/);
  assert.throws(() => readOutputs('json,sarif', 'verify'), { code: 'usage' });
  assert.throws(() => readOutputs('json=', 'verify'), { code: 'usage' });
  assert.match(weighmark('seal --help').stdout, /--format <format> .*\(choices: "text", "json"/s);
});

for (const [path, line] of Object.entries({
  verify: 'verify m --key k.pub',
  scan: 'scan m',
  inspect: 'inspect m',
  diff: 'diff m m',
  'bom validate': 'bom validate bom.json',
  'bom verify': 'bom verify bom.json m',
  'bom diff': 'bom diff bom.json bom.json',
}))
  test(`\`${path}\` has every format that its help names`, () => {
    for (const format of formatsOf(path)) {
      const { status, stderr } = weighmark(`${line} --format ${format}`);
      assert.ok(status === 0 || status === 4, `${format}: ${status} ${stderr}`);
    }
  });

test('annotations: what a file says starts no command of its own; what is accepted is silent', () => {
  const log = sarifLog(
    '0',
    [{ id: 'digest-mismatch', title: 't' }],
    [
      { ruleId: 'digest-mismatch', level: 'error', message: 'a 100%\n::set-output name=x::y', path: 'a,b:c.bin' },
      {
        ruleId: 'digest-mismatch',
        level: 'error',
        message: 'accepted',
        path: 'x',
        suppression: { accepted: true, justification: 'seen' },
      },
    ],
  );
  const lines = annotations(log).split('\n');
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^::error file=a%2Cb%3Ac\.bin,title=weighmark digest-mismatch::a 100%25/);
});
