import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { PROGRAM } from '../program.ts';

/** One command of a transcript and what it must print. */
export interface Step {
  readonly line: number;
  readonly command: string;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly exitCode: number;
  /** Lines that must be among those printed, on whichever stream; `…` stands for what varies. */
  readonly shows?: readonly string[];
}

/**
 * A transcript is a specification to read: `# comment`, `$ command`, `| line of stdout`, `! line of stderr`, `= exit code`
 * (0 if absent). `<hex>`, `<n>` and `<any>` stand for what varies; a line `...` for any number of lines.
 */
export function parseTranscript(text: string): readonly Step[] {
  const steps: { line: number; command: string; stdout: string[]; stderr: string[]; exitCode: number }[] = [];
  text.split('\n').forEach((line, index) => {
    const step = steps.at(-1);
    if (line.startsWith('$ '))
      steps.push({ line: index + 1, command: line.slice(2), stdout: [], stderr: [], exitCode: 0 });
    else if (line.startsWith('|')) step?.stdout.push(line.slice(2));
    else if (line.startsWith('!')) step?.stderr.push(line.slice(2));
    else if (line.startsWith('= ')) Object.assign(step ?? {}, { exitCode: Number(line.slice(2)) });
    else assert.match(line, /^(#.*)?$/, `line ${index + 1} is neither command, output nor comment`);
  });
  return steps;
}

/** Runs the steps with `sh` in an empty folder, with an empty home, `weighmark` on the path, and nobody's terminal. */
export function runTranscript(steps: readonly Step[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-cli-'));
  const env = environment(folder);
  const cwd = join(folder, 'work');
  for (const step of steps) {
    const { stdout, stderr, status } = spawnSync('sh', ['-c', step.command], { cwd, env, encoding: 'utf8', input: '' });
    const shown = `line ${step.line}: $ ${step.command}\n--- stdout\n${stdout}--- stderr\n${stderr}`;
    assert.equal(status, step.exitCode, `exit code of ${shown}`);
    assertLines(stdout, step.stdout, shown);
    assertLines(stderr, step.stderr, shown);
    for (const line of step.shows ?? [])
      assert.match(
        `${stdout}\n${stderr}`,
        new RegExp(`^${elided(line)}$`, 'm'),
        `"${line}" is not printed by ${shown}`,
      );
  }
}

function environment(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  for (const name of ['bin', 'work', 'home']) mkdirSync(join(folder, name));
  writeFileSync(join(bin, 'weighmark'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(join(bin, 'weighmark'), 0o755);
  const home = join(folder, 'home');
  const path = [bin, resolve('node_modules/.bin'), process.env['PATH']].join(delimiter);
  const cache = resolve('node_modules/.cache/weighmark-test');
  return {
    PATH: path,
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_STATE_HOME: join(home, 'state'),
    XDG_CACHE_HOME: cache,
    NO_COLOR: '1',
    REPO: resolve('.'),
  };
}

function assertLines(text: string, expected: readonly string[], shown: string): void {
  if (expected.length === 0) return;
  const pattern = expected.map((line) => (line === '...' ? '(?:[^\\n]*\\n)*?' : `${patternOf(line)}\\n`)).join('');
  assert.match(text, new RegExp(`^${pattern}$`), `unexpected output of ${shown}`);
}

function elided(line: string): string {
  return line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '[^\\n]*');
}

function patternOf(line: string): string {
  const escaped = line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return escaped.replaceAll('<hex>', '[0-9a-f]+').replaceAll('<n>', '[0-9][0-9,.]*').replaceAll('<any>', '[^\\n]*');
}
