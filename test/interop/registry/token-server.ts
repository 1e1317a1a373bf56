import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

/**
 * A token service for `distribution`, on loopback by TLS: token-server.ts PORT CERTIFICATE KEY USER:PASSWORD. Anonymous
 * users may pull, the one user may push.
 */
const [port = '', certificateFile = '', keyFile = '', login = ''] = process.argv.slice(2);
const [cert, key] = [readFileSync(certificateFile), readFileSync(keyFile)];
const privateKey = createPrivateKey(key);
const x5c = [new X509Certificate(cert).raw.toString('base64')];
const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

function accessTo(scope: string, isUser: boolean): object {
  const [type = '', name = '', actions = ''] = scope.split(':');
  return { type, name, actions: actions.split(',').filter((action) => isUser || action === 'pull') };
}

function tokenFor(scopes: readonly string[], isUser: boolean): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'weighmark-interop',
    aud: 'registry',
    sub: isUser ? 'user' : '',
    nbf: now - 10,
    iat: now,
    exp: now + 300,
    jti: String(Math.random()),
    access: scopes.map((scope) => accessTo(scope, isUser)),
  };
  const signed = `${base64({ typ: 'JWT', alg: 'ES256', x5c })}.${base64(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

createServer({ cert, key }, (request, response) => {
  const url = new URL(request.url ?? '/', 'https://x');
  const isUser = request.headers.authorization === `Basic ${Buffer.from(login).toString('base64')}`;
  if (request.headers.authorization !== undefined && !isUser) {
    response.writeHead(401);
    response.end();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ token: tokenFor(url.searchParams.getAll('scope'), isUser) }));
}).listen(Number(port), '127.0.0.1');
