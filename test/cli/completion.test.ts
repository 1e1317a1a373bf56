import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PROGRAM } from '../program.ts';

/** A folder with a registry in it, `weighmark` on the path. */
function setting(): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-completion-'));
  const bin = join(folder, 'bin');
  for (const name of ['bin', 'work', 'work/m']) mkdirSync(join(folder, name));
  writeFileSync(join(bin, 'weighmark'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(join(bin, 'weighmark'), 0o755);
  writeFileSync(join(folder, 'work', 'm', 'f'), 'x');
  const cwd = join(folder, 'work');
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder,
    WEIGHMARK_REGISTRY: join(cwd, 'reg'),
  };
  for (const line of ['registry init reg', 'push m acme/demo:1'])
    assert.equal(spawnSync('weighmark', line.split(' '), { cwd, env }).status, 0, line);
  return { cwd, env };
}

function has(t: TestContext, shell: string): boolean {
  if (spawnSync(shell, ['--version']).status === 0) return true;
  t.skip(`no ${shell} here`);
  return false;
}

test('fish completes commands, option values, tags and files', (t) => {
  if (!has(t, 'fish')) return;
  const { cwd, env } = setting();
  const complete = (line: string): readonly string[] =>
    spawnSync('fish', ['-c', `weighmark completion fish | source; complete -C '${line}'`], {
      cwd,
      env,
      encoding: 'utf8',
    })
      .stdout.split('\n')
      .map((each) => each.split('\t')[0] ?? '');
  assert.ok(complete('weighmark polic').includes('policy'));
  assert.deepEqual(complete('weighmark seal --fail-on cri').filter(Boolean), ['critical']);
  assert.ok(complete('weighmark verify acme/').includes('acme/demo:1'));
  assert.ok(complete('weighmark seal ').includes('m/'));
});

test('zsh completes commands, option values and tags, at a terminal', (t) => {
  if (!has(t, 'zsh') || spawnSync('tmux', ['-V']).status !== 0) return t.skip('no zsh or tmux here');
  const { cwd, env } = setting();
  const socket = `weighmark-${process.pid}`;
  const tmux = (...words: string[]) => spawnSync('tmux', ['-L', socket, ...words], { cwd, env, encoding: 'utf8' });
  t.after(() => tmux('kill-server'));
  const screen = () => tmux('capture-pane', '-p').stdout;
  /** Waits for what is shown, not for a time: a bound on turns keeps a failure finite. */
  const until = (wanted: RegExp): string => {
    for (let turn = 0; turn < 600 && !wanted.test(screen()); turn += 1) spawnSync('sleep', ['0.2']);
    return screen();
  };
  tmux('new-session', '-d', '-x', '120', '-y', '40', 'zsh -f');
  tmux(
    'send-keys',
    'PS1=\'READY> \'; autoload -Uz compinit; compinit -u -D; eval "$(weighmark completion zsh)"; clear',
    'Enter',
  );
  until(/^READY>$/m);
  for (const [typed, wanted] of [
    ['weighmark polic', /weighmark policy/],
    ['weighmark seal --fail-on cri', /--fail-on critical/],
    ['weighmark verify acme/d', /verify acme\/demo:1/],
  ] as const) {
    tmux('send-keys', 'C-u', typed, 'Tab');
    assert.match(until(wanted), wanted);
  }
});
