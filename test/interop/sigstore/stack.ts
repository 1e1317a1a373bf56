import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCtLog, ctLogId } from './ct-log.ts';
import { startIssuer, type Issuer } from './issuer.ts';

/** A private Sigstore on loopback: real Fulcio, Rekor v2 and timestamp authority, our own issuer and CT log. */
export interface Stack {
  readonly issuer: Issuer;
  /** Files for us and for other tools. */
  readonly trustedRoot: string;
  readonly signingConfig: string;
  readonly tsaUrl: string;
  stop(): void;
}

export interface StackPlaces {
  /** An empty folder for keys, logs and configuration. */
  readonly folder: string;
  /** Where `fulcio`, `posix` (Rekor v2) and `timestamp-server` are. */
  readonly bin: string;
  /** The first of eight free ports on loopback. */
  readonly port: number;
}

const ORIGIN = 'rekor.test.local';

export async function startStack({ folder, bin, port }: StackPlaces): Promise<Stack> {
  mkdirSync(join(folder, 'rekor'), { recursive: true });
  const ports = {
    issuer: port,
    ct: port + 1,
    fulcio: port + 2,
    fulcioGrpc: port + 3,
    rekor: port + 4,
    rekorGrpc: port + 5,
    tsa: port + 6,
    metrics: port + 7,
  };
  const keys = makeKeys(folder);
  const issuer = await startIssuer(ports.issuer);
  const ctLog = await startCtLog(ports.ct, keys.ct);
  const children = startServers({ folder, bin, port }, ports, issuer.url);
  const stop = (): void => {
    for (const child of children) child.kill();
    issuer.close();
    ctLog.close();
  };
  try {
    const tsaUrl = `http://127.0.0.1:${ports.tsa}/api/v1/timestamp`;
    for (const path of [`${ports.fulcio}/healthz`, `${ports.rekor}/healthz`, `${ports.tsa}/ping`])
      await untilUp(`http://127.0.0.1:${path}`);
    const tsaChain = await (await fetch(`${tsaUrl}/certchain`)).text();
    const files = writeFiles(folder, { ...keys, tsaChain, ports, issuer: issuer.url, tsaUrl });
    return { issuer, ...files, tsaUrl, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

interface Keys {
  readonly ct: ReturnType<typeof createPrivateKey>;
  readonly rekorSpki: Buffer;
  readonly fulcioCa: X509Certificate;
}

function makeKeys(folder: string): Keys {
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  openssl(
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-384',
    '-aes-256-cbc',
    '-pass',
    'pass:fulcio',
    '-out',
    'ca.key',
  );
  const extensions = [
    '-addext',
    'basicConstraints=critical,CA:TRUE,pathlen:0',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ];
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    'ca.key',
    '-passin',
    'pass:fulcio',
    '-sha384',
    '-days',
    '30',
    '-subj',
    '/O=test.local/CN=test-fulcio',
    ...extensions,
    '-out',
    'ca.pem',
  );
  const rekor = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'rekor.key'), rekor.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const ct = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(folder, 'ct.pub'), ct.publicKey.export({ type: 'spki', format: 'pem' }));
  const pem = spawnSync('cat', [join(folder, 'ca.pem')], { encoding: 'utf8' }).stdout;
  return {
    ct: ct.privateKey,
    rekorSpki: rekor.publicKey.export({ type: 'spki', format: 'der' }),
    fulcioCa: new X509Certificate(pem),
  };
}

function startServers(
  { folder, bin }: StackPlaces,
  ports: Readonly<Record<string, number>>,
  issuer: string,
): readonly ChildProcess[] {
  // YAML in block form: what looks like JSON Fulcio reads with other names.
  const settings = [
    `issuer-url: ${issuer}`,
    'client-id: sigstore',
    'type: email',
    'contact: test@example.com',
    'description: test',
  ];
  writeFileSync(
    join(folder, 'fulcio.yaml'),
    `oidc-issuers:\n  ${issuer}:\n${settings.map((line) => `    ${line}\n`).join('')}`,
  );
  const on = (name: string): string => String(ports[name]);
  const start = (name: string, program: string, args: readonly string[]): ChildProcess => {
    const child = spawn(join(bin, program), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const log = createWriteStream(join(folder, `${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.on('error', (error) => log.write(String(error)));
    return child;
  };
  return [
    start('fulcio', 'fulcio', [
      'serve',
      '--config-path',
      'fulcio.yaml',
      '--ca',
      'fileca',
      '--fileca-cert',
      'ca.pem',
      '--fileca-key',
      'ca.key',
      '--fileca-key-passwd',
      'fulcio',
      '--fileca-watch=false',
      '--ct-log-url',
      `http://127.0.0.1:${on('ct')}/test`,
      '--ct-log-public-key-path',
      'ct.pub',
      '--host',
      '127.0.0.1',
      '--port',
      on('fulcio'),
      '--grpc-host',
      '127.0.0.1',
      '--grpc-port',
      on('fulcioGrpc'),
      '--metrics-port',
      '0',
      '--legacy-unix-domain-socket',
      join(folder, 'fulcio.sock'),
    ]),
    start('rekor', 'posix', [
      'serve',
      '--storage-dir',
      'rekor',
      '--signer-filepath',
      'rekor.key',
      '--hostname',
      ORIGIN,
      '--http-address',
      '127.0.0.1',
      '--http-port',
      on('rekor'),
      '--grpc-address',
      '127.0.0.1',
      '--grpc-port',
      on('rekorGrpc'),
      '--http-metrics-port',
      on('metrics'),
      '--checkpoint-interval',
      '500ms',
      '--batch-max-age',
      '50ms',
    ]),
    start('tsa', 'timestamp-server', [
      'serve',
      '--host',
      '127.0.0.1',
      '--port',
      on('tsa'),
      '--timestamp-signer',
      'memory',
      '--disable-ntp-monitoring',
    ]),
  ];
}

async function untilUp(url: string): Promise<void> {
  for (let tries = 0; tries < 150; tries += 1) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} did not come up`);
}

interface Parts extends Keys {
  readonly tsaChain: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly issuer: string;
  readonly tsaUrl: string;
}

function writeFiles(folder: string, parts: Parts): { trustedRoot: string; signingConfig: string } {
  const trustedRoot = join(folder, 'trusted_root.json');
  const signingConfig = join(folder, 'signing_config.json');
  writeFileSync(trustedRoot, JSON.stringify(rootOf(parts), null, 1));
  writeFileSync(signingConfig, JSON.stringify(configOf(parts), null, 1));
  writeFileSync(
    join(folder, 'trust_config.json'),
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
      trustedRoot: rootOf(parts),
      signingConfig: configOf(parts),
    }),
  );
  return { trustedRoot, signingConfig };
}

const VALID_FOR = { start: '2020-01-01T00:00:00Z' };

function rootOf({ rekorSpki, ct, fulcioCa, tsaChain, ports, tsaUrl }: Parts): object {
  const ctSpki = createPublicKey(ct).export({ format: 'der', type: 'spki' });
  // A Rekor v2 log's id is the C2SP key id: SHA-256 of origin, newline, 0x01 and the raw Ed25519 key.
  const rekorId = createHash('sha256').update(`${ORIGIN}\n\u0001`).update(rekorSpki.subarray(-32)).digest('base64');
  const chain = (tsaChain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((pem) => ({
    rawBytes: new X509Certificate(pem).raw.toString('base64'),
  }));
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: `http://${ORIGIN}`,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: rekorSpki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor: VALID_FOR },
        logId: { keyId: rekorId },
      },
    ],
    certificateAuthorities: [
      {
        subject: { organization: 'test.local', commonName: 'test-fulcio' },
        uri: `http://127.0.0.1:${ports['fulcio']}`,
        certChain: { certificates: [{ rawBytes: fulcioCa.raw.toString('base64') }] },
        validFor: VALID_FOR,
      },
    ],
    ctlogs: [
      {
        baseUrl: `http://127.0.0.1:${ports['ct']}/test`,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: ctSpki.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: VALID_FOR },
        logId: { keyId: ctLogId(ct).toString('base64') },
      },
    ],
    timestampAuthorities: [
      {
        subject: { organization: 'local', commonName: 'tsa' },
        uri: tsaUrl,
        certChain: { certificates: chain },
        validFor: VALID_FOR,
      },
    ],
  };
}

function configOf({ ports, issuer, tsaUrl }: Parts): object {
  const service = (url: string, majorApiVersion: number): object => ({
    url,
    majorApiVersion,
    validFor: VALID_FOR,
    operator: 'test.local',
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service(`http://127.0.0.1:${ports['fulcio']}`, 1)],
    oidcUrls: [service(issuer, 1)],
    rekorTlogUrls: [service(`http://127.0.0.1:${ports['rekor']}`, 2)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(tsaUrl, 1)],
    tsaConfig: { selector: 'ANY' },
  };
}
