import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-questions-'));
  mkdirSync(join(folder, 'repository'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'a.bin'), 'weights');
  for (const words of [
    ['keygen', 'anna', '--no-password'],
    ['registry', 'init', 'reg'],
    ['push', 'm', 'acme/m:1'],
  ])
    spawnSync(process.execPath, [PROGRAM, ...words], { cwd: folder, env: environment() });
});
after(() => rmSync(folder, { recursive: true, force: true }));

function environment(): Record<string, string> {
  const home = join(folder, 'home');
  return { ...BARE, HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, WEIGHMARK_REGISTRY: 'reg', TERM: 'xterm' };
}

/** A terminal is needed, and only util-linux' `script` gives one in these words. */
const NO_TERMINAL = spawnSync('sh', ['-c', 'script --version | grep -q util-linux']).status !== 0;

test(
  'on a terminal a question stands to be read while it waits, and "n" does nothing and says why',
  { skip: NO_TERMINAL },
  async () => {
    const written = await onTerminal(['init', 'repository'], 'n');
    assert.match(written.asked, /^write weighmark\.yaml, policy\.yaml, .*\? \[y\/N\] n$/m);
    assert.match(written.screen, /nothing was written: you said no/);
    assert.doesNotMatch(written.screen, /permissions/);
    assert.deepEqual(readdirSync(join(folder, 'repository')), []);

    const revoked = await onTerminal(
      ['revoke', 'acme/m:1', '--reason', 'wrong', '--key', 'anna.key', '--policy', policyFile()],
      'n',
    );
    assert.match(revoked.asked, /^revoke .*\? \[y\/N\] n$/m, revoked.screen);
    assert.match(revoked.screen, /nothing was signed: you said no/);
    assert.doesNotMatch(revoked.screen, /run the same/);
  },
);

/** Anna alone, who may do everything. */
function policyFile(): string {
  const path = join(folder, 'policy.json');
  const key = readFileSync(join(folder, 'anna.pub'), 'utf8').replaceAll(/-----.*-----|\n/g, '');
  const roles = { publisher: ['anna'], revoker: ['anna'], promoter: ['anna'], approver: ['anna'] };
  const policy = {
    format: 'weighmark-policy/1',
    name: 'acme',
    version: 1,
    expires: '2099-01-01',
    principals: { anna: { keys: [key] } },
    roles,
    environments: [{ name: 'prod' }],
  };
  writeFileSync(path, JSON.stringify(policy));
  return path;
}

/** The screen once the letter stands behind the question, and at the end. The terminal echoes nothing: the program does. */
function onTerminal(words: readonly string[], letter: string): Promise<{ asked: string; screen: string }> {
  const line = [process.execPath, PROGRAM, ...words].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 500 -echo; ${line}`, '/dev/null'], {
    cwd: folder,
    env: environment(),
    timeout: 60_000,
  });
  let [stream, asked, typedAt] = ['', '', -1];
  child.stdout.on('data', (bytes: Buffer) => {
    stream += bytes.toString();
    if (typedAt < 0 && stream.includes('[y/N] ')) {
      typedAt = stream.length;
      child.stdin.write(letter);
    } else if (typedAt >= 0 && asked === '' && stream.slice(typedAt).includes(letter)) {
      asked = shown(stream);
      child.stdin.write('\r');
    }
  });
  return new Promise((done) => child.on('close', () => done({ asked, screen: shown(stream) })));
}

/** What a person sees of a stream: carriage returns, going to a column (CSI G) and clearing to the end (CSI J, K) are done. */
function shown(stream: string): string {
  const lines = [''];
  let column = 0;
  // eslint-disable-next-line no-control-regex -- a terminal's own bytes
  for (const [piece, count, order] of stream.matchAll(/\x1b\[\??([\d;]*)([A-Za-z])|[^]/g)) {
    const line = lines.at(-1) ?? '';
    if (order === 'G') column = Number(count || 1) - 1;
    else if (order === 'J' || order === 'K') lines[lines.length - 1] = line.slice(0, column);
    else if (order !== undefined) continue;
    else if (piece === '\r') column = 0;
    else if (piece === '\n') lines.push('');
    else lines[lines.length - 1] = line.padEnd(column).slice(0, column) + piece + line.slice(++column);
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}
