import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { heldToSchema } from './schema.ts';
import { PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-cli-'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  writeFileSync(join(folder, 'm', 'weights.bin'), 'w'.repeat(100));
  run(['keygen', 'anna', '--no-password']);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const env = {
    ...process.env,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  return spawnSync(process.execPath, [PROGRAM, ...args], { cwd: folder, encoding: 'utf8', env });
}

/** Runs with --json and holds what is printed to its published schema. */
function json(args: readonly string[]): { readonly status: number | null; readonly output: Record<string, unknown> } {
  const { status, stdout } = run([...args, '--json']);
  const output = heldToSchema(args[0] ?? '', stdout);
  assert.equal(output['exitCode'], status);
  return { status, output };
}

test('sign, seal, attest and verify print what their schemas say', () => {
  assert.equal(json(['verify', 'm', '--key', 'anna.pub']).status, 3);
  assert.equal(json(['sign', 'm', '--key', 'anna.key']).status, 0);
  assert.equal(json(['verify', 'm']).status, 2);
  assert.equal(json(['seal', 'm', '--key', 'anna.key', '--name', 'acme/m:1']).status, 0);
  assert.equal(json(['seal', 'm', '--key', 'anna.key', '--name', 'acme/m:1']).output['written'], false);
  assert.equal(
    json([
      'attest',
      'm',
      '--type',
      'evaluation',
      '--result',
      'passed',
      '--metric',
      'accuracy=0.97',
      '--key',
      'anna.key',
    ]).status,
    0,
  );
  assert.equal(json(['verify', 'm', '--key', 'anna.pub']).status, 0);
  appendFileSync(join(folder, 'm', 'weights.bin'), 'x');
  assert.equal(json(['verify', 'm', '--key', 'anna.pub']).status, 1);
});

test('several artifacts: the worst verdict decides', () => {
  mkdirSync(join(folder, 'none'));
  writeFileSync(join(folder, 'none', 'a'), 'a');
  const { status, output } = json(['verify', 'm', 'none', '--key', 'anna.pub']);
  assert.deepEqual(
    [status, (output['verdicts'] as { exitCode: number }[]).map(({ exitCode }) => exitCode)],
    [1, [1, 3]],
  );
});

test('sarif, junit and markdown come out, and name the file', () => {
  for (const format of ['sarif', 'junit', 'markdown']) {
    const { status, stdout } = run(['verify', 'm', '--key', 'anna.pub', '--format', format]);
    assert.equal(status, 1);
    assert.match(stdout, /weights\\?\.bin/, format);
  }
});
