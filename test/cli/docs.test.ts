import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CODES, type Code } from '../../src/domain/base/errors.ts';
import { commandNames } from '../../src/cli/main.ts';
import { runTranscript, type Step } from './transcript.ts';

/** The `console` blocks of a page as steps: every `$ command` must end as the page says (`[exit N]`, else 0). */
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
      return { line: index + 1, command, stdout: [], stderr: [], exitCode };
    });
  });
}

for (const path of ['README.md', ...globSync('docs/*.md')].toSorted()) {
  const steps = stepsOf(readFileSync(path, 'utf8'));
  if (steps.length > 0) test(`the commands of ${path} run as written`, () => runTranscript(steps));
}

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
