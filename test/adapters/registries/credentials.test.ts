import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createAuthorizer, denied, parseChallenge } from '../../../src/adapters/registries/oci/auth.ts';
import { findCredentials } from '../../../src/adapters/registries/oci/credentials.ts';

type Tree = Readonly<Record<string, object>>;

async function user(t: TestContext, files: Tree) {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-credentials-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(content));
  }
  const deps = (env: Record<string, string> = {}) => ({ env: { HOME: folder, ...env }, cwd: folder });
  return { folder, deps };
}

function auth(name: string): { auth: string } {
  return { auth: Buffer.from(`${name}:s3cret`).toString('base64') };
}

async function nameOf(found: ReturnType<typeof findCredentials>): Promise<string | null> {
  const credentials = await found;
  return credentials !== null && 'username' in credentials ? credentials.username : null;
}

describe('Podman’s file', () => {
  test('is read at each of its places, after Docker’s; the first that knows the host decides', async (t) => {
    const { folder, deps } = await user(t, {
      '.docker/config.json': { auths: { 'a.example': auth('docker') } },
      'run/containers/auth.json': { auths: { 'a.example': auth('run'), 'b.example': auth('run') } },
      '.config/containers/auth.json': { auths: { 'b.example': auth('home'), 'c.example': auth('home') } },
      'named.json': { auths: { 'a.example': auth('named') } },
    });
    const running = deps({ XDG_RUNTIME_DIR: join(folder, 'run') });
    assert.equal(await nameOf(findCredentials('a.example', running)), 'docker');
    assert.equal(await nameOf(findCredentials('b.example', running)), 'run');
    assert.equal(await nameOf(findCredentials('c.example', running)), 'home');
    assert.equal(await nameOf(findCredentials('b.example', deps())), 'home');
    const named = deps({ REGISTRY_AUTH_FILE: join(folder, 'named.json') });
    assert.equal(await nameOf(findCredentials('a.example', named)), 'named');
    const moved = deps({ XDG_CONFIG_HOME: join(folder, 'run') });
    assert.equal(await nameOf(findCredentials('b.example', moved)), 'run');
    assert.equal(await findCredentials('d.example', running), null);
  });

  test('has credentials for parts of a registry: the longest that holds the repository', async (t) => {
    const { deps } = await user(t, {
      '.config/containers/auth.json': {
        auths: { 'q.example': auth('all'), 'q.example/acme': auth('acme'), 'q.example/acme/enc': auth('enc') },
      },
    });
    for (const [repository, name] of [
      ['acme/enc', 'enc'],
      ['acme/enc/x', 'enc'],
      ['acme/encoder', 'acme'],
      ['acmex/enc', 'all'],
      ['', 'all'],
    ] as const)
      assert.equal(await nameOf(findCredentials('q.example', deps(), repository)), name, repository);
    const authorizer = createAuthorizer(new URL('https://q.example'), deps());
    const basic = parseChallenge('Basic realm="x"');
    for (const repository of ['acme/enc', 'other'])
      assert.equal(await authorizer.answer(basic, `repository:${repository}:pull`), true);
    assert.equal(authorizer.headerFor('repository:acme/enc:pull,push'), `Basic ${auth('enc').auth}`);
    assert.equal(authorizer.headerFor('repository:other:pull'), `Basic ${auth('all').auth}`);
  });
});

describe('Docker Hub', () => {
  for (const key of ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io'])
    test(`is found under ${key}`, async (t) => {
      const { deps } = await user(t, { '.docker/config.json': { auths: { [key]: auth('anna') } } });
      assert.equal(await nameOf(findCredentials('registry-1.docker.io', deps())), 'anna');
      assert.equal(await findCredentials('docker.io.evil.example', deps()), null);
    });

  test('is asked for by the name that Docker’s helpers keep it under', async (t) => {
    const { folder, deps } = await user(t, { '.docker/config.json': { credsStore: 'test' } });
    const helper = join(folder, 'bin', 'docker-credential-test');
    await mkdir(dirname(helper));
    await writeFile(helper, '#!/bin/sh\nread host\necho "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"x\\"}"\n');
    await chmod(helper, 0o755);
    const found = { ...deps({ PATH: `${join(folder, 'bin')}:/bin:/usr/bin` }), cwd: '/' };
    assert.equal(
      await nameOf(findCredentials('registry-1.docker.io', { ...found, cwd: '/nowhere' })),
      'https://index.docker.io/v1/',
    );
  });

  test('whoever is refused is told the name to log in to', () => {
    assert.match(denied(new URL('https://registry-1.docker.io'), 401).hint ?? '', /docker login docker\.io`/);
  });
});

test('a store that knows nothing leaves it to the next file', async (t) => {
  const { folder, deps } = await user(t, {
    '.docker/config.json': { credsStore: 'empty', auths: { 'a.example': {} } },
    '.config/containers/auth.json': { auths: { 'a.example': auth('podman') } },
  });
  const helper = join(folder, 'bin', 'docker-credential-empty');
  await mkdir(dirname(helper));
  await writeFile(helper, '#!/bin/sh\necho "credentials not found in native keychain"\nexit 1\n');
  await chmod(helper, 0o755);
  const found = { ...deps({ PATH: `${join(folder, 'bin')}:/bin:/usr/bin` }), cwd: '/nowhere' };
  assert.equal(await nameOf(findCredentials('a.example', found)), 'podman');
});
