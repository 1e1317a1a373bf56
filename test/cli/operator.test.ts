import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyLine } from '../public-key.ts';
import { startRegistry } from '../adapters/registries/server.ts';
import { BARE, PROGRAM } from '../program.ts';

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Asynchronous: the registry is served by this very process. */
function weighmark(folder: string, home: string, words: readonly string[]): Promise<Ran> {
  const env = { ...BARE, HOME: join(folder, home), NO_COLOR: '1' };
  return new Promise((done) =>
    execFile(process.execPath, [PROGRAM, ...words], { cwd: folder, env }, (error, stdout, stderr) =>
      done({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  );
}

test('whoever has the log key integrates by doing; who has not is told, and nothing is promoted before a reader says so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-operator-'));
  const { host } = await startRegistry(t);
  const registry = ['--registry', `oci://${host}/acme`];
  const gate = ['--policy', 'policy.yaml', ...registry];
  const run = (home: string, ...words: string[]) => weighmark(folder, home, words);
  const ok = async (home: string, ...words: string[]): Promise<Ran> => {
    const ran = await run(home, ...words);
    assert.equal(ran.status, 0, `${words.join(' ')}\n${ran.stdout}${ran.stderr}`);
    return ran;
  };
  for (const name of ['tom', 'bot', 'rita']) await ok('boss', 'keygen', name, '--no-password');
  const key = (name: string) => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1
name: demo
version: 1
expires: 2099-01-01
principals:
  tom: { keys: [${key('tom')}] }
  bot: { keys: [${key('bot')}] }
  rita: { keys: [${key('rita')}] }
roles: { publisher: [tom], trainer: [tom], promoter: [bot], revoker: [rita] }
environments: [{ name: prod, require: [bom] }]
`,
  );
  for (const path of ['data', 'more', 'm1', 'm2']) {
    mkdirSync(join(folder, path));
    writeFileSync(join(folder, path, 'rows.csv'), `${path},b\n1,2\n`);
  }
  await ok('boss', 'registry', 'init', `oci://${host}/acme`);
  for (const data of ['data', 'more']) await ok('boss', 'seal', data, '--name', `${data}:1`, '--key', 'tom.key');
  for (const [version, data] of [
    ['1', 'data'],
    ['2', 'more'],
  ])
    await ok(
      'boss',
      ...`seal m${version} --name demo:${version} --step train --input dataset=${data} --key tom.key`.split(' '),
    );

  await ok('boss', 'push', 'data', 'data:1', ...registry);
  const pushed = await ok('boss', 'push', 'm1', 'demo:1', ...registry);
  assert.doesNotMatch(pushed.stderr, /wait/);
  const promoted = await ok('boss', 'promote', 'demo:1', '--env', 'prod', '--key', 'bot.key', ...gate);
  assert.match(promoted.stdout, /^demo@sha256:/);
  await ok('boss', 'verify', 'demo:1', '--env', 'prod', ...gate);

  await ok('mate', 'push', 'more', 'more:1', ...registry);
  const late = await ok('mate', 'push', 'm2', 'demo:2', ...registry);
  assert.match(late.stderr, /\d entries wait for the log's operator/);
  const pin = async (): Promise<string[]> => {
    const { stdout } = await ok('boss', 'log', 'verify', '--json', ...registry);
    const { size, root } = JSON.parse(stdout) as { size: number; root: string };
    return ['--min-checkpoint', `${size}:${root}`];
  };
  const early = await run('mate', 'promote', 'demo:2', '--env', 'prod', '--key', 'bot.key', ...gate, ...(await pin()));
  assert.equal(early.status, 1, early.stderr);
  assert.match(early.stderr, /note {7}\d entries wait for the log's operator \(`weighmark log integrate`\)/);
  assert.match((await ok('boss', 'log', 'integrate', ...gate)).stderr, /entries added/);

  const waiting = await run(
    'mate',
    'promote',
    'demo:2',
    '--env',
    'prod',
    '--key',
    'bot.key',
    ...gate,
    ...(await pin()),
  );
  assert.equal(waiting.status, 4, waiting.stderr);
  assert.equal(waiting.stdout, '');
  assert.match(waiting.stderr, /error\[log-pending\].*1 entry waits for the log's operator/);
  assert.match(waiting.stderr, /UNDECIDED: .*; not promoted to prod yet\n$/);
  assert.equal((await run('boss', 'verify', 'demo:2', '--env', 'prod', ...gate)).status, 1);
  assert.equal((await ok('boss', 'verify', 'demo:prod', '--env', 'prod', ...gate)).status, 0, 'the tag did not move');
  await ok('boss', 'log', 'integrate', ...gate);
  await ok('boss', 'verify', 'demo:2', '--env', 'prod', ...gate);
  assert.match((await ok('boss', 'show', 'demo:prod', ...registry)).stdout, /demo/);
  await ok('boss', 'verify', 'demo:prod', '--env', 'prod', ...gate);

  const revoke = ['revoke', 'demo:2', '--reason', 'bad', '--yes', '--key', 'rita.key', ...gate];
  const said = await run('mate', ...revoke);
  assert.equal(said.status, 4, said.stderr);
  assert.match(said.stderr, /log-pending/);
  assert.doesNotMatch(said.stderr, /^REVOKED/m);
  assert.match((await ok('boss', ...revoke)).stderr, /REVOKED by rita, log entry \d+/);
  assert.equal((await run('boss', 'verify', 'demo:2', '--env', 'prod', ...gate)).status, 1);
});
