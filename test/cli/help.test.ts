import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import type { Run } from '../../src/cli/command.ts';
import { examplesOf } from '../../src/cli/examples.ts';
import { allCommands } from '../../src/cli/main.ts';
import { commandPath, leaves } from '../../src/cli/program.ts';
import { manualPages } from '../../src/cli/views/manual.ts';

/** The real command tree; an action only tells that its command was understood. */
async function tree(understood: (command: Command) => void = () => undefined): Promise<Command> {
  const run: Run =
    () =>
    async (...args) =>
      understood(args.at(-1) as Command);
  return allCommands('0.0.0', run);
}

test('every command has examples, and each of them is a command line that parses', async () => {
  for (const command of leaves(await tree())) {
    const examples = examplesOf(commandPath(command));
    assert.ok(examples.length > 0, `${commandPath(command)} has no example`);
    for (const line of examples) {
      let met: string | undefined;
      const program = await tree((found) => (met = commandPath(found)));
      await program.parseAsync(wordsOf(line), { from: 'user' });
      assert.equal(met, commandPath(command), line);
    }
  }
});

test('--help shows the examples', () => {
  const { stdout, status } = spawnSync(process.execPath, ['bin/weighmark.js', 'log', 'prove', '--help'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0);
  assert.match(stdout, /\nExamples:\n {2}weighmark log prove acme\/demo:1/);
});

test('a manual page for every command names its options and says nothing that groff warns of', async (t) => {
  const program = await tree();
  const pages = manualPages(program, '0.0.0');
  assert.equal(pages.length, leaves(program).length + 1);
  const { man } = JSON.parse(readFileSync('package.json', 'utf8')) as { man: readonly string[] };
  assert.deepEqual(
    pages.map(({ name }) => `./man/${name}`).sort(),
    [...man].sort(),
    'npm installs what package.json lists',
  );
  const verify = pages.find(({ name }) => name === 'weighmark-verify.1')?.text ?? '';
  for (const wanted of [
    '\\-\\-only <glob>',
    '.SH TRUST OPTIONS',
    '.SH COMMON OPTIONS',
    '.SH EXAMPLES',
    'weighmark verify model',
  ])
    assert.ok(verify.includes(wanted), wanted);
  if (spawnSync('groff', ['--version']).status !== 0) return t.skip('no groff here');
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-manual-'));
  for (const { name, text } of pages) {
    writeFileSync(join(folder, name), text);
    const { stderr, status } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-Kutf8', '-z', join(folder, name)], {
      encoding: 'utf8',
    });
    assert.deepEqual({ name, status, stderr }, { name, status: 0, stderr: '' });
  }
});

/** What a shell makes of the words up to the first redirection, pipe or second command. */
function wordsOf(line: string): readonly string[] {
  const [, command = ''] = /weighmark (.*?)(?:\)"| [|>&].*|\\n.*)?$/.exec(line) ?? [];
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}
