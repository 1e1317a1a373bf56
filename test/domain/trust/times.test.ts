import assert from 'node:assert/strict';
import { X509Certificate, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import {
  authorityFromPem,
  verifiedTime,
  type TimestampAuthority,
} from '../../../src/domain/trust/timestamp-authority.ts';
import { SIGNED_AT, makeAuthority, timestampToken } from '../../adapters/sigstore/instance.ts';
import { AUTHORITY, DIGITAL_SIGNATURE, certificate, extendedUse } from '../../adapters/sigstore/x509.ts';

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const signature = Buffer.from('a signature');
const seconds = (count: number): Date => new Date(SIGNED_AT.getTime() + 1000 * count);
const [FROM, TO] = [seconds(-1000), seconds(1000)];
const key = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

interface Named {
  readonly subject: string;
  readonly key: KeyObject;
}

interface Wish {
  readonly extensions?: readonly Uint8Array[];
  readonly from?: Date;
  readonly to?: Date;
}

const made = (of: Named, issuer: Named, { extensions = [...AUTHORITY], from = FROM, to = TO }: Wish = {}): Uint8Array =>
  certificate({ ...of, issuer, notBefore: from, notAfter: to, extensions });
const named = (subject: string): Named => ({ subject, key: key() });
const SIGNER = [DIGITAL_SIGNATURE, extendedUse(TIME_STAMPING, true)];
const x509 = (der: Uint8Array): X509Certificate => new X509Certificate(der);

/** A root, so many authorities below it, and who signs below those: what is asked of an authority of which the root is believed. */
function chain(between: number, { middle = {}, leaf = {} }: { middle?: Wish; leaf?: Wish } = {}) {
  const [root, ...middles] = [named('root'), ...Array.from({ length: between }, (_, at) => named(`middle ${at}`))];
  const tsa = named('tsa');
  const certificates = middles.map((each, at) => made(each, at === 0 ? root : (middles[at - 1] ?? root), middle));
  const signer = made(tsa, middles.at(-1) ?? root, { extensions: SIGNER, ...leaf });
  const believed: TimestampAuthority = {
    name: 'tsa',
    anchors: [x509(made(root, root, { from: seconds(-5000), to: seconds(5000) }))],
    intermediates: certificates.map(x509),
  };
  return { tsa: { key: tsa.key, certificate: signer, root: signer, uri: '' }, believed };
}

const isGood = (
  { tsa, believed }: ReturnType<typeof chain>,
  over: Partial<TimestampAuthority> = {},
  at = SIGNED_AT,
): boolean => verifiedTime(timestampToken(tsa, signature, at), signature, { ...believed, ...over }) !== null;

test('a time counts within what is believed of the authority and what its certificates say, to the second', () => {
  const plain = chain(0);
  assert.equal(isGood(plain), true);
  const windows: readonly (readonly [boolean, Partial<TimestampAuthority>])[] = [
    [true, { validFrom: SIGNED_AT, validTo: SIGNED_AT }],
    [true, { validFrom: seconds(-1) }],
    [false, { validFrom: seconds(1) }],
    [true, { validTo: seconds(1) }],
    [false, { validTo: seconds(-1) }],
    [false, { validFrom: seconds(1), validTo: seconds(2) }],
  ];
  for (const [yes, window] of windows) assert.equal(isGood(plain, window), yes, JSON.stringify(window));
  assert.deepEqual(
    [FROM, TO, seconds(-1001), seconds(1001)].map((at) => isGood(plain, {}, at)),
    [true, true, false, false],
  );
});

test('the way from the signer to who is believed is not longer than it may be, and each on it may vouch for time', () => {
  assert.equal(isGood(chain(7)), true);
  assert.equal(isGood(chain(8)), false);
  const middle = (...extensions: readonly Uint8Array[]) =>
    isGood(chain(1, { middle: { extensions: [...AUTHORITY, ...extensions] } }));
  assert.equal(middle(), true);
  assert.equal(middle(extendedUse(TIME_STAMPING)), true);
  assert.equal(middle(extendedUse('2.5.29.37.0')), true);
  assert.equal(middle(extendedUse('1.3.6.1.5.5.7.3.3')), false, 'for code');
  assert.equal(isGood(chain(1, { middle: { extensions: [] } })), false, 'no authority');
});

test('who signed is whom the token names, though another’s key would fit', () => {
  const [own, other] = [chain(0), makeAuthority('other')];
  const token = timestampToken(own.tsa, signature, SIGNED_AT, {
    signer: { key: own.tsa.key, certificate: other.certificate },
  });
  const both = { ...own.believed, intermediates: [x509(own.tsa.certificate), x509(other.certificate)] };
  assert.equal(verifiedTime(token, signature, both), null);
});

test('of a file of certificates those that signed themselves are believed, without any all are; it goes by the first', () => {
  const [root, middle, tsa] = [named('root'), named('middle'), named('tsa')];
  const pem = (...all: readonly Uint8Array[]) => all.map((der) => x509(der).toString()).join('');
  const [top, between, leaf] = [made(root, root), made(middle, root), made(tsa, middle, { extensions: SIGNER })];
  /** It names itself its issuer; another key signed it. */
  const pretended = made({ ...root, key: key() }, root);
  const read = (...all: readonly Uint8Array[]) => {
    const { name, anchors, intermediates } = authorityFromPem(pem(...all));
    return [name.replace(/ \(SHA256:[0-9a-f]{64}\)$/, ''), anchors.map(({ subject }) => subject), intermediates.length];
  };
  assert.deepEqual(read(leaf, between, top), ['root', ['CN=root'], 3]);
  assert.deepEqual(read(leaf, between), ['tsa', ['CN=tsa', 'CN=middle'], 2]);
  assert.deepEqual(read(top, pretended), ['root', ['CN=root'], 2]);
  assert.equal(authorityFromPem(pem(pretended)).anchors.length, 1);
  assert.deepEqual(read(made({ subject: '', key: root.key }, root)), ['unnamed', [undefined], 1]);
});
