import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { createKeylessVerifier } from '../../src/adapters/sigstore/verifier.ts';
import { hear, type Heard } from '../../src/domain/authority/speaker.ts';
import { preAuthEncoding } from '../../src/domain/claims/dsse.ts';
import { IN_TOTO_PAYLOAD } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import type { TrustAnchor } from '../../src/domain/claims/types.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { claimTarget, revoke } from '../../src/flows/gate/revoke.ts';
import { leafOfClaim } from '../../src/flows/registry/attach.ts';
import { omsHint } from '../../src/domain/pki/keys.ts';
import { makeInstance, ISSUER } from '../adapters/sigstore/instance.ts';
import {
  AUTHORITY,
  CODE_SIGNING,
  DIGITAL_SIGNATURE,
  alternativeNames,
  certificate,
} from '../adapters/sigstore/x509.ts';
import { manifest, people, type Name } from '../domain/policy/world.ts';
import { bare, policyText, promoteAs, publishStory, signerOf } from '../flows/gate-world.ts';
import { PREDICATES, REVOCATION, answers, attach, failed, policyWith, revocationOf, world } from './denials-world.ts';

/**
 * The envelope is nobody's word: in whatever form a "no" by somebody of the policy comes, it is theirs, and never silently
 * nobody's. In the same form a stranger's is a stranger's, and nobody's "yes" counts.
 */
interface Bundle {
  mediaType: string;
  verificationMaterial?: object;
  dsseEnvelope: { payload: string; payloadType: string; signatures: object[] };
}

const HEX = 'a'.repeat(64);
const NO = buildStatement([manifest(HEX)], PREDICATES.revocation, revocationOf(`sha256:${HEX}`));
const YES = buildStatement([manifest(HEX)], PREDICATES.evaluation, { result: 'PASSED', configuration: [] });

interface Signing {
  readonly key: KeyObject;
  readonly payload?: Uint8Array;
  readonly type?: string;
  readonly hash?: string;
  readonly dsaEncoding?: 'der' | 'ieee-p1363';
}

function bundle({ key, payload = NO, type = IN_TOTO_PAYLOAD, hash = 'sha256', ...how }: Signing): Bundle {
  const sig = sign(hash, preAuthEncoding(payload, type), { key, ...how }).toString('base64');
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: type,
      signatures: [{ sig, keyid: '' }],
    },
  };
}

const text = (json: unknown): Buffer => Buffer.from(JSON.stringify(json));
const inLines = (base64: string): string => base64.replace(/.{1,76}/g, '$&\n');
const ec = (namedCurve = 'P-256'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const OTHER = ec();

function changed(key: KeyObject, change: (json: Bundle) => void): Buffer {
  const json = bundle({ key });
  change(json);
  return text(json);
}

function certificateOf(key: KeyObject): object {
  const issuer = { subject: 'self', key };
  const validity = { notBefore: new Date('2026-01-01'), notAfter: new Date('2027-01-01') };
  const extensions = [DIGITAL_SIGNATURE, CODE_SIGNING, alternativeNames('email:self@acme.example')];
  const der = certificate({ subject: 'self', key, issuer, ...validity, extensions });
  return { rawBytes: Buffer.from(der).toString('base64') };
}

/** Forms of a signature by a key that the strict reader refuses. */
const FORMS: Readonly<Record<string, (key: KeyObject) => Uint8Array>> = {
  'a second signature by somebody else': (key) =>
    changed(key, ({ dsseEnvelope }) => {
      dsseEnvelope.signatures.push(...bundle({ key: OTHER }).dsseEnvelope.signatures);
    }),
  'a first signature by somebody else': (key) =>
    changed(key, ({ dsseEnvelope }) => {
      dsseEnvelope.signatures.unshift(...bundle({ key: OTHER }).dsseEnvelope.signatures);
    }),
  'an envelope without a bundle': (key) => text(bundle({ key }).dsseEnvelope),
  'a payload in lines': (key) =>
    changed(key, (json) => {
      json.dsseEnvelope.payload = inLines(json.dsseEnvelope.payload);
    }),
  'base64 with escaped slashes': (key) =>
    Buffer.from(`\ufeff${JSON.stringify(bundle({ key })).replaceAll('/', '\\/')}`),
  'UTF-16': (key) => Buffer.from(`\ufeff${JSON.stringify(bundle({ key }))}`, 'utf16le'),
  'r and s side by side': (key) => text(bundle({ key, dsaEncoding: 'ieee-p1363' })),
  'a certificate of the key': (key) =>
    changed(key, (json) => {
      json.verificationMaterial = { certificate: certificateOf(key) };
    }),
  'a chain of a certificate of the key': (key) =>
    changed(key, (json) => {
      json.verificationMaterial = { x509CertificateChain: { certificates: [certificateOf(key)] } };
    }),
  "a certificate of somebody else's key": (key) =>
    changed(key, (json) => {
      json.verificationMaterial = { certificate: certificateOf(OTHER) };
    }),
  'a certificate that is none': (key) =>
    changed(key, (json) => {
      json.verificationMaterial = { certificate: { rawBytes: 'AAAA' } };
    }),
  'no word on who signed': (key) => changed(key, (json) => void delete json.verificationMaterial),
  'a list of bundles': (key) => text([bundle({ key })]),
  'two texts in one': (key) => Buffer.concat([text(bundle({ key })), Buffer.from('\n'), text(bundle({ key: OTHER }))]),
  'an empty payload after it': (key) =>
    Buffer.from(JSON.stringify(bundle({ key })).replace('"payloadType"', '"payload":"","payloadType"')),
  'another envelope after it': (key) =>
    Buffer.from(
      `${JSON.stringify(bundle({ key })).slice(0, -1)},"dsseEnvelope":${JSON.stringify(bundle({ key: OTHER }).dsseEnvelope)}}`,
    ),
  'members of a later version': (key) => text({ ...bundle({ key }), more: { deep: ['"payload":'] } }),
};

function trusting(anchor: TrustAnchor) {
  return { trust: [{ name: 'rita', anchor }], keyless: null, now: new Date('2026-11-20') };
}

function keyAnchor(key: KeyObject): TrustAnchor {
  return { kind: 'key', pem: pemOf(key) };
}

function pemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

/** `named`: theirs, as a no. */
function standingOf(heard: Heard): string {
  if (heard.standing !== 'named') return heard.standing;
  return heard.claim.onlyNo === undefined ? 'in order' : `named: ${heard.claim.onlyNo.code}`;
}

test('a no by a key is heard in whatever envelope, and a stranger’s in none', async () => {
  const key = ec();
  for (const [form, make] of Object.entries(FORMS)) {
    const theirs = standingOf(await hear(make(key), trusting(keyAnchor(key))));
    assert.match(theirs, /^named: signature-(malformed|invalid)$/, form);
    assert.equal(standingOf(await hear(make(ec()), trusting(keyAnchor(key)))), 'stranger', `a stranger: ${form}`);
  }
});

test('with the hash of another curve too; of another type of payload nothing is read, and whose it is is known', async () => {
  const large = ec('P-384');
  assert.equal(
    standingOf(await hear(text(bundle({ key: large })), trusting(keyAnchor(large)))),
    'named: signature-invalid',
    'SHA-256 over P-384',
  );
  const key = ec();
  const heard = await hear(
    text(bundle({ key, type: 'application/vnd.acme.revocation+json' })),
    trusting(keyAnchor(key)),
  );
  assert.ok(heard.standing === 'unread' && heard.proven);
  assert.equal(heard.statement, null, 'what is signed as something else is no statement');
});

test('a yes in such an envelope says why it does not count, where its hint says whose it is', async () => {
  const key = ec();
  const yes = bundle({ key, payload: YES });
  yes.mediaType = 'application/vnd.dev.sigstore.bundle.v0.9+json';
  assert.equal(
    standingOf(await hear(text(yes), trusting(keyAnchor(key)))),
    'stranger',
    'nobody is asked without a hint',
  );
  yes.verificationMaterial = { publicKey: { hint: omsHint(pemOf(key)) } };
  assert.equal(standingOf(await hear(text(yes), trusting(keyAnchor(key)))), 'named: signature-malformed');
});

const CA = { subject: 'acme root', key: ec() };
const ROOT = certificate({
  ...CA,
  issuer: CA,
  notBefore: new Date('2020-01-01'),
  notAfter: new Date('2035-01-01'),
  extensions: AUTHORITY,
});
const ROSA: TrustAnchor = {
  kind: 'certificate',
  pem: new X509Certificate(ROOT).toString(),
  identity: 'rosa@acme.example',
};

interface Holder {
  readonly names?: readonly string[];
  readonly subject?: string;
  readonly key?: KeyObject;
  readonly form?: 'chain' | 'leaf';
  readonly payload?: Uint8Array;
}

function byCertificate({ names = [], subject = 'x', key = ec(), form = 'chain', payload = NO }: Holder): Uint8Array {
  const validity = { notBefore: new Date('2026-11-01'), notAfter: new Date('2027-02-01') };
  const extensions = [DIGITAL_SIGNATURE, CODE_SIGNING, ...(names.length === 0 ? [] : [alternativeNames(...names)])];
  const leaf = certificate({ subject, key, issuer: CA, ...validity, extensions });
  const raw = { rawBytes: Buffer.from(leaf).toString('base64') };
  const json = bundle({ key, payload });
  json.verificationMaterial =
    form === 'leaf' ? { certificate: raw } : { x509CertificateChain: { certificates: [raw] } };
  return text(json);
}

test('certificates of a private authority: alone, of other keys, with several names', async () => {
  const rosa = 'email:rosa@acme.example';
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const cases: readonly (readonly [string, Holder, string])[] = [
    ['as policies want it', { names: [rosa] }, 'in order'],
    ['without its chain', { names: [rosa], form: 'leaf' }, 'named: signature-malformed'],
    ['of an RSA key', { names: [rosa], key: rsa }, 'named: certificate-expired'],
    ['of a key on another curve', { names: [rosa], key: ec('secp256k1') }, 'named: certificate-expired'],
    ['with a second name', { names: [rosa, 'uri:https://acme.example/rosa'] }, 'unread'],
    ['with a first name', { names: ['dns:rosa.acme.example', rosa] }, 'unread'],
    ['named by its subject alone', { subject: 'rosa@acme.example' }, 'in order'],
    [
      'named by its subject beside another name',
      { subject: 'rosa@acme.example', names: ['email:x@y.example'] },
      'unread',
    ],
    ['of another', { names: ['email:eve@acme.example'] }, 'stranger'],
    ['of another, alone', { names: ['email:eve@acme.example'], form: 'leaf' }, 'stranger'],
    ['of another with two names', { names: ['email:eve@acme.example', 'uri:https://acme.example'] }, 'stranger'],
  ];
  for (const [what, holder, standing] of cases)
    assert.equal(standingOf(await hear(byCertificate(holder), trusting(ROSA))), standing, what);
});

test('Sigstore identities: earlier versions of the bundle, and certificates with several names', async () => {
  const known = makeInstance();
  const newer = makeInstance();
  const anna = 'anna@example.com';
  const anchor: TrustAnchor = { kind: 'oidc', issuer: ISSUER, identity: anna, trustedRoot: known.trustedRoot };
  const payload = Buffer.from(NO).toString();
  const asChain = (mediaType: string) => {
    const json = JSON.parse(Buffer.from(known.bundle({ payload })).toString());
    const { certificate: leaf, ...material } = json.verificationMaterial;
    return text({
      ...json,
      mediaType,
      verificationMaterial: { ...material, x509CertificateChain: { certificates: [leaf] } },
    });
  };
  const names = [`email:${anna}`, 'email:eve@example.com'];
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['as cosign writes it', known.bundle({ payload }), 'in order'],
    ['version 0.1', asChain('application/vnd.dev.sigstore.bundle+json;version=0.1'), 'named: signature-malformed'],
    ['version 0.2', asChain('application/vnd.dev.sigstore.bundle+json;version=0.2'), 'named: signature-malformed'],
    ['a chain', asChain('application/vnd.dev.sigstore.bundle.v0.3+json'), 'named: signature-malformed'],
    ['two names', known.bundle({ payload, names }), 'unread'],
    ['two names, by another instance', newer.bundle({ payload, names }), 'unread'],
    [
      'two names of others',
      known.bundle({ payload, names: ['email:eve@example.com', 'email:x@y.example'] }),
      'stranger',
    ],
  ];
  for (const [what, bytes, standing] of cases) {
    const keyless = async () => createKeylessVerifier(async () => known.trustedRoot);
    assert.equal(standingOf(await hear(bytes, { ...trusting(anchor), keyless })), standing, what);
  }
});

const RITA = policyWith(
  'rosa',
  { certificates: [{ chain: new X509Certificate(ROOT).toString(), identity: ROSA.identity }] },
  ['revoker', 'evaluator'],
);

async function promotedModel(t: Parameters<typeof world>[0]) {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging', { text: RITA });
  return { of, model };
}

function noOf(by: Name, model: string, type: string, predicate: Record<string, unknown>): Bundle {
  return bundle({ key: people[by].key, payload: buildStatement([manifest(bare(model))], type, predicate) });
}

test('promote, verify and audit hear each of them', async (t) => {
  const about = (model: string) => buildStatement([manifest(bare(model))], PREDICATES.revocation, revocationOf(model));
  const cases: readonly (readonly [string, (model: string) => Uint8Array, string, number])[] = [
    ['bare', (id) => text(noOf('rita', id, PREDICATES.revocation, revocationOf(id)).dsseEnvelope), 'revoked', 1],
    [
      'leaf',
      (id) => byCertificate({ names: ['email:rosa@acme.example'], form: 'leaf', payload: about(id) }),
      'revoked',
      1,
    ],
    [
      'names',
      (id) => byCertificate({ names: ['email:rosa@acme.example', 'dns:a.example'], payload: about(id) }),
      'signer-unverifiable',
      4,
    ],
    [
      'type',
      (id) => text(bundle({ key: people.rita.key, payload: about(id), type: 'application/vnd.acme+json' })),
      'claim-malformed',
      4,
    ],
    ['a stranger’s', (id) => text(noOf('mallory', id, PREDICATES.revocation, revocationOf(id)).dsseEnvelope), '', 0],
  ];
  for (const [what, say, code, exit] of cases) {
    const { of, model } = await promotedModel(t);
    await attach(of, model, say(model), REVOCATION);
    for (const [way, answer] of Object.entries(await answers(of, model, RITA)))
      assert.deepEqual(answer, [code === '' ? [] : [code], exit], `${what}: ${way}`);
  }
});

test('a failed evaluation in such an envelope is taken back by name, as its hint says', async (t) => {
  const { of, model } = await promotedModel(t);
  const no = text(noOf('erin', model, PREDICATES.evaluation, failed()).dsseEnvelope);
  await attach(of, model, no);
  assert.deepEqual((await answers(of, model, RITA))['verify'], [['claim-negative'], 1]);
  const artifact = { name: 'acme/enc', id: model };
  const target = await claimTarget(sha256Hex(no), artifact, of.registry);
  const input = { action: 'revoke', target, reason: 'a mistake', artifact, policy: parsePolicy(policyText()) } as const;
  await revoke(input, { ...of.ports, registry: of.registry, signer: signerOf('rita') });
  assert.deepEqual((await answers(of, model, RITA))['verify'], [[], 0]);
});

test('what comes along in such an envelope is logged as what it says', () => {
  const along = { name: 'acme/other', id: `sha256:${'b'.repeat(64)}` };
  const revocation = text(noOf('rita', HEX, PREDICATES.revocation, revocationOf(`sha256:${HEX}`)).dsseEnvelope);
  assert.equal(leafOfClaim(revocation, along).kind, 'revocation', 'every decision reads those');
  const evaluation = text(noOf('erin', `sha256:${HEX}`, PREDICATES.evaluation, failed()).dsseEnvelope);
  assert.equal(leafOfClaim(evaluation, along).manifest, `sha256:${HEX}`);
  assert.equal(leafOfClaim(Buffer.from('nonsense'), along).kind, 'claim');
});
