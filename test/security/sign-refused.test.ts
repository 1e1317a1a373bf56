import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { keySigner } from '../../src/adapters/keys/signer.ts';
import { revocationPredicate, type RevocationTarget } from '../../src/domain/authority/revocation.ts';
import { claimTypeOf } from '../../src/domain/claims/attestations.ts';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../src/domain/claims/statement.ts';
import { subject } from '../../src/domain/claims/subjects.ts';
import { verifyWithChain } from '../../src/domain/claims/verify-signature.ts';
import {
  CODE_SIGNING,
  makeCertificate,
  SERVER_AUTH,
  type CertificateWish,
  type Made,
} from '../domain/pki/make-certificate.ts';
import { claimsWorld } from '../flows/claims-world.ts';
import { keyLine } from '../public-key.ts';
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

const ID = 'a'.repeat(64);
const nested = (levels: number): object => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;
const named = (name: string): object => JSON.parse(`{"${name}":1}`) as object;

test('what no reader reads is not made into a statement: too deep once it stands in one, a key that nobody allows', () => {
  const about = [subject('manifest', 'acme/m:1', ID)];
  const made = (predicate: object) => buildStatement(about, 'https://acme.example/t', { ...predicate });
  assert.deepEqual(parseStatement(made(nested(63))).predicate, nested(63));
  const own = Object.fromEntries([['__proto__', 1]]);
  for (const predicate of [nested(64), { deep: nested(63) }, { metrics: own }, { a: 1, A: 2 }])
    assert.throws(() => made(predicate), { code: 'claim-malformed' });
  assert.throws(() => buildStatement([], 'https://acme.example/t', {}), { code: 'claim-malformed' });
  assert.throws(() => buildStatement(about, '', {}), { code: 'claim-malformed' });
  assert.ok(made(named('constructor')).length > 0);
});

test('a revocation that nobody would understand is not signed: by a revoker it would stop every decision', () => {
  const since = '2026-01-01T00:00:00Z';
  const said = (target: object, reason = 'leaked') =>
    revocationPredicate({ action: 'revoke', target: target as RevocationTarget, reason });
  assert.equal(said({ kind: 'artifact', sha256: ID })['version'], 1);
  assert.equal(said({ kind: 'weights', blake3: ID })['version'], 2);
  assert.throws(() => said({ kind: 'artifact', sha256: ID }, ''), { code: 'claim-malformed' });
  for (const target of [
    { kind: 'artifact', sha256: ID.toUpperCase() },
    { kind: 'key', sha256: ID, since: 'yesterday' },
    { kind: 'principal', since },
    { kind: 'entry', origin: 'log.example', index: -1, sha256: ID },
    { kind: 'else' },
  ])
    assert.throws(() => said(target), { code: 'claim-malformed' }, JSON.stringify(target));
  assert.throws(() => claimTypeOf(PREDICATES.revocation), { code: 'usage', message: /weighmark revoke/ });
});

test('revoke without a reason, and attest with what nobody reads, change nothing; the next decision goes on', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-sign-refused-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...words], { cwd: folder, encoding: 'utf8', env: { ...BARE, HOME: folder } });
  const ok = (...words: string[]) => {
    const { status, stderr } = run(...words);
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  };
  ok('keygen', 'rita', '--no-password');
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  ok('registry', 'init', 'reg', '--origin', 'one.example');
  ok('seal', 'm', '--name', 'acme/m:1', '--key', 'rita.key');
  ok('push', 'm', 'acme/m:1', '--registry', 'reg');
  const key = keyLine(readFileSync(join(folder, 'rita.pub'), 'utf8'));
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2099-01-01\nprincipals:\n  rita: { keys: [${key}] }\n` +
      'roles: { trainer: [rita], promoter: [rita], revoker: [rita] }\nenvironments:\n  - name: dev\n    require: [bom]\n',
  );
  const of = ['acme/m:1', '--key', 'rita.key', '--registry', 'reg'];
  const under = [...of, '--policy', 'policy.yaml'];
  for (const [words, code] of [
    [['revoke', '--reason', '', '--yes', ...under], 'usage'],
    [['revoke', '--reason', ' ', '--yes', ...under], 'usage'],
    [['log', 'void', '--reason', '', '0', ...under.slice(1)], 'usage'],
    [['attest', '--type', 'evaluation', '--result', 'passed', '--metric', '__proto__=1', ...of], 'claim-malformed'],
    [['attest', '--type', PREDICATES.revocation, '--predicate', 'm/config.json', ...of], 'usage'],
  ] as const) {
    const before = treeOf(join(folder, 'reg'));
    const { status, stderr } = run(...words);
    assert.notEqual(status, 0, words.join(' '));
    assert.match(stderr, new RegExp(`error\\[${code}\\]`), stderr);
    assert.deepEqual(treeOf(join(folder, 'reg')), before, words.join(' '));
  }
  const next = run('promote', '--env', 'dev', ...under);
  assert.match(next.stderr, /error\[lineage-missing\]/);
  assert.doesNotMatch(next.stderr, /error\[claim-malformed\]|cannot be understood/);
});

test('a policy that no decision would read is not signed; one that only accepts findings is, and those of other tools', async (t) => {
  const world = await claimsWorld(t);
  const boss = await world.person('boss');
  const signed = async (name: string, text: string): Promise<string> => {
    const root = join(world.folder, name);
    writeFileSync(root, text);
    const before = treeOf(world.folder);
    const result = await world.sign(root, boss).then(
      ({ signature }) => (rmSync(signature), 'signed'),
      ({ code }: { code: string }) => code,
    );
    assert.deepEqual(treeOf(world.folder), before);
    rmSync(root);
    return result;
  };
  const head = 'format: weighmark-policy/1\n';
  for (const [name, text] of [
    ['policy.yaml', `${head}name: x\n`],
    ['policy.yml', `${head}\tname: x\n`],
    ['a.yaml', `# ours\n"format": "weighmark-policy/2"\n`],
    ['a.json', '{"format": "weighmark-policy/1"}'],
    ['a.json', '{\n  "format" : "weighmark-policy/1"\n}'],
    [
      'policy.yaml',
      `${head}principals: {}\nroles: {}\nenvironments: []\nname: acme\nversion: 0\nexpires: 2099-01-01\n`,
    ],
  ] as const)
    assert.equal(await signed(name, text), 'policy-invalid', text);
  assert.equal(await signed('policy.yaml', `${head}#${'x'.repeat(1 << 20)}\n`), 'limit-exceeded');
  for (const [name, text] of [
    ['policy.yaml', `${head}suppressions: []\n`],
    ['policy.yaml', 'package: rego\n'],
    ['README.md', `${head}name: x\n`],
    ['policy.yaml', ''],
  ] as const)
    assert.equal(await signed(name, text), 'signed', text);
});

function treeOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(
      (entry) =>
        join(entry.parentPath, entry.name) +
        (entry.isFile() ? readFileSync(join(entry.parentPath, entry.name), 'hex') : ''),
    )
    .toSorted();
}
