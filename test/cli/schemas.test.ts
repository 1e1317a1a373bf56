import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Command } from 'commander';
import { commandNames } from '../../src/cli/main.ts';
import type { Register, Run } from '../../src/cli/command.ts';
import { PROGRAM } from '../program.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const schemaOf = (name: string) => JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8')) as object;

/** Runs a command line with `--json` in a folder and holds what it prints to the command's schema, or the error's. */
function assertValid(folder: string, words: readonly string[], schema: string): void {
  const env = { ...process.env, XDG_CONFIG_HOME: join(folder, 'c'), XDG_STATE_HOME: join(folder, 's') };
  let printed: string;
  try {
    printed = execFileSync(process.execPath, [PROGRAM, ...words, '--json'], {
      cwd: folder,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    printed = String((error as { stdout: unknown }).stdout);
  }
  const validate = ajv.compile({ ...schemaOf(schema), $id: words.join(' ') });
  assert.ok(
    validate(JSON.parse(printed)),
    `${words.join(' ')}: ${ajv.errorsText(validate.errors)}\n${printed.slice(0, 2000)}`,
  );
}

test('every command has a schema of its JSON, and every schema compiles', async () => {
  const program = new Command();
  const run = (() => async () => undefined) as unknown as Run;
  for (const name of commandNames()) {
    const { register } = (await import(`../../src/cli/commands/${name}.ts`)) as { register: Register };
    register(program, run);
  }
  const leaves = (command: Command, path: readonly string[]): readonly string[] =>
    command.commands.length === 0
      ? [path.join('-')]
      : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));
  const schemas = globSync('schemas/*.schema.json').map((path) => path.replace(/^schemas[\\/]|\.schema\.json$/g, ''));
  assert.deepEqual(
    leaves(program, []).filter((name) => !schemas.includes(name)),
    [],
  );
  for (const name of schemas) ajv.compile({ ...schemaOf(name), $id: `compile-${name}` });
});

test('hook, init, completion and errors print what their schemas say', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-schemas-'));
  execFileSync('git', ['init', '-q'], { cwd: folder });
  writeFileSync(join(folder, 'model.pkl'), 'cposix\nsystem\n(S"true"\ntR.');
  assertValid(folder, ['hook', 'model.pkl'], 'hook');
  assertValid(folder, ['init', '--yes'], 'init');
  assertValid(folder, ['completion', 'fish'], 'completion');
  assertValid(folder, ['verify', 'nowhere'], 'error');
  assertValid(folder, ['verify'], 'error');
});
