import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { initRegistry, openRegistry } from '../../src/adapters/registries/index.ts';
import { resolveHost } from '../../src/adapters/registries/oci/address.ts';
import { createAuthorizer, parseChallenge } from '../../src/adapters/registries/oci/auth.ts';
import { findCredentials, pathWithout } from '../../src/adapters/registries/oci/credentials.ts';
import { send, sendFollowing } from '../../src/adapters/registries/oci/http.ts';
import { end, listen, startRegistry } from '../adapters/registries/server.ts';

/** Security rule 23: secrets go only to hosts the caller named, exactly. */

async function home(t: TestContext, config: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-network-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, '.docker'));
  await writeFile(join(folder, '.docker', 'config.json'), JSON.stringify(config));
  return folder;
}

const SECRET = Buffer.from('anna:s3cret').toString('base64');

describe('rule 23: credentials', () => {
  test('belong to exactly one host: no prefix, suffix, sub-domain or port of another', async (t) => {
    const folder = await home(t, { auths: { 'ghcr.io': { auth: SECRET } } });
    const deps = { env: { HOME: folder }, cwd: folder };
    assert.deepEqual(await findCredentials('ghcr.io', deps), { username: 'anna', password: 's3cret' });
    for (const host of ['ghcr.io.evil.example', 'evil-ghcr.io', 'x.ghcr.io', 'ghcr.io:5000', 'hcr.io', 'gh'])
      assert.equal(await findCredentials(host, deps), null, host);
  });

  test('a helper is run by its safe name, without a shell, never out of the working folder', async (t) => {
    const folder = await home(t, { credHelpers: { 'ghcr.io': 'test', 'evil.example': '../../bin/sh -c id' } });
    const [tools, work] = [join(folder, 'tools'), join(folder, 'work')];
    for (const [place, word] of [
      [tools, 'right'],
      [work, 'planted'],
    ] as const) {
      await mkdir(place);
      await writeFile(
        join(place, 'docker-credential-test'),
        `#!/bin/sh\nread host\necho "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"${word}\\"}"\n`,
      );
      await chmod(join(place, 'docker-credential-test'), 0o755);
    }
    const deps = { env: { HOME: folder, PATH: `${work}:.:${tools}:/bin:/usr/bin` }, cwd: work };
    assert.deepEqual(await findCredentials('ghcr.io', deps), { username: 'ghcr.io', password: 'right' });
    await assert.rejects(findCredentials('evil.example', deps), { code: 'config-invalid' });
    assert.equal(pathWithout(`/a:.::${work}:${work}/bin:relative:/b`, work), '/a:/b');
  });

  test('never follow a redirect to another host; the blob still comes', async (t) => {
    const seen: (string | undefined)[] = [];
    const other = await listen(
      createServer((request, response) => {
        seen.push(request.headers.authorization);
        response.end('blob');
      }),
      t,
    );
    const first = await listen(
      createServer((_, response) => end(response, 307, { location: `http://${other}/blob` })),
      t,
    );
    const response = await sendFollowing({
      method: 'GET',
      url: new URL(`http://${first}/`),
      headers: { authorization: 'Bearer s3cret' },
    });
    response.stream.resume();
    assert.equal(response.status, 200);
    assert.deepEqual(seen, [undefined]);
  });

  test('never go to a token service on another host that nobody allowed', async (t) => {
    const folder = await home(t, { auths: {} });
    const seen: string[] = [];
    const tokens = await listen(
      createServer((request, response) => {
        seen.push(request.headers.authorization ?? 'none');
        response.end('{"token":"t"}');
      }),
      t,
    );
    const registry = new URL('http://127.0.0.1:5000');
    await writeFile(
      join(folder, '.docker', 'config.json'),
      JSON.stringify({ auths: { [registry.host]: { auth: SECRET } } }),
    );
    const challenge = parseChallenge(`Bearer realm="http://${tokens}/token",service="x"`);
    const refused = createAuthorizer(registry, { env: { HOME: folder }, cwd: folder });
    await assert.rejects(refused.answer(challenge, 'repository:x:pull'), { code: 'network', hint: new RegExp(tokens) });
    assert.deepEqual(seen, []);
    const allowed = createAuthorizer(registry, { env: { HOME: folder, WEIGHMARK_TOKEN_HOSTS: tokens }, cwd: folder });
    assert.equal(await allowed.answer(challenge, 'repository:x:pull'), true);
    assert.deepEqual(seen, [`Basic ${SECRET}`]);
    assert.equal(allowed.headerFor('repository:x:pull'), 'Bearer t');
  });

  test('never stand in an error', async (t) => {
    const folder = await home(t, {});
    const server = await startRegistry(t);
    await writeFile(
      join(folder, '.docker', 'config.json'),
      JSON.stringify({ auths: { [server.host]: { auth: SECRET } } }),
    );
    server.fault = (request, response) => {
      if (request.url === '/v2/') return false;
      end(response, 401, { 'www-authenticate': 'Basic realm="x"' });
      return true;
    };
    const error = await openRegistry(`oci://${server.host}/acme`, { env: { HOME: folder } }).then(
      () => assert.fail(),
      (caught: Error) => caught,
    );
    assert.ok(
      server.requests.some(({ headers }) => headers.authorization === `Basic ${SECRET}`),
      'they were sent to the registry',
    );
    assert.doesNotMatch(JSON.stringify(error) + error.message + error.stack, /s3cret|YW5uYTpzM2NyZXQ/);
  });
});

describe('rule 23: redirects and addresses', () => {
  test('at most three redirects', async (t) => {
    const server = await listen(
      createServer((_, response) => end(response, 302, { location: '/again' })),
      t,
    );
    await assert.rejects(sendFollowing({ method: 'GET', url: new URL(`http://${server}/`) }), {
      code: 'network',
      message: /too often/,
    });
  });

  test('never from the open network to a private address', async () => {
    const from = new URL('http://192.0.2.1/');
    const answer = {
      status: 307,
      headers: { location: 'http://127.0.0.1:9/secret' },
      url: from,
      stream: { destroy: () => {} },
    };
    await assert.rejects(
      sendFollowing({ method: 'GET', url: from }, async () => answer as never),
      { code: 'network', message: /private address/ },
    );
    const metadata = { ...answer, headers: { location: 'http://169.254.169.254/latest' } };
    await assert.rejects(
      sendFollowing({ method: 'GET', url: from }, async () => metadata as never),
      { code: 'network', message: /private address/ },
    );
  });

  test('never away from TLS, and no upload is redirected', async () => {
    const answer = {
      status: 307,
      headers: { location: 'http://192.0.2.2/' },
      url: new URL('https://192.0.2.1/'),
      stream: { destroy: () => {} },
    };
    await assert.rejects(
      sendFollowing({ method: 'GET', url: new URL('https://192.0.2.1/') }, async () => answer as never),
      { code: 'network', message: /TLS/ },
    );
    await assert.rejects(
      sendFollowing({ method: 'PUT', url: new URL('https://192.0.2.1/') }, async () => answer as never),
      { code: 'network', message: /redirects a PUT/ },
    );
  });

  test('plain HTTP only to this machine, judged by the address and not by the name', async () => {
    await assert.rejects(send({ method: 'GET', url: new URL('http://192.0.2.1/') }), {
      code: 'network',
      message: /TLS/,
    });
    for (const [host, loopback] of [
      ['127.0.0.1', true],
      ['127.8.8.8', true],
      ['[::1]', true],
      ['localhost', true],
      ['10.0.0.1', false],
      ['[::ffff:10.0.0.1]', false],
      ['192.0.2.1', false],
    ] as const) {
      assert.equal((await resolveHost(host)).loopback, loopback, host);
    }
    for (const host of [
      '10.1.1.1',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '[fd00::1]',
      '[fe80::1]',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      '[64:ff9b::10.0.0.1]',
      '[64:ff9b::a9fe:a9fe]',
      '[64:ff9b:1::1]',
      '[2002:a00:1::1]',
      '[2002:c0a8:101::]',
      '[2002:7f00:1::]',
      '[2001:0:a00:1::]',
      '[2001:0:c000:201:0:0:f5ff:fffe]',
      '[::10.0.0.1]',
      '[::ffff:0:10.0.0.1]',
      '[fd12::5efe:10.0.0.1]',
      '[2620::200:5efe:192.168.0.1]',
      '[fec0::1]',
      '[100::1]',
      '[100:0:0:1::1]',
      '[2001:2::1]',
      '[2001:10::1]',
      '[5f00::10]',
      '[ff02::1]',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
    ])
      assert.equal((await resolveHost(host)).private, true, host);
    for (const host of ['[64:ff9b::8.8.8.8]', '[2002:808:808::1]', '[2606:4700::1111]', '[2001:4860::8888]', '8.8.8.8'])
      assert.equal((await resolveHost(host)).private, false, host);
    assert.equal((await resolveHost('[64:ff9b::127.0.0.1]')).loopback, false, 'nor is it this machine');
  });

  test('an upload session on another host does not get our token', async (t) => {
    const folder = await home(t, {});
    const server = await startRegistry(t);
    const deps = { env: { HOME: folder } };
    await initRegistry(`oci://${server.host}/acme`, {}, deps);
    const registry = await openRegistry(`oci://${server.host}/acme`, deps);
    for (const location of ['http://127.0.0.1:9/elsewhere', 'http://[']) {
      server.fault = (request, response) => {
        if (request.method !== 'POST') return false;
        end(response, 202, { location });
        return true;
      };
      await assert.rejects(
        registry.putBytes('enc', `sha256:${'ab'.repeat(32)}`, Buffer.from('x')),
        { code: 'network', message: /sends us to/ },
        location,
      );
    }
  });

  test('layer urls are never fetched', async () => {
    const sources = await Promise.all(
      ['index', 'download', 'manifests'].map((name) =>
        readFile(new URL(`../../src/adapters/registries/oci/${name}.ts`, import.meta.url), 'utf8'),
      ),
    );
    assert.doesNotMatch(sources.join('\n'), /\burls\b/);
  });
});
