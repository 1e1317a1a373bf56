import assert from 'node:assert/strict';
import { X509Certificate, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { readCertificate } from '../../../src/domain/pki/certificate.ts';
import { findRoot, findRootEver, readAnchors } from '../../../src/domain/pki/certificate-path.ts';
import { CODE_SIGNING, makeCertificate, SERVER_AUTH, type CertificateWish, type Made } from './make-certificate.ts';

const AT = new Date('2026-11-20T12:00:00Z');
const CA = { ca: true, keyUsage: [5] } as const;

interface Chain {
  readonly root?: Partial<CertificateWish>;
  readonly intermediate?: Partial<CertificateWish>;
  readonly leaf?: Partial<CertificateWish>;
}

function make({ root = {}, intermediate = {}, leaf = {} }: Chain): { root: Made; intermediate: Made; leaf: Made } {
  const top = makeCertificate({ name: 'root', ...CA, ...root });
  const middle = makeCertificate({ name: 'middle', ...CA, issuer: top, ...intermediate });
  return { root: top, intermediate: middle, leaf: makeCertificate({ name: 'leaf', issuer: middle, ...leaf }) };
}

function rootOf(chain: Chain, at = AT): string {
  const { root, intermediate, leaf } = make(chain);
  return find(leaf, [intermediate], root, at);
}

function find(leaf: Made, intermediates: readonly Made[], root: Made, at = AT): string {
  const question = {
    leaf: readCertificate(leaf.der),
    intermediates: intermediates.map(({ der }) => readCertificate(der)),
    ...pick(readAnchors(root.pem)),
    at,
  };
  return findRoot(question).x509.subject;
}

function pick({ roots }: ReturnType<typeof readAnchors>): Pick<ReturnType<typeof readAnchors>, 'roots'> {
  return { roots };
}

test('a chain through an intermediate leads to the root', () => {
  assert.equal(rootOf({}), 'CN=root');
  assert.equal(rootOf({ leaf: { keyUsage: null, extendedKeyUsage: [CODE_SIGNING] } }), 'CN=root');
  assert.equal(
    rootOf({ intermediate: { pathLength: 0, extendedKeyUsage: [CODE_SIGNING] }, root: { pathLength: 1 } }),
    'CN=root',
  );
});

const REFUSED: readonly (readonly [string, Chain, RegExp])[] = [
  ['the leaf has expired', { leaf: { to: new Date('2026-01-01') } }, /has expired/],
  ['the leaf is not valid yet', { leaf: { from: new Date('2027-01-01') } }, /not valid yet/],
  [
    'the intermediate has expired (CVE-2026-24122: every certificate, not the leaf alone)',
    { intermediate: { to: new Date('2026-01-01') } },
    /has expired/,
  ],
  ['the root has expired', { root: { to: new Date('2026-01-01') } }, /trusted root .* has expired/],
  ['the intermediate is no CA', { intermediate: { ca: false, keyUsage: null } }, /not a CA|does not lead/],
  [
    'the intermediate has no basic constraints',
    { intermediate: { ca: null, keyUsage: null } },
    /not a CA|does not lead/,
  ],
  ['the intermediate may not sign certificates', { intermediate: { keyUsage: [0] } }, /may not sign|does not lead/],
  ['the intermediate is for TLS servers', { intermediate: { extendedKeyUsage: [SERVER_AUTH] } }, /another purpose/],
  ['the root allows no intermediate', { root: { pathLength: 0 } }, /above more CAs/],
  ['the leaf says nothing of signing', { leaf: { keyUsage: null } }, /nothing of being for signing/],
  ['the leaf is for other uses', { leaf: { keyUsage: [2] } }, /not for digital signatures/],
  ['the leaf is for TLS servers', { leaf: { extendedKeyUsage: [SERVER_AUTH] } }, /another purpose/],
  ['the leaf has a critical extension nobody knows', { leaf: { critical: '1.2.3.4' } }, /not understood/],
  [
    'the intermediate limits names in no known form',
    { intermediate: { critical: '2.5.29.30' } },
    /limits names in a form/,
  ],
  ['a link is signed with SHA-1', { leaf: { hash: 'sha1' } }, /does not lead/],
  ['the intermediate has a weak key', { intermediate: { rsaBits: 1024 } }, /does not lead/],
];

for (const [what, chain, why] of REFUSED) {
  test(`refused: ${what}`, () => assert.throws(() => rootOf(chain), why));
}

test('an expired root that the caller named is a question of trust, not a refusal of the artifact', () => {
  assert.throws(() => rootOf({ root: { to: new Date('2026-01-01') } }), { code: 'trust-expired' });
});

test('a signature made in time stays good after its certificate', () => {
  const chain: Chain = { leaf: { to: new Date('2026-01-01') } };
  assert.equal(rootOf(chain, new Date('2025-06-01')), 'CN=root');
});

test('the same names under another root do not count', () => {
  const { leaf, intermediate } = make({});
  const impostor = makeCertificate({ name: 'root', ...CA });
  assert.throws(() => find(leaf, [intermediate], impostor), { code: 'signer-untrusted' });
});

test('an intermediate or leaf is never an anchor, a self-signed certificate is', () => {
  const { leaf, intermediate } = make({});
  assert.deepEqual([readAnchors(intermediate.pem).roots.length, readAnchors(leaf.pem).roots.length], [0, 0]);
  const own = makeCertificate({ name: 'own' });
  assert.equal(find(own, [], own), 'CN=own');
});

test('crossed chains end: certificates that all certify one another form more paths than are tried', () => {
  const { leaf, intermediate, root } = make({ root: { name: 'elsewhere' } });
  const crowd = Array.from({ length: 15 }, () =>
    makeCertificate({ name: 'middle', ...CA, issuer: intermediate, keyOf: intermediate }),
  );
  assert.throws(() => find(leaf, crowd, makeCertificate({ name: 'root', ...CA })), { code: 'claims-limit' });
  assert.equal(find(leaf, [...crowd.slice(0, 2), intermediate], root), 'CN=elsewhere');
});

test('a certificate that says one thing twice is malformed, whichever way it would be read', () => {
  assert.throws(() => readCertificate(makeCertificate({ name: 'twice', repeated: true }).der), {
    code: 'signature-malformed',
    message: /repeats an extension/,
  });
});

test('an extension that is BER and not DER is refused, in a bundle and among what the caller trusts', () => {
  const { der, pem } = makeCertificate({ name: 'ber', longForm: true });
  assert.throws(() => readCertificate(der), { code: 'signature-malformed', message: 'a certificate cannot be read' });
  assert.throws(() => readAnchors(pem), { code: 'format-invalid', message: 'not DER' });
});

test('bytes that are no certificate are malformed', () => {
  for (const der of [Buffer.alloc(0), Buffer.from('3000', 'hex'), Buffer.alloc(500, 0x30)])
    assert.throws(() => readCertificate(der), { code: 'signature-malformed' });
});

/** Its point is on no curve: Node reads the certificate, and throws where the key is asked for. */
function withBrokenKey(made: Made): Made {
  const der = Buffer.from(made.der);
  const spki = createPublicKey(made.key).export({ type: 'spki', format: 'der' });
  const at = der.indexOf(spki) + spki.length - 65;
  assert.equal(der[at], 4);
  der[at] = 5;
  return { ...made, der, pem: new X509Certificate(der).toString() };
}

test('a certificate whose key cannot be read is no anchor and no issuer, and no fault of ours', () => {
  const { root, intermediate, leaf } = make({});
  const broken = { root: withBrokenKey(root), intermediate: withBrokenKey(intermediate) };
  assert.throws(() => createPublicKey(broken.root.pem), 'or this tests nothing');
  const { roots, intermediates } = readAnchors(broken.root.pem + root.pem);
  assert.deepEqual([roots.length, intermediates.length], [1, 1]);
  assert.throws(() => find(leaf, [broken.intermediate], root), { code: 'signer-untrusted' });
  assert.match(find(leaf, [broken.intermediate, intermediate], root), /root/);
  const question = { leaf: readCertificate(leaf.der), intermediates: [readCertificate(broken.intermediate.der)] };
  assert.equal(findRootEver({ ...question, roots }), null);
});
