import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { browserToken } from '../../../src/adapters/sigstore/browser.ts';
import { startIssuer } from '../../interop/sigstore/issuer.ts';
import { serve } from './services.ts';

const PERSON = { confirm: async () => Promise.resolve(true), tell: () => undefined };

interface Provider {
  /** What its description says instead. */
  readonly description?: Readonly<Record<string, unknown>>;
  /** What it hands out for a code, given the nonce of the sign-in. */
  readonly redeemed?: (nonce: string) => object;
}

/** Signs in at once with a code, as a browser would; what is redeemed is the test's to say. */
async function signInAt(t: TestContext, { description = {}, redeemed = () => ({}) }: Provider): Promise<string | null> {
  const nonces: string[] = [];
  const server = await serve(({ path }, response) => {
    const { url } = server;
    const said = path.startsWith('/.well-known/')
      ? { issuer: url, authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/redeem`, ...description }
      : redeemed(nonces[0] ?? '');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  });
  t.after(() => server.close());
  return browserToken(server.url, PERSON, (url) => {
    const { searchParams: asked } = new URL(url);
    nonces.push(asked.get('nonce') ?? '');
    void fetch(`${asked.get('redirect_uri')}?code=c&state=${asked.get('state')}`);
  });
}

const jwt = (claims: object): string =>
  ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'x'].join('.');

test('the provider’s token is taken when its nonce is this sign-in’s', async (t) => {
  assert.match((await signInAt(t, { redeemed: (nonce) => ({ id_token: jwt({ nonce }) }) })) ?? '', /^e30\./);
});

test('a token made for another sign-in is not taken (nonce, OpenID Connect Core 3.1.3.7)', async (t) => {
  for (const claims of [{ nonce: 'of another' }, {}]) {
    await assert.rejects(signInAt(t, { redeemed: () => ({ id_token: jwt(claims) }) }), {
      code: 'key-unusable',
      message: /nonce/,
    });
  }
});

test('a provider that gives no ID token, or calls itself by another name, is refused', async (t) => {
  await assert.rejects(signInAt(t, { redeemed: () => ({ access_token: 'a' }) }), {
    code: 'network',
    message: /gave no ID token/,
  });
  for (const description of [
    { issuer: 'https://accounts.example' },
    { issuer: null },
    { token_endpoint: 7 },
    { authorization_endpoint: [] },
  ]) {
    await assert.rejects(
      signInAt(t, { description }),
      { code: 'network', message: /does not describe itself/ },
      JSON.stringify(description),
    );
  }
});

test('codes and tokens go to no endpoint that is not https', async (t) => {
  for (const description of [
    { token_endpoint: 'http://accounts.example/token' },
    { authorization_endpoint: 'http://accounts.example/authorize' },
    { token_endpoint: 'nowhere' },
  ]) {
    await assert.rejects(
      signInAt(t, { description }),
      { code: 'network', message: /not https/ },
      JSON.stringify(description),
    );
  }
});

test('a person who refuses at the provider is told so', async () => {
  const issuer = await startIssuer(0);
  const refuse = (url: string): void => {
    const { searchParams: asked } = new URL(url);
    void fetch(`${asked.get('redirect_uri')}?error=access_denied&state=${asked.get('state')}`);
  };
  await assert.rejects(browserToken(issuer.url, PERSON, refuse), { code: 'key-unusable', message: /refused/ });
  issuer.close();
});
