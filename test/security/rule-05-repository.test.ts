import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';
let repository = '';
let server: Server;
let asked = 0;

/** A cloned repository whose configuration names its own key, policy and registry, and a model that all of them vouch for. */
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-rule-5-'));
  repository = join(folder, 'clone');
  mkdirSync(join(repository, 'model'), { recursive: true });
  mkdirSync(join(folder, 'home'));
  server = createServer((_request, response) => ((asked += 1), response.writeHead(404).end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const args of [
    ['init', '-q'],
    ['config', 'user.name', 'm'],
    ['config', 'user.email', 'm@evil.example'],
  ])
    spawnSync('git', args, { cwd: repository });
  writeFileSync(join(repository, 'model', 'config.json'), '{}');
  run(['keygen', join(folder, 'mallory'), '--no-password']);
  run(['seal', 'model', '--name', 'acme/enc:1', '--key', join(folder, 'mallory.key')]);
  const pem = readFileSync(join(folder, 'mallory.pub'), 'utf8');
  const key = keyLine(pem);
  writeFileSync(
    join(repository, 'policy.yaml'),
    `format: weighmark-policy/1\nname: theirs\nversion: 1\nexpires: 2099-01-01\nprincipals: { mallory: { keys: [${key}] } }\nroles: { trainer: [mallory], promoter: [mallory] }\nenvironments:\n  - name: prod\n    require: [bom]\n`,
  );
  cpSync(join(folder, 'mallory.pub'), join(repository, 'mallory.pub'));
  writeFileSync(
    join(repository, 'weighmark.yaml'),
    `registry: oci://127.0.0.1:${(server.address() as AddressInfo).port}/evil\npolicy: policy.yaml\noffline: false\ntrust:\n  - name: mallory\n    key: ${JSON.stringify(pem)}\n`,
  );
});
after(() => (server.close(), rmSync(folder, { recursive: true, force: true })));

function environment(): Record<string, string | undefined> {
  return { ...BARE, HOME: join(folder, 'home') };
}

function run(args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: repository,
    encoding: 'utf8',
    env: environment(),
  });
  return { status, output: stdout + stderr };
}

/** Lets this process answer as a registry meanwhile. */
async function meanwhile(args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: repository, env: environment() });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output };
}

test('rule 5: in a hostile repository nothing it names is trusted, opened or asked', async () => {
  const verified = run(['verify', 'model']);
  assert.notEqual(verified.status, 0);
  assert.doesNotMatch(verified.output, /^VERIFIED/m);
  for (const args of [
    ['pull', 'acme/enc:1', 'out'],
    ['promote', 'acme/enc:1', '--env', 'prod', '--key', join(folder, 'mallory.key')],
    ['audit'],
    ['report'],
    ['list'],
    ['push', 'model', 'acme/enc:1'],
  ]) {
    const { status, output } = await meanwhile(args);
    assert.equal(status, 2, `${args.join(' ')}: ${output}`);
    assert.match(output, /no (?:policy|registry) is named/, args.join(' '));
  }
  assert.equal(asked, 0, 'their registry was not asked');
  assert.ok(!existsSync(join(repository, 'out')));
});

test('rule 5: the hook takes over no more than to be stricter, and suppresses nothing', () => {
  writeFileSync(join(repository, 'bad.pkl'), 'cposix\nsystem\n(S"true"\ntR.');
  const configured = readFileSync(join(repository, 'weighmark.yaml'), 'utf8');
  writeFileSync(join(repository, 'weighmark.yaml'), `${configured}hook: { unsealed: warn, ignore: [bad.pkl] }\n`);
  const { status, output } = run(['hook', 'bad.pkl']);
  assert.equal(status, 1);
  assert.match(output, /error\[scan-finding\]/);
  writeFileSync(join(repository, 'weighmark.yaml'), configured);
  rmSync(join(repository, 'bad.pkl'));
});

test('rule 5: allowed by its digest the same file counts: the test sees what it looks for', async () => {
  assert.equal(run(['trust', 'allow', 'weighmark.yaml']).status, 0);
  const { status, output } = run(['verify', 'model']);
  assert.equal(status, 0, output);
  await meanwhile(['list']);
  assert.ok(asked > 0, 'now their registry is asked');
});
