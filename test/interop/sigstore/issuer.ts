import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** An OIDC issuer for tests: hands ES256 ID tokens to whoever asks, and plays the browser's part of a sign-in. */
export interface Issuer {
  readonly url: string;
  token(claims: Readonly<Record<string, unknown>>): string;
  close(): void;
}

interface Pending {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirect: string;
}

/** @param port 0 for any. */
export async function startIssuer(port: number): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pending = new Map<string, Pending>();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server)}`;
  const token = (claims: object): string => {
    const now = Math.floor(Date.now() / 1000);
    const head = [
      { alg: 'ES256', typ: 'JWT', kid: 'k1' },
      { iss: url, aud: 'sigstore', iat: now, nbf: now, exp: now + 600, ...claims },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${head}.${sign('sha256', Buffer.from(head), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };
  const jwk = { ...publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'k1' };
  const handlers: Readonly<
    Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void> | void>
  > = {
    '/.well-known/openid-configuration': (_, response) => json(response, discovery(url)),
    '/keys': (_, response) => json(response, { keys: [jwk] }),
    '/authorize': (request, response) => authorize(new URL(request.url ?? '/', url).searchParams, pending, response),
    '/redeem': async (request, response) =>
      redeem(new URLSearchParams(await bodyOf(request)), { pending, token }, response),
  };
  server.on('request', (request, response) => {
    const handler = handlers[new URL(request.url ?? '/', url).pathname];
    if (handler === undefined) response.writeHead(404).end();
    else void handler(request, response);
  });
  return { url, token, close: () => server.close() };
}

export function emailClaims(email: string): Readonly<Record<string, unknown>> {
  return { sub: email, email, email_verified: true };
}

function discovery(url: string): object {
  return {
    issuer: url,
    jwks_uri: `${url}/keys`,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/redeem`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}

/** Signs in at once and redirects back, as a browser would after a person's yes. */
function authorize(query: URLSearchParams, pending: Map<string, Pending>, response: ServerResponse): void {
  const code = randomBytes(8).toString('hex');
  const redirect = query.get('redirect_uri') ?? '';
  pending.set(code, { challenge: query.get('code_challenge') ?? '', nonce: query.get('nonce') ?? '', redirect });
  const target = new URL(redirect);
  target.searchParams.set('code', code);
  target.searchParams.set('state', query.get('state') ?? '');
  response.writeHead(302, { location: target.href }).end();
}

function redeem(
  form: URLSearchParams,
  { pending, token }: { pending: Map<string, Pending>; token: Issuer['token'] },
  response: ServerResponse,
): void {
  const known = pending.get(form.get('code') ?? '');
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (known === undefined || known.challenge !== challenge || known.redirect !== form.get('redirect_uri'))
    return void response.writeHead(400).end();
  json(response, {
    id_token: token({ ...emailClaims('person@example.com'), nonce: known.nonce }),
    token_type: 'Bearer',
  });
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat((await request.toArray()) as Buffer[]).toString('utf8');
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
