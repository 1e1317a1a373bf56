import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { heldToSchema } from './schema.ts';
import { BARE, PROGRAM } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-trust-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly node?: readonly string[] } = {},
): Ran {
  const env = {
    ...BARE,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    ...options.env,
  };
  return spawnSync(process.execPath, [...(options.node ?? []), PROGRAM, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env,
    input: '',
  });
}

/** Runs with --json and holds what is printed to its published schema. */
function json(name: string, args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = run([...args, '--json']);
  assert.equal(status, 0, stderr);
  return heldToSchema(name, stdout);
}

test('keygen and trust print what their schemas say', () => {
  assert.equal(json('keygen', ['keygen', 'anna', '--no-password'])['encrypted'], false);
  json('trust-add', ['trust', 'add', 'anna', '--key', 'anna.pub', '--for', 'acme/*']);
  json('trust-add', [
    'trust',
    'add',
    'ci',
    '--github',
    'acme/models',
    '--workflow',
    'release.yml',
    '--ref',
    'refs/heads/main',
    '--environment',
    'production',
    '--trigger',
    'push',
    '--repository-id',
    '42',
  ]);
  json('trust-add', ['trust', 'add', 'lab', '--gitlab', 'group/sub/project']);
  json('trust-add', ['trust', 'add', 'bob', '--identity', 'bob@example.com', '--issuer', 'https://accounts.example']);
  json('trust-add', [
    'trust',
    'add',
    'team',
    '--identity-regexp',
    '.+@example\\.com',
    '--issuer',
    'https://accounts.example',
  ]);
  writeFileSync(join(folder, 'weighmark.yaml'), 'registry: models\n');
  json('trust-allow', ['trust', 'allow']);
  assert.equal((json('trust-list', ['trust', 'list'])['entries'] as unknown[]).length, 5);
  json('trust-export', ['trust', 'export', 'anna']);
  json('trust-remove', ['trust', 'remove', 'lab']);
});

test('what is exported is a store on another machine', () => {
  writeFileSync(join(folder, 'exported.yaml'), run(['trust', 'export', 'bob', 'team']).stdout);
  const { stdout } = run(['trust', 'list'], { env: { WEIGHMARK_TRUST: 'exported.yaml' } });
  assert.deepEqual(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ')[0]),
    ['bob', 'team'],
  );
});

test('no secret in any output: failing sign runs tell neither token, key nor password', () => {
  mkdirSync(join(folder, 'model'));
  writeFileSync(join(folder, 'model', 'weights.bin'), 'w');
  const token = [
    'eyJhbGciOiJFUzI1NiJ9',
    Buffer.from(JSON.stringify({ aud: 'sigstore', sub: 'x', exp: 4_000_000_000, secretClaim: 'abcdefgh' })).toString(
      'base64url',
    ),
    'c2lnbmF0dXJlc2lnbmF0dXJl',
  ].join('.');
  writeFileSync(join(folder, 'token'), token);
  const service = (url: string): object => ({
    url,
    majorApiVersion: 1,
    validFor: { start: '2020-01-01T00:00:00Z' },
    operator: 'x',
  });
  const dead = 'http://127.0.0.1:9';
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [service(dead)],
      rekorTlogUrls: [service(dead)],
      tsaUrls: [service(dead)],
    }),
  );
  const password = 'correct-horse-battery';
  assert.equal(run(['keygen', 'locked'], { env: { WEIGHMARK_KEY_PASSWORD: password } }).status, 0);
  const key = readFileSync(join(folder, 'locked.key'), 'utf8');
  const runs: readonly [readonly string[], Record<string, string>][] = [
    [['sign', 'model', '--identity-token', 'token', '--signing-config', 'config.json'], {}],
    [['sign', 'model', '--keyless', '--signing-config', 'config.json'], { SIGSTORE_ID_TOKEN: token }],
    [['sign', 'model', '--keyless', '--signing-config', 'config.json'], { SIGSTORE_ID_TOKEN: token.slice(0, -30) }],
    [
      ['sign', 'model', '--keyless', '--signing-config', 'config.json'],
      { ACTIONS_ID_TOKEN_REQUEST_URL: `${dead}/x`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token },
    ],
    [['sign', 'model', '--key', 'locked.key'], { WEIGHMARK_KEY_PASSWORD: `${password}-wrong` }],
    [['sign', 'model', '--key', 'locked.key', '--tsa', dead], { WEIGHMARK_KEY_PASSWORD: password }],
  ];
  for (const [args, env] of runs) {
    for (const format of [['--json'], ['-v']]) {
      const { status, stdout, stderr } = run([...args, ...format], {
        env: { ...env, WEIGHMARK_DEBUG: '1', NODE_DEBUG: '' },
      });
      assert.notEqual(status, 0, `${args.join(' ')}: ${stdout}`);
      assert.notEqual(status, 70, stderr);
      for (const secret of [...token.split('.').slice(1), password, key.split('\n')[1] ?? '', 'abcdefgh'])
        assert.ok(
          !`${stdout}${stderr}`.includes(secret),
          `${args.join(' ')} ${format.join('')} tells ${secret.slice(0, 8)}…: ${stderr}`,
        );
    }
  }
});

test('verifying by key loads nothing of Sigstore', () => {
  assert.equal(run(['sign', 'model', '--key', 'anna.key']).status, 0);
  const watch =
    "data:text/javascript,import{createRequire}from'node:module';process.on('exit',()=>console.error('LOADED '+Object.keys(createRequire('file:///x.js').cache).filter(p=>p.includes('@sigstore')).length))";
  const byKey = run(['verify', 'model', '--key', 'anna.pub'], { node: ['--import', watch] });
  assert.equal(byKey.status, 0, byKey.stderr);
  assert.match(byKey.stderr, /LOADED 0\n/);
});

test('rule 1: a key that lies inside the artifact is no trust', () => {
  writeFileSync(join(folder, 'model', 'signer.pub'), readFileSync(join(folder, 'anna.pub')));
  const { status, stdout, stderr } = run(['verify', 'model', '--key', 'model/signer.pub']);
  assert.equal(status, 2, stdout);
  assert.match(stdout + stderr, /anchor-inside/);
});

test('trust that is named and not there is undecided', () => {
  assert.equal(run(['verify', 'model', '--key', 'nowhere.pub']).status, 4);
  assert.equal(run(['verify', 'model', '--by', 'nobody']).status, 4);
});
