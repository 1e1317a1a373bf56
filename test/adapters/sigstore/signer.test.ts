import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createUserSigners } from '../../../src/adapters/keys/index.ts';
import { browserToken } from '../../../src/adapters/sigstore/browser.ts';
import { servicesFrom } from '../../../src/adapters/sigstore/services.ts';
import { createTimestamper } from '../../../src/adapters/sigstore/timestamp.ts';
import { exchange } from '../../../src/adapters/sigstore/http.ts';
import { tokenSource } from '../../../src/adapters/sigstore/token.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { makeCertificate } from '../../domain/pki/make-certificate.ts';
import { emailClaims, startIssuer, type Issuer } from '../../interop/sigstore/issuer.ts';
import { serve, type FakeServer } from './services.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-keyless-'));
const files = createFiles();
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

let issuer: Issuer;
let echo: FakeServer;

before(async () => {
  issuer = await startIssuer(0);
  // A hostile service: whatever it is sent, it sends back in its error.
  echo = await serve(({ body, headers }, response) =>
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ message: `${body.toString('utf8')} ${headers.authorization ?? ''}` })),
  );
});
after(() => {
  issuer.close();
  echo.close();
});

function signingConfig(url: string, name = 'signing_config.json'): string {
  const service = (at: string, majorApiVersion: number): object => ({
    url: at,
    majorApiVersion,
    validFor: { start: '2020-01-01T00:00:00Z' },
    operator: 'test',
  });
  return file(
    name,
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [service(url, 1)],
      oidcUrls: [service(issuer.url, 1)],
      rekorTlogUrls: [service(url, 2)],
      tsaUrls: [service(`${url}/api/v1/timestamp`, 1)],
    }),
  );
}

const token = async (env: Record<string, string>, options: object = {}): Promise<string> =>
  tokenSource({ files, env, options, issuer: issuer.url })();

test('no secret in any error: a certificate authority that echoes the token', async () => {
  const secret = issuer.token(emailClaims('anna@example.com'));
  const signer = await createUserSigners(files, { env: {}, options: { offline: false } }).keyless({
    identityTokenFile: file('token', secret),
    signingConfigFile: signingConfig(echo.url),
  });
  await assert.rejects(signer.sign(Buffer.from('{}')), (error) => assertSilent(error, secret, 'network'));
  assert.ok(
    echo.requests.some(({ body }) => body.includes(secret)),
    'the token was sent, so it could have come back',
  );
});

test('a certificate for another key is not signed with', async () => {
  const { pem } = makeCertificate({ name: 'somebody else' });
  const authority = await serve((_, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates: [pem] } } })),
  );
  const signer = await createUserSigners(files, { env: {}, options: { offline: false } }).keyless({
    identityTokenFile: file('token', issuer.token(emailClaims('anna@example.com'))),
    signingConfigFile: signingConfig(authority.url),
  });
  await assert.rejects(signer.sign(Buffer.from('{}')), { code: 'network', message: /certified another key/ });
  authority.close();
});

test('no secret in any error: GitHub’s token service refuses, or answers nonsense', async () => {
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${echo.url}/token?x=1`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'ghs_topsecret',
  };
  await assert.rejects(token(env), (error) => assertSilent(error, 'ghs_topsecret', 'network'));
});

test('no secret in any error: tokens that cannot be used', async () => {
  const good = issuer.token(emailClaims('anna@example.com'));
  const bad = [
    good.slice(0, -300),
    `${good}.more`,
    issuer.token({ ...emailClaims('a@b.c'), aud: 'other' }),
    issuer.token({ ...emailClaims('a@b.c'), exp: 1 }),
    issuer.token({ sub: 'x', email: 'a@b.c', email_verified: false }),
    issuer.token({ sub: 7 }),
    'x.y.z',
    'x',
    `eyJ9.${Buffer.from('{"a":1,"a":2}').toString('base64url')}.x`,
  ];
  for (const secret of bad)
    await assert.rejects(token({ SIGSTORE_ID_TOKEN: secret }), (error) => assertSilent(error, secret, 'key-unusable'));
});

function assertSilent(error: unknown, secret: string, code: string): boolean {
  assert.ok(error instanceof WeighmarkError, String(error));
  assert.equal(error.code, code);
  const said = `${inspect(error, { depth: 20, showHidden: true })}${error.stack ?? ''}${JSON.stringify(error)}`;
  for (const part of secret.split('.').filter((piece) => piece.length > 8))
    assert.ok(!said.includes(part), `the error says ${part.slice(0, 12)}…`);
  return true;
}

test('the token comes from the file that is named, then GitLab, GitHub, a mounted file', async () => {
  const named = issuer.token(emailClaims('file@example.com'));
  const ambient = issuer.token(emailClaims('gitlab@example.com'));
  const github = issuer.token({ sub: 'repo:acme/models' });
  const service = await serve(({ path, headers }, response) => {
    assert.match(path, /audience=sigstore/);
    assert.equal(headers.authorization, 'Bearer ghs_x');
    response.end(JSON.stringify({ value: github }));
  });
  const env = { SIGSTORE_ID_TOKEN: ambient };
  assert.equal(await token(env, { identityTokenFile: file('named', `${named}\n`) }), named);
  assert.equal(await token(env), ambient);
  assert.equal(
    await token({
      ACTIONS_ID_TOKEN_REQUEST_URL: `${service.url}/x?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'ghs_x',
    }),
    github,
  );
  assert.equal(await token({ SIGSTORE_ID_TOKEN_FILE: file('mounted', ambient) }), ambient);
  service.close();
});

test('Google’s metadata service, where its host is named', async () => {
  const identity = issuer.token({ sub: '1234', email: 'robot@project.iam.gserviceaccount.com', email_verified: true });
  const metadata = await serve(({ path, headers }, response) => {
    assert.match(path, /audience=sigstore&format=full/);
    assert.equal(headers['metadata-flavor'], 'Google');
    response.end(identity);
  });
  assert.equal(await token({ GCE_METADATA_HOST: metadata.url.replace('http://', '') }), identity);
  metadata.close();
});

test('a GitHub job without permission is told what it lacks; nobody at all is told the ways', async () => {
  await assert.rejects(token({ GITHUB_ACTIONS: 'true' }), { code: 'key-unusable', hint: /id-token: write/ });
  await assert.rejects(token({}), { code: 'key-unusable', hint: /--identity-token/ });
});

test('a token is never sent on to another host', async () => {
  const other = await serve((_, response) => response.end('{}'));
  const redirecting = await serve((_, response) => response.writeHead(307, { location: `${other.url}/x` }).end());
  await assert.rejects(
    token({ ACTIONS_ID_TOKEN_REQUEST_URL: `${redirecting.url}/x`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'ghs_x' }),
    { code: 'network' },
  );
  assert.equal(other.requests.length, 0);
  other.close();
  redirecting.close();
});

test('a person signs in with the browser, warned that the address becomes public', async () => {
  const asked: string[] = [];
  const person = {
    confirm: async (question: string) => Promise.resolve(asked.push(question) > 0),
    tell: () => undefined,
  };
  const identity = await browserToken(issuer.url, person, (url) => void fetch(url));
  assert.match(asked.join(), /public log, for good/);
  assert.equal(
    JSON.parse(Buffer.from(identity?.split('.')[1] ?? '', 'base64url').toString('utf8')).email,
    'person@example.com',
  );
});

test('a person who does not agree is not signed in', async () => {
  const person = { confirm: async () => Promise.resolve(false), tell: () => undefined };
  assert.equal(await browserToken(issuer.url, person, () => assert.fail('the browser was opened')), null);
});

test('CVE-2026-24408: a redirect with another state is not the sign-in', async () => {
  const person = { confirm: async () => Promise.resolve(true), tell: () => undefined };
  const answers: number[] = [];
  const identity = await browserToken(issuer.url, person, (url) => void forgeThenSignIn(url, answers));
  assert.deepEqual(answers, [400, 400, 400]);
  assert.ok(identity !== null);
});

async function forgeThenSignIn(url: string, answers: number[]): Promise<void> {
  const redirect = new URL(url).searchParams.get('redirect_uri') ?? '';
  for (const query of ['?code=evil', '?code=evil&state=', `?code=evil&state=${'A'.repeat(43)}`])
    answers.push((await fetch(`${redirect}${query}`)).status);
  await fetch(url);
}

test('PKCE: the challenge is the hash of a verifier that only the redemption shows', async () => {
  const urls: string[] = [];
  const person = { confirm: async () => Promise.resolve(true), tell: () => undefined };
  await browserToken(issuer.url, person, (url) => {
    urls.push(url);
    void fetch(url);
  });
  const query = new URL(urls[0] ?? '').searchParams;
  assert.equal(query.get('code_challenge_method'), 'S256');
  assert.match(query.get('code_challenge') ?? '', /^[\w-]{43}$/);
  assert.match(query.get('nonce') ?? '', /^[\w-]{43}$/);
  assert.match(query.get('redirect_uri') ?? '', /^http:\/\/127\.0\.0\.1:\d+\//);
});

test('a signing config picks services that are valid now and speak a known version', async () => {
  const now = new Date('2026-06-01T00:00:00Z');
  const service = (url: string, majorApiVersion: number, validFor: object): object => ({
    url,
    majorApiVersion,
    validFor,
    operator: 'o',
  });
  const config = {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [
      service('https://old.example', 1, { start: '2020-01-01T00:00:00Z', end: '2021-01-01T00:00:00Z' }),
      service('https://ca.example', 1, { start: '2021-01-01T00:00:00Z' }),
    ],
    rekorTlogUrls: [
      service('https://v1.example', 1, { start: '2021-01-01T00:00:00Z' }),
      service('https://v2.example', 2, { start: '2022-01-01T00:00:00Z' }),
      service('https://v9.example', 9, { start: '2022-01-01T00:00:00Z' }),
    ],
    tsaUrls: [service('https://tomorrow.example', 1, { start: '2027-01-01T00:00:00Z' })],
  };
  const services = await servicesFrom(files, file('config.json', JSON.stringify(config)), now);
  assert.deepEqual(services, {
    fulcio: 'https://ca.example',
    oidc: null,
    rekor: { url: 'https://v2.example', version: 2 },
    tsa: null,
  });
  const signers = createUserSigners(files, { env: {}, options: { offline: false } });
  await assert.rejects(signers.keyless({ signingConfigFile: join(folder, 'config.json') }), {
    code: 'config-invalid',
    message: /timestamp authority/,
  });
  const wrong = [
    { mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.1+json' },
    { caUrls: [service('http://ca.example', 1, { start: '2021-01-01T00:00:00Z' })] },
    { caUrls: [service('https://ca.example', 2, { start: '2021-01-01T00:00:00Z' })] },
    { caUrls: { length: 0 } },
    { rekorTlogUrls: [{ majorApiVersion: 1 }] },
    { rekorTlogUrls: [{ url: 'https://v1.example' }] },
    { rekorTlogUrls: [service('https://v1.example', 1, {})] },
    { rekorTlogUrls: [service('https://v1.example', 1, { start: 'soon' })] },
  ];
  for (const change of wrong)
    await assert.rejects(
      servicesFrom(files, file('wrong.json', JSON.stringify({ ...config, ...change })), now),
      { code: 'config-invalid', message: /wrong\.json/ },
      JSON.stringify(change),
    );
});

test('a timestamp server that answers another request, too much, or nonsense', async () => {
  const answers = [
    [Buffer.from('nonsense'), /./],
    [Buffer.alloc(100_000), /answered more than \d+ bytes/],
  ] as const;
  for (const [answer, message] of answers) {
    const server = await serve((_, response) => response.end(answer));
    await assert.rejects(
      createTimestamper(server.url, exchange)(Buffer.from('signature')),
      (error) => error instanceof WeighmarkError && message.test(error.message),
    );
    assert.equal(server.requests[0]?.headers['content-type'], 'application/timestamp-query');
    server.close();
  }
});

test('--offline forbids what needs the network, before anything is asked', async () => {
  const signers = createUserSigners(files, { env: {}, options: { offline: true } });
  await assert.rejects(signers.keyless({}), { code: 'usage', message: /--offline/ });
});
