import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CODES, type Code } from '../../src/domain/base/errors.ts';
import type { Command } from 'commander';
import { allCommands, commandNames } from '../../src/cli/main.ts';
import { runTranscript, type Step } from './transcript.ts';

/**
 * The `console` blocks of a page as steps: every `$ command` must end as the page says (`[exit N]`, else 0), and print the lines
 * that the page shows, word for word (`…` for what varies).
 */
function stepsOf(page: string): readonly Step[] {
  const blocks = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)];
  const exports: string[] = [];
  return blocks.flatMap(([, block = '']) => {
    const commands = block.split(/^\$ /m).slice(1);
    return commands.map((text, index) => {
      const exitCode = Number(/^\[exit (\d+)\]$/m.exec(text)?.[1] ?? 0);
      const heredoc = /<<END\n[\s\S]*?^END$/m.exec(text);
      const end = heredoc === null ? text.indexOf('\n') : heredoc.index + heredoc[0].length;
      const command = [...exports, text.slice(0, end)].join('\n');
      exports.push(
        ...[...command.matchAll(/\bexport \w+=\S+/g)].map(([word]) => word).filter((word) => !exports.includes(word)),
      );
      const shows = text
        .slice(end)
        .split('\n')
        .filter((line) => line !== '' && !/^\[exit \d+\]$/.test(line));
      return { line: index + 1, command, stdout: [], stderr: [], exitCode, shows };
    });
  });
}

for (const path of ['README.md', ...globSync('docs/*.md')].toSorted()) {
  const steps = stepsOf(readFileSync(path, 'utf8'));
  if (steps.length > 0) test(`the commands of ${path} run as written`, () => runTranscript(steps));
}

/** Every command line on a page, run or not: in code blocks and in running text. */
function commandLinesOf(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^```(?:sh|console|yaml)\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  const inline = [...page.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  const lines = [...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')), ...inline];
  return lines.flatMap((line) =>
    [...line.matchAll(/(?<![\w./-]|-t )weighmark ((?:[^&|;#\\]|#(?=\S))+)/g)].map(([, words = '']) => words),
  );
}

test('every command on every page is one there is, with options that it has', async () => {
  const program = await allCommands('0.0.0', () => async () => undefined);
  for (const path of ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...globSync('docs/*.md')])
    for (const line of commandLinesOf(readFileSync(path, 'utf8'))) {
      const [own = ''] = line.split(/ -- /);
      const words = own.split(/\s+/);
      if (!/^[a-z]/.test(words[0] ?? '')) continue;
      let command: Command | undefined = program;
      for (const word of words) {
        const next: Command | undefined = command.commands.find((each) => each.name() === word);
        if (next === undefined) break;
        command = next;
      }
      assert.notEqual(command, program, `${path}: weighmark ${line}`);
      for (const [, option] of own.matchAll(/(?<![\w"'=-])(--[a-z][a-z-]*)/g))
        assert.ok(
          command.options.some(({ long }) => long === option) || /^--(?:help|version)$/.test(option ?? ''),
          `${path}: weighmark ${line}: ${option}`,
        );
    }
});

test('links between pages lead somewhere', () => {
  for (const path of ['README.md', ...globSync('docs/*.md')]) {
    const folder = path.includes('/') ? 'docs/' : '';
    for (const [, target = ''] of readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g))
      assert.ok(globSync(folder + target).length === 1, `${path} links to ${target}`);
  }
});

test('every error code is explained, under the exit code it leads to', () => {
  const sections = readFileSync('docs/errors.md', 'utf8').split(/^## Exit code /m);
  const codes = sections.slice(1).flatMap((section) => {
    const exits = (/^[\d, ]+/.exec(section)?.[0] ?? '').split(',').map(Number);
    return [...section.matchAll(/^### (.+)$/gm)].map(([, code = '']) => ({ code, exits }));
  });
  assert.deepEqual(codes.map(({ code }) => code).toSorted(), Object.keys(CODES).toSorted());
  for (const { code, exits } of codes)
    assert.ok(exits.includes(CODES[code as Code]), `${code} leads to ${CODES[code as Code]}`);
});

test('the README names every command', () => {
  const readme = readFileSync('README.md', 'utf8');
  assert.deepEqual(
    commandNames().filter((name) => !new RegExp(`\`${name}[\` ]`).test(readme)),
    [],
  );
});
