import { spawn } from 'node:child_process';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { KeylessSignerOptions } from '../../domain/ports/signing.ts';
import { exchange } from './http.ts';
import { claimsOf } from './jwt.ts';

type Person = NonNullable<KeylessSignerOptions['person']>;

const CLIENT_ID = 'sigstore';
const PATIENCE_MS = 5 * 60_000;

/** The secrets of one sign-in: RFC 7636 (PKCE), RFC 6749 section 10.12 (state), OpenID Connect Core (nonce). */
interface Attempt {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

/**
 * Signs a person in with their browser: authorization code flow with PKCE, redirected to a port on loopback (RFC 8252).
 * @returns the ID token; null if the person does not agree or there is none.
 * @throws WeighmarkError `network`, `key-unusable`; never with a code or token in it.
 */
export async function browserToken(
  issuer: string,
  person: Person,
  open: (url: string) => void = openBrowser,
): Promise<string | null> {
  const agreed = await person.confirm(
    'Sign in with your browser? Your e-mail address will stand in a public log, for good: it cannot be taken back.',
  );
  if (!agreed) return null;
  const endpoints = await discover(issuer);
  const attempt = { verifier: secret(), state: secret(), nonce: secret() };
  const server = await listen();
  try {
    const redirect = `http://127.0.0.1:${portOf(server)}/auth/callback`;
    const url = authorizationUrl(endpoints.authorization, attempt, redirect);
    person.tell(`Opening your browser. If it does not open, go to:\n  ${url}`);
    const code = awaitCode(server, attempt.state);
    open(url);
    return await redeem(endpoints.token, { code: await code, redirect, attempt });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function discover(issuer: string): Promise<{ authorization: string; token: string }> {
  const answer = await exchange(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    maxBytes: LIMITS.tokenBytes,
    what: 'the identity provider',
  });
  const document = parseStrictJsonObject(answer, {
    code: 'network',
    subject: 'the identity provider’s answer',
    refuseCaseDuplicates: false,
  });
  const { issuer: named, authorization_endpoint: authorization, token_endpoint: token } = document;
  if (named !== issuer || typeof authorization !== 'string' || typeof token !== 'string')
    throw new WeighmarkError('network', 'the identity provider does not describe itself');
  for (const url of [authorization, token]) requireSafe(url, issuer);
  return { authorization, token };
}

/** Codes and tokens travel encrypted, but for a provider on this very machine. */
function requireSafe(url: string, issuer: string): void {
  const isLocal = new URL(issuer).hostname === '127.0.0.1';
  if (URL.canParse(url) && (new URL(url).protocol === 'https:' || (isLocal && new URL(url).hostname === '127.0.0.1')))
    return;
  throw new WeighmarkError('network', 'the identity provider names an endpoint that is not https');
}

function authorizationUrl(endpoint: string, attempt: Attempt, redirect: string): string {
  const url = new URL(endpoint);
  const challenge = createHash('sha256').update(attempt.verifier).digest('base64url');
  const fields = {
    response_type: 'code',
    client_id: CLIENT_ID,
    scope: 'openid email',
    redirect_uri: redirect,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: attempt.state,
    nonce: attempt.nonce,
  };
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  return url.href;
}

async function listen(): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', () => reject(new WeighmarkError('network', 'no port on loopback to receive the sign-in')));
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The code of the one redirect that carries our state; others are answered and ignored (CVE-2026-24408). */
async function awaitCode(server: Server, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new WeighmarkError('key-unusable', 'nobody signed in within five minutes')),
      PATIENCE_MS,
    );
    server.on('request', (request, response) => {
      const answer = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams;
      if (!isOurs(request, answer, state)) return say(response, 400, 'This is not the sign-in weighmark waits for.');
      clearTimeout(timer);
      const code = answer.get('code');
      say(response, 200, code === null ? 'You did not sign in.' : 'Signed in. You can close this window.');
      if (code === null) reject(new WeighmarkError('key-unusable', 'the sign-in was refused'));
      else resolve(code);
    });
  });
}

function isOurs(request: IncomingMessage, answer: URLSearchParams, state: string): boolean {
  const given = Buffer.from(answer.get('state') ?? '');
  const wanted = Buffer.from(state);
  return (
    request.method === 'GET' &&
    (request.url ?? '').startsWith('/auth/callback?') &&
    given.length === wanted.length &&
    timingSafeEqual(given, wanted)
  );
}

function say(response: ServerResponse, status: number, text: string): void {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'",
    connection: 'close',
  };
  response.writeHead(status, headers).end(text);
}

async function redeem(endpoint: string, sign: { code: string; redirect: string; attempt: Attempt }): Promise<string> {
  const form = {
    grant_type: 'authorization_code',
    code: sign.code,
    redirect_uri: sign.redirect,
    client_id: CLIENT_ID,
    code_verifier: sign.attempt.verifier,
  };
  const answer = await exchange(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
    maxBytes: LIMITS.tokenBytes,
    what: 'the identity provider',
  });
  const { id_token: token } = parseStrictJsonObject(answer, {
    code: 'network',
    subject: 'the identity provider’s answer',
    refuseCaseDuplicates: false,
  });
  if (typeof token !== 'string') throw new WeighmarkError('network', 'the identity provider gave no ID token');
  if (claimsOf(token)['nonce'] !== sign.attempt.nonce)
    throw new WeighmarkError('key-unusable', 'the ID token is for another sign-in (nonce)');
  return token;
}

/** Best effort: the address has been shown. The URL is one argument, never a shell's. */
function openBrowser(url: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', url]
        : ['xdg-open', url];
  const child = spawn(command ?? 'xdg-open', args, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}
