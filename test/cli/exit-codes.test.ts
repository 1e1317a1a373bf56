import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Run } from '../../src/cli/command.ts';
import { allCommands } from '../../src/cli/main.ts';
import { commandPath, leaves } from '../../src/cli/program.ts';
import { THOROUGH } from '../thorough.ts';
import { CASES, exitCodesMarkdown, WORLD } from './exit-codes.ts';
import { runTranscript, type Step } from './transcript.ts';

const run: Run = () => async () => undefined;
const COMMANDS = leaves(await allCommands('0.0.0', run)).map(commandPath);
const PAGE = 'docs/exit-codes.md';

test('docs/exit-codes.md is what the cases say, and every command has some', () => {
  const page = exitCodesMarkdown(COMMANDS);
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, 'utf8'), page);
  const known = new Set(CASES.map(({ command }) => command));
  assert.deepEqual(
    [...known].filter((command) => !COMMANDS.includes(command)),
    [],
  );
  assert.deepEqual(
    COMMANDS.filter((command) => !known.has(command)),
    [],
  );
});

// Two hundred starts of the program, one after the other.
const later = THOROUGH ? false : '`npm run test:thorough` looks';

test('every exit code in the table is the one that its command ends with', { skip: later }, () => {
  const step = (command: string, exitCode: number): Step => ({ line: 0, command, stdout: [], stderr: [], exitCode });
  const registry = (line: string) => `export WEIGHMARK_REGISTRY=$PWD/reg; ${line}`;
  runTranscript([
    ...WORLD.map((line) => step(registry(line), 0)),
    ...CASES.map(({ line, exit }) => step(registry(line), exit)),
  ]);
});

test('every command refuses an option that it does not have, with 2', () => {
  runTranscript(
    ['verify', 'bom create', 'log void', 'completion', 'explain'].map((command) => ({
      line: 0,
      command: `weighmark ${command} --no-such-option`,
      stdout: [],
      stderr: [],
      exitCode: 2,
    })),
  );
});
