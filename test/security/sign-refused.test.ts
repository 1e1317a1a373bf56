import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { keySigner } from '../../src/adapters/keys/signer.ts';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { verifyWithChain } from '../../src/domain/claims/verify-signature.ts';
import {
  CODE_SIGNING,
  makeCertificate,
  SERVER_AUTH,
  type CertificateWish,
  type Made,
} from '../domain/pki/make-certificate.ts';
import { BARE, PROGRAM } from '../program.ts';

const CA = { ca: true, keyUsage: [5] } as const;
const [PAST, FUTURE] = [new Date('2021-01-01T00:00:00Z'), new Date('2039-01-01T00:00:00Z')];
const mail = (text: string) => [0x81, Buffer.from(text)] as const;

interface Chain {
  readonly root: Made;
  readonly above: readonly Made[];
  readonly leaf: Made;
}

function chainOf(leaf: Partial<CertificateWish> = {}, middle: Partial<CertificateWish> = {}): Chain {
  const root = makeCertificate({ name: 'root', ...CA });
  const issuer = makeCertificate({ name: 'middle', ...CA, issuer: root, ...middle });
  return { root, above: [issuer], leaf: makeCertificate({ name: 'leaf', issuer, ...leaf }) };
}

/** By whether anybody who trusts the root accepts it. */
const CHAINS: Readonly<Record<string, Chain>> = {
  'in order': chainOf(),
  'for code signing': chainOf({ keyUsage: null, extendedKeyUsage: [CODE_SIGNING] }),
  expired: chainOf({ to: PAST }),
  'not valid yet': chainOf({ from: FUTURE }),
  'expired above': chainOf({}, { to: PAST }),
  'for nothing': chainOf({ keyUsage: null }),
  'for servers': chainOf({ extendedKeyUsage: [SERVER_AUTH] }),
  'with something critical': chainOf({ critical: '1.2.3.4' }),
  'under no CA': chainOf({}, { ca: false }),
  'under a CA that limits names': chainOf({ names: [mail('a@example.com')] }, { permitted: [mail('example.com')] }),
  'of a name that is not allowed': chainOf({ names: [mail('a@evil.org')] }, { permitted: [mail('example.com')] }),
  'signed with SHA-1': chainOf({ hash: 'sha1' }),
  'under a weak key': chainOf({}, { rsaBits: 1024 }),
  'without what is above': { ...chainOf(), above: [] },
  'of the leaf alone, under the root': (() => {
    const root = makeCertificate({ name: 'root', ...CA });
    return { root, above: [], leaf: makeCertificate({ name: 'leaf', issuer: root }) };
  })(),
  'signed by itself': (() => {
    const leaf = makeCertificate({ name: 'own' });
    return { root: leaf, above: [], leaf };
  })(),
  'below more CAs than may be': (() => {
    const root = makeCertificate({ name: 'root', ...CA });
    const first = makeCertificate({ name: 'first', ...CA, issuer: root, pathLength: 0 });
    const second = makeCertificate({ name: 'second', ...CA, issuer: first });
    return { root, above: [second, first], leaf: makeCertificate({ name: 'leaf', issuer: second }) };
  })(),
  'in another order, with one too many': (() => {
    const root = makeCertificate({ name: 'root', ...CA });
    const first = makeCertificate({ name: 'first', ...CA, issuer: root });
    const second = makeCertificate({ name: 'second', ...CA, issuer: first });
    const stray = makeCertificate({ name: 'stray', ...CA, issuer: root, to: PAST });
    return { root, above: [root, stray, first, second], leaf: makeCertificate({ name: 'leaf', issuer: second }) };
  })(),
};

interface World {
  readonly folder: string;
  readonly options: { keyFile: string; certificateChainFile: string; password: () => Promise<null> };
}

function world(t: TestContext, { leaf, above }: Chain): World {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-sign-refused-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [keyFile, certificateChainFile] = [join(folder, 'leaf.key'), join(folder, 'chain.pem')];
  writeFileSync(keyFile, leaf.key.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(certificateChainFile, [leaf, ...above].map(({ pem }) => pem).join(''));
  return { folder, options: { keyFile, certificateChainFile, password: async () => null } };
}

const PAYLOAD = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');

for (const [what, chain] of Object.entries(CHAINS)) {
  test(`a chain ${what}: what is signed verifies, and what would not verify is not signed`, async (t) => {
    const { options } = world(t, chain);
    const signed = await keySigner(createFiles(), options)
      .then(async (signer) => signer.sign(PAYLOAD))
      .catch((error: { code: string }) => error.code);
    if (typeof signed === 'string') {
      assert.equal(signed, 'key-unusable');
      assert.ok(!/in order|code signing|limits names|alone|itself|without/.test(what));
      return;
    }
    // A verifier who has the root and, where the signer left them out, the intermediates.
    const pem = [chain.root, ...(chain.above.length === 0 ? [] : chain.above)].map((each) => each.pem).join('');
    const verify = () => verifyWithChain(parseBundle(signed), { pem, at: new Date() });
    if (what === 'without what is above') assert.throws(verify, { code: 'signer-untrusted' });
    else assert.equal(verify().kind, 'certificate');
  });
}

test('a refusal may be signed with a certificate that was valid once, and with no other', async (t) => {
  for (const [what, ok] of [
    ['expired', true],
    ['expired above', true],
    ['not valid yet', true],
    ['for servers', false],
    ['of a name that is not allowed', false],
  ] as const) {
    const chain = CHAINS[what];
    assert.ok(chain !== undefined);
    const made = keySigner(createFiles(), { ...world(t, chain).options, refusal: true });
    if (ok) assert.ok((await (await made).sign(PAYLOAD)).length > 0, what);
    else await assert.rejects(made, { code: 'key-unusable' }, what);
  }
});

test('seal, sign and attest write nothing under a certificate that nobody accepts', (t) => {
  const chain = CHAINS['expired'];
  assert.ok(chain !== undefined);
  const { folder } = world(t, chain);
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  const signer = ['--key', 'leaf.key', '--certificate-chain', 'chain.pem'];
  for (const words of [
    ['seal', 'm', '--name', 'acme/m:1'],
    ['sign', 'm'],
    ['attest', 'm', '--type', 'evaluation', '--result', 'passed', '--metric', 'a=1'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...words, ...signer], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...BARE, HOME: folder },
    });
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /error\[key-unusable\]: nobody would accept what is signed so: the signing certificate has expired/,
    );
    assert.deepEqual(readdirSync(join(folder, 'm')), ['config.json']);
  }
});
