import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { emailClaims } from './issuer.ts';
import { startStack, type Stack } from './stack.ts';

/** Bundles go both ways between weighmark, cosign, sigstore-python and model_signing, over a real Sigstore on loopback. */

const bin = process.env['WEIGHMARK_INTEROP_BIN'] ?? '';
const venv = process.env['WEIGHMARK_INTEROP_VENV'] ?? '';
const cosignAt = join(bin, 'cosign');
const pythonAt = (name: string): string => join(venv, 'bin', name);
const withoutCosign = existsSync(cosignAt) ? false : 'cosign could not be had';
const withoutPython = existsSync(pythonAt('model_signing'))
  ? false
  : 'model_signing and sigstore-python could not be had';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-interop-'));
const at = (...parts: string[]): string => join(folder, ...parts);
const IDENTITY = 'builder@example.com';
const PORT = 18_300 + (process.pid % 200) * 10;
let stack: Stack;

interface Result {
  readonly status: number | null;
  readonly said: string;
}

/** Not the synchronous kind: the issuer and the certificate log answer from this very process. */
async function run(program: string, args: readonly string[]): Promise<Result> {
  const env = { ...process.env, HOME: at('home'), XDG_CONFIG_HOME: at('home', 'config'), COSIGN_PASSWORD: 'pw' };
  const child = spawn(program, args, { cwd: folder, timeout: 60_000, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const status = await new Promise<number | null>((done) => child.once('error', () => done(null)).once('close', done));
  return { status, said: `$ ${program} ${args.join(' ')}\n${Buffer.concat(output).toString('utf8')}` };
}

const weighmark = async (...args: string[]): Promise<Result> =>
  run(process.execPath, [resolve('bin/weighmark.js'), ...args]);
const bundleTool = async (...args: string[]): Promise<Result> =>
  run(resolve('test/interop/verify-bundle'), ['verify-bundle', ...args]);
const cosign = async (...args: string[]): Promise<Result> => run(cosignAt, args);
const python = async (name: string, ...args: string[]): Promise<Result> => run(pythonAt(name), args);

function works({ status, said }: Result): string {
  assert.equal(status, 0, said);
  return said;
}

function refuses({ status, said }: Result, reason: RegExp): void {
  assert.equal(status, 1, said);
  assert.match(said, reason);
}

/** A fresh OIDC token in a file. */
function token(email = IDENTITY): string {
  writeFileSync(at('token'), stack.issuer.token(emailClaims(email)), { mode: 0o600 });
  return at('token');
}

/** A copy of the model, so that signatures do not meet. */
function model(name: string): string {
  mkdirSync(at(name, 'nested'), { recursive: true });
  writeFileSync(at(name, 'weights.bin'), 'weights');
  writeFileSync(at(name, 'nested', 'config.json'), '{}');
  return at(name);
}

const keylessSigner = (): string[] => [
  '--keyless',
  '--identity-token',
  token(),
  '--signing-config',
  stack.signingConfig,
];
const keylessTrust = (identity = IDENTITY, issuer = stack.issuer.url, root = stack.trustedRoot): string[] => [
  '--identity',
  identity,
  '--issuer',
  issuer,
  '--trusted-root',
  root,
];
const rootDigest = (signature: string): string => {
  const { payload } = (JSON.parse(readFileSync(signature, 'utf8')) as { dsseEnvelope: { payload: string } })
    .dsseEnvelope;
  return (JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as { subject: [{ digest: { sha256: string } }] })
    .subject[0].digest.sha256;
};

before(async () => {
  stack = await startStack({ folder: at('stack'), bin, port: PORT });
  writeFileSync(at('weights.bin'), 'weights');
  writeFileSync(at('predicate.json'), '{"made":"here"}');
  works(await weighmark('keygen', 'anna', '--no-password'));
});
after(() => stack.stop());

test('ours: a keyless signature verifies here, and nobody else is the signer', async () => {
  const path = model('ours-keyless');
  works(await weighmark('sign', path, ...keylessSigner()));
  assert.match(works(await weighmark('verify', path, ...keylessTrust())), /VERIFIED/);
  refuses(await weighmark('verify', path, ...keylessTrust('builder@example.co')), /identity/);
  refuses(await weighmark('verify', path, ...keylessTrust(IDENTITY, 'http://127.0.0.1:1')), /issuer/);
});

test('other log: under a trusted root with another log key the signature is refused', async () => {
  const root = JSON.parse(readFileSync(stack.trustedRoot, 'utf8')) as {
    tlogs: { publicKey: { rawBytes: string }; logId: { keyId: string } }[];
  };
  const [log] = root.tlogs;
  assert.ok(log !== undefined);
  const key = Buffer.from(log.publicKey.rawBytes, 'base64');
  key.set(createHash('sha256').update('another log').digest(), key.length - 32);
  for (const [name, change] of [
    ['other-key', { publicKey: { ...log.publicKey, rawBytes: key.toString('base64') } }],
    ['other-id', { logId: { keyId: Buffer.alloc(32, 1).toString('base64') } }],
  ] as const) {
    writeFileSync(at(`${name}.json`), JSON.stringify({ ...root, tlogs: [{ ...log, ...change }] }));
    refuses(
      await weighmark('verify', at('ours-keyless'), ...keylessTrust(IDENTITY, stack.issuer.url, at(`${name}.json`))),
      /log/,
    );
  }
});

test('expired: a certificate authority whose time is over, and a token that has expired', async () => {
  const root = JSON.parse(readFileSync(stack.trustedRoot, 'utf8')) as {
    certificateAuthorities: { validFor: object }[];
  };
  const certificateAuthorities = root.certificateAuthorities.map((authority) => ({
    ...authority,
    validFor: { start: '2020-01-01T00:00:00Z', end: '2021-01-01T00:00:00Z' },
  }));
  writeFileSync(at('expired.json'), JSON.stringify({ ...root, certificateAuthorities }));
  refuses(
    await weighmark('verify', at('ours-keyless'), ...keylessTrust(IDENTITY, stack.issuer.url, at('expired.json'))),
    /valid at the time|not proven/,
  );
  writeFileSync(at('old-token'), stack.issuer.token({ ...emailClaims(IDENTITY), exp: 1 }));
  const { status, said } = await weighmark(
    'sign',
    model('never'),
    '--identity-token',
    at('old-token'),
    '--signing-config',
    stack.signingConfig,
  );
  assert.equal(status, 2, said);
  assert.match(said, /has expired/);
  assert.ok(!said.includes(readFileSync(at('old-token'), 'utf8').slice(0, 40)), 'the token is not told');
});

test('ours → model_signing: key and keyless', { skip: withoutPython }, async () => {
  const path = model('ours-key');
  works(await weighmark('sign', path, '--key', 'anna.key'));
  works(
    await python(
      'model_signing',
      'verify',
      'key',
      path,
      '--signature',
      join(path, 'model.sig'),
      '--public_key',
      'anna.pub',
    ),
  );
  const keyless = at('ours-keyless');
  const verify = async (identity: string): Promise<Result> =>
    python(
      'model_signing',
      'verify',
      'sigstore',
      keyless,
      '--signature',
      join(keyless, 'model.sig'),
      '--identity',
      identity,
      '--identity_provider',
      stack.issuer.url,
      '--trust_config',
      at('stack', 'trust_config.json'),
    );
  works(await verify(IDENTITY));
  assert.notEqual((await verify('someone@example.com')).status, 0);
});

test('ours → cosign: key and keyless, by the OMS root digest', { skip: withoutCosign }, async () => {
  const type = ['--type', 'https://model_signing/signature/v1.0'];
  const keyless = at('ours-keyless', 'model.sig');
  const identity = (name: string): string[] => [
    '--certificate-identity',
    name,
    '--certificate-oidc-issuer',
    stack.issuer.url,
    '--trusted-root',
    stack.trustedRoot,
  ];
  works(
    await cosign(
      'verify-blob-attestation',
      '--bundle',
      keyless,
      ...identity(IDENTITY),
      ...type,
      '--digest',
      rootDigest(keyless),
      '--digestAlg',
      'sha256',
    ),
  );
  assert.notEqual(
    (
      await cosign(
        'verify-blob-attestation',
        '--bundle',
        keyless,
        ...identity('someone@example.com'),
        ...type,
        '--digest',
        rootDigest(keyless),
        '--digestAlg',
        'sha256',
      )
    ).status,
    0,
  );
  const path = model('ours-key-cosign');
  works(await weighmark('sign', path, '--key', 'anna.key', '--tsa', stack.tsaUrl));
  const byKey = join(path, 'model.sig');
  works(
    await cosign(
      'verify-blob-attestation',
      '--bundle',
      byKey,
      '--key',
      'anna.pub',
      '--insecure-ignore-tlog',
      ...type,
      '--digest',
      rootDigest(byKey),
      '--digestAlg',
      'sha256',
    ),
  );
});

test('ours → sigstore-python: keyless, by the OMS root digest', { skip: withoutPython }, async () => {
  const keyless = at('ours-keyless', 'model.sig');
  const verify = async (identity: string): Promise<Result> =>
    python(
      'sigstore',
      '--trust-config',
      at('stack', 'trust_config.json'),
      'verify',
      'identity',
      '--offline',
      '--bundle',
      keyless,
      '--cert-identity',
      identity,
      '--cert-oidc-issuer',
      stack.issuer.url,
      `sha256:${rootDigest(keyless)}`,
    );
  works(await verify(IDENTITY));
  assert.notEqual((await verify('someone@example.com')).status, 0);
});

test('a key signature’s timestamp by a real RFC 3161 server counts where the server is believed', async () => {
  const path = model('ours-key-time');
  works(await weighmark('sign', path, '--key', 'anna.key', '--tsa', stack.tsaUrl));
  writeFileSync(at('tsa.pem'), await (await fetch(`${stack.tsaUrl}/certchain`)).text());
  assert.match(
    works(await weighmark('verify', path, '--key', 'anna.pub', '--timestamp-authority', 'tsa.pem')),
    /signed 20\d\d-/,
  );
  assert.doesNotMatch(works(await weighmark('verify', path, '--key', 'anna.pub')), /signed 20\d\d-/);
});

test('model_signing → ours: key and keyless', { skip: withoutPython }, async () => {
  const byKey = model('theirs-key');
  works(
    await python(
      'model_signing',
      'sign',
      'key',
      byKey,
      '--signature',
      join(byKey, 'model.sig'),
      '--private_key',
      'anna.key',
    ),
  );
  assert.match(works(await weighmark('verify', byKey, '--key', 'anna.pub')), /VERIFIED/);
  const keyless = model('theirs-keyless');
  const { status, said } = await python(
    'model_signing',
    'sign',
    'sigstore',
    keyless,
    '--signature',
    join(keyless, 'model.sig'),
    '--identity_token',
    readFileSync(token(), 'utf8'),
    '--trust_config',
    at('stack', 'trust_config.json'),
  );
  assert.equal(status, 0, said);
  assert.match(works(await weighmark('verify', keyless, ...keylessTrust())), /VERIFIED/);
  refuses(await weighmark('verify', keyless, ...keylessTrust('someone@example.com')), /identity/);
  writeFileSync(join(keyless, 'weights.bin'), 'poisoned');
  refuses(await weighmark('verify', keyless, ...keylessTrust()), /digest-mismatch/);
});

test('cosign → ours: blobs and attestations, key and keyless', { skip: withoutCosign }, async () => {
  works(await cosign('generate-key-pair', '--output-key-prefix', 'ck'));
  const services = ['--yes', '--signing-config', stack.signingConfig, '--trusted-root', stack.trustedRoot];
  const attestation = ['--predicate', 'predicate.json', '--type', 'https://example.com/custom/v1'];
  works(await cosign('sign-blob', '--key', 'ck.key', '--bundle', 'ck-blob.json', ...services, 'weights.bin'));
  works(
    await cosign(
      'attest-blob',
      '--key',
      'ck.key',
      '--bundle',
      'ck-att.json',
      ...services,
      ...attestation,
      'weights.bin',
    ),
  );
  works(await cosign('sign-blob', '--identity-token', token(), '--bundle', 'c-blob.json', ...services, 'weights.bin'));
  works(
    await cosign(
      'attest-blob',
      '--identity-token',
      token(),
      '--bundle',
      'c-att.json',
      ...services,
      ...attestation,
      'weights.bin',
    ),
  );
  const keyless = (identity: string): string[] => [
    '--certificate-identity',
    identity,
    '--certificate-oidc-issuer',
    stack.issuer.url,
  ];
  const digest = `sha256:${createHash('sha256').update('weights').digest('hex')}`;
  for (const [bundle, trust] of [
    ['ck-blob.json', ['--key', 'ck.pub']],
    ['ck-att.json', ['--key', 'ck.pub']],
    ['c-blob.json', keyless(IDENTITY)],
    ['c-att.json', keyless(IDENTITY)],
  ] as const) {
    for (const artifact of ['weights.bin', digest])
      works(await bundleTool('--bundle', bundle, ...trust, '--trusted-root', stack.trustedRoot, artifact));
    refuses(
      await bundleTool('--bundle', bundle, ...trust, '--trusted-root', stack.trustedRoot, 'predicate.json'),
      /another artifact/,
    );
  }
  refuses(
    await bundleTool(
      '--bundle',
      'c-blob.json',
      ...keyless('someone@example.com'),
      '--trusted-root',
      stack.trustedRoot,
      'weights.bin',
    ),
    /identity/,
  );
});

test(
  'cosign → weighmark verify: an attestation of a file counts as a claim about it',
  { skip: withoutCosign },
  async () => {
    cpSync(at('c-att.json'), at('weights.bin.claims.jsonl'));
    const { status, said } = await weighmark('verify', 'weights.bin', ...keylessTrust());
    assert.equal(status, 0, said);
  },
);

/** `verify FILE` with the bundle beside it, as the tools leave it. */
async function verifiesBeside(bundle: string, trust: readonly string[], wrong: readonly string[]): Promise<void> {
  const folder = at(`beside-${bundle}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'weights.bin'), 'weights');
  cpSync(at(bundle), join(folder, 'weights.bin.sigstore.json'));
  const path = join(folder, 'weights.bin');
  assert.match(works(await weighmark('verify', path, ...trust)), /this file, under no name/);
  refuses(await weighmark('verify', path, ...wrong), /signer-untrusted|identity-mismatch|signature-invalid/);
  writeFileSync(path, 'others!');
  refuses(await weighmark('verify', path, ...trust), /digest-mismatch/);
}

test('cosign → weighmark verify: a signature of a file lies beside it', { skip: withoutCosign }, async () => {
  await verifiesBeside('ck-blob.json', ['--key', at('ck.pub')], ['--key', at('anna.pub')]);
  await verifiesBeside('c-blob.json', keylessTrust(), keylessTrust('someone@example.com'));
});

test('sigstore-python → weighmark verify: FILE.sigstore.json', { skip: withoutPython }, async () => {
  const config = ['--trust-config', at('stack', 'trust_config.json')];
  const text = readFileSync(token(), 'utf8');
  writeFileSync(at('by-python.bin'), 'weights');
  works(await python('sigstore', ...config, 'sign', '--identity-token', text, 'by-python.bin'));
  assert.ok(existsSync(at('by-python.bin.sigstore.json')), 'the name that is looked for');
  cpSync(at('by-python.bin.sigstore.json'), at('by-python.json'));
  await verifiesBeside('by-python.json', keylessTrust(), keylessTrust('someone@example.com'));
});

test('sigstore-python → ours', { skip: withoutPython }, async () => {
  works(
    await python(
      'sigstore',
      '--trust-config',
      at('stack', 'trust_config.json'),
      'sign',
      '--identity-token',
      readFileSync(token(), 'utf8'),
      '--bundle',
      'p-blob.json',
      'weights.bin',
    ),
  );
  const trust = (issuer: string): string[] => [
    '--certificate-identity',
    IDENTITY,
    '--certificate-oidc-issuer',
    issuer,
    '--trusted-root',
    stack.trustedRoot,
  ];
  works(await bundleTool('--bundle', 'p-blob.json', ...trust(stack.issuer.url), 'weights.bin'));
  refuses(await bundleTool('--bundle', 'p-blob.json', ...trust('http://127.0.0.1:1'), 'weights.bin'), /issuer/);
});
