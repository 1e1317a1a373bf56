import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPrivateName, proxyFor, type Env } from '../../../src/adapters/network/proxy.ts';

const P = 'http://proxy.example:3128';

function via(url: string, env: Env): string | null {
  return proxyFor(new URL(url), env)?.host ?? null;
}

describe('which proxy a request takes', () => {
  test('is named by the scheme’s variable; the lower-case one wins, an empty one means none', () => {
    assert.equal(via('https://a.example', { HTTPS_PROXY: P }), 'proxy.example:3128');
    assert.equal(via('https://a.example', { https_proxy: 'http://b:1', HTTPS_PROXY: P }), 'b:1');
    assert.equal(via('https://a.example', { https_proxy: '', HTTPS_PROXY: P }), null);
    assert.equal(via('https://a.example', { HTTP_PROXY: P }), null);
    assert.equal(via('http://a.example', { HTTPS_PROXY: P }), null);
    assert.equal(via('http://a.example', { HTTP_PROXY: P }), 'proxy.example:3128');
    assert.equal(via('http://a.example', { http_proxy: P }), 'proxy.example:3128');
    assert.equal(via('https://a.example', {}), null);
    assert.equal(via('https://a.example', { HTTPS_PROXY: 'proxy.example:3128' }), 'proxy.example:3128');
  });

  test('HTTP_PROXY is a request’s header where a web server runs this (CVE-2016-5385)', () => {
    assert.equal(via('http://a.example', { HTTP_PROXY: P, REQUEST_METHOD: 'GET' }), null);
    assert.equal(via('http://a.example', { http_proxy: P, REQUEST_METHOD: 'GET' }), 'proxy.example:3128');
  });

  test('this very machine is never asked for through another one', () => {
    for (const host of [
      '127.0.0.1',
      '127.9.9.9',
      'localhost',
      'x.localhost',
      '[::1]',
      'localhost.',
      '[::ffff:127.0.0.1]',
    ])
      assert.equal(via(`https://${host}:5000`, { HTTPS_PROXY: P }), null, host);
  });

  const EXEMPT: readonly (readonly [list: string, url: string, isExempt: boolean])[] = [
    ['*', 'https://a.example', true],
    ['a.example', 'https://a.example', true],
    ['a.example', 'https://x.a.example', true],
    ['.a.example', 'https://x.a.example', true],
    ['*.a.example', 'https://x.a.example', true],
    ['a.example', 'https://xa.example', false],
    ['a.example', 'https://a.example.evil', false],
    ['A.Example.', 'https://a.example', true],
    ['b.example, a.example', 'https://a.example', true],
    ['b.example a.example', 'https://a.example', true],
    ['a.example:8443', 'https://a.example:8443', true],
    ['a.example:8443', 'https://a.example', false],
    ['a.example:443', 'https://a.example', true],
    ['10.0.0.7', 'https://10.0.0.7', true],
    ['10.0.0.7:443', 'https://10.0.0.7', true],
    ['10.0.0.0/8', 'https://10.1.2.3', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['fd00::/8', 'https://[fd00::1]:5000', true],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000', true],
    ['fd00::1', 'https://[fd00::1]:5000', true],
    ['', 'https://a.example', false],
    [',., ,', 'https://a.example', false],
  ];
  for (const [list, url, isExempt] of EXEMPT) {
    test(`NO_PROXY=${JSON.stringify(list)} ${isExempt ? 'exempts' : 'does not exempt'} ${url}`, () => {
      assert.equal(via(url, { HTTPS_PROXY: P, NO_PROXY: list }) === null, isExempt);
      assert.equal(via(url, { HTTPS_PROXY: P, no_proxy: list, NO_PROXY: '*' }) === null, isExempt);
    });
  }

  test('what is no proxy is refused, without its password in the error', () => {
    for (const value of ['socks5://u:s3cret@p:1', 'ftp://u:s3cret@p', 'http://u:s3cret@', 'http://u:s3cret@[']) {
      assert.throws(
        () => via('https://a.example', { HTTPS_PROXY: value }),
        (error: Error) => {
          assert.equal((error as Error & { code: string }).code, 'config-invalid');
          assert.doesNotMatch(JSON.stringify(error) + error.message + error.stack, /s3cret/);
          return true;
        },
      );
    }
  });
});

test('names that no public host has are private', () => {
  for (const name of ['nas', 'nas.local', 'metadata.google.internal', 'router.home.arpa', 'x.lan', 'X.LOCAL.'])
    assert.equal(isPrivateName(name), true, name);
  for (const name of ['ghcr.io', 'internal.example', 'local.example.com', 'mylocal.com'])
    assert.equal(isPrivateName(name), false, name);
});
