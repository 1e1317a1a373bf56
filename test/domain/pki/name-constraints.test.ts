import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoot, readAnchors } from '../../../src/domain/pki/certificate-path.ts';
import { readCertificate } from '../../../src/domain/pki/certificate.ts';
import { makeCertificate, nameOf, type CertificateWish } from './make-certificate.ts';

const AT = new Date('2026-11-20T12:00:00Z');
const CA = { ca: true, keyUsage: [5] } as const;

type Wish = Partial<CertificateWish>;
type Form = readonly [tag: number, content: Buffer];

const mail = (text: string): Form => [0x81, Buffer.from(text)];
const dns = (text: string): Form => [0x82, Buffer.from(text)];
const uri = (text: string): Form => [0x86, Buffer.from(text)];
const ip = (...bytes: number[]): Form => [0x87, Buffer.from(bytes)];
const directory = (name: string): Form => [0xa4, nameOf(name)];
const other: Form = [0xa0, Buffer.from('06022a03a0030c0141', 'hex')];

/** Null, or why the chain root → middle → below → leaf is refused. */
function refusal({ root = {}, middle = {}, below, leaf = {} }: Record<string, Wish | undefined>): string | null {
  const top = makeCertificate({ name: 'root', ...CA, ...root });
  const first = makeCertificate({ name: 'middle', ...CA, issuer: top, ...middle });
  const second = below === undefined ? first : makeCertificate({ name: 'below', ...CA, issuer: first, ...below });
  const end = makeCertificate({ name: 'leaf', issuer: second, ...leaf });
  const intermediates = [first, second].map(({ der }) => readCertificate(der));
  try {
    findRoot({ leaf: readCertificate(end.der), intermediates, roots: readAnchors(top.pem).roots, at: AT });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const ALLOWED: readonly (readonly [string, Wish, Wish])[] = [
  ['a mailbox at the host', { permitted: [mail('example.com')] }, { names: [mail('anna@example.com')] }],
  ['a host in capitals', { permitted: [mail('example.com')] }, { names: [mail('anna@EXAMPLE.com')] }],
  ['the mailbox itself', { permitted: [mail('anna@example.com')] }, { names: [mail('anna@example.com')] }],
  ['a mailbox below the domain', { permitted: [mail('.example.com')] }, { names: [mail('a@ml.example.com')] }],
  ['one of several', { permitted: [mail('a.com'), mail('b.com')] }, { names: [mail('x@b.com')] }],
  ['another form than is limited', { permitted: [dns('example.com')] }, { names: [mail('a@evil.org')] }],
  [
    'a host and what is below it',
    { permitted: [dns('example.com')] },
    { names: [dns('a.example.com'), dns('example.com')] },
  ],
  [
    'a workload of the trust domain',
    { permitted: [uri('example.org')] },
    { names: [uri('spiffe://example.org/ns/x')] },
  ],
  [
    'an address of a host below',
    { permitted: [uri('.example.org')] },
    { names: [uri('https://a.example.org:8443/x?y#z')] },
  ],
  ['an address in the network', { permitted: [ip(10, 0, 0, 0, 255, 0, 0, 0)] }, { names: [ip(10, 9, 8, 7)] }],
  ['the subject below the name', { permitted: [directory('LEAF ')] }, {}],
  ['no name but the subject', { permitted: [mail('example.com')] }, {}],
  ['what is not excluded', { excluded: [mail('evil.org')] }, { names: [mail('a@example.com')] }],
  ['a mail address in the subject that fits', { permitted: [mail('example.com')] }, { mailInSubject: 'a@example.com' }],
];

for (const [what, middle, leaf] of ALLOWED) {
  test(`name constraints allow ${what}`, () => assert.equal(refusal({ middle, leaf }), null));
}

const FORBIDDEN: readonly (readonly [string, Wish, Wish])[] = [
  ['a mailbox elsewhere', { permitted: [mail('example.com')] }, { names: [mail('eve@evil.org')] }],
  ['a mailbox below a host', { permitted: [mail('example.com')] }, { names: [mail('eve@sub.example.com')] }],
  ['a host that ends alike', { permitted: [mail('example.com')] }, { names: [mail('eve@evilexample.com')] }],
  [
    'the domain itself, where what is below it is meant',
    { permitted: [mail('.example.com')] },
    { names: [mail('a@example.com')] },
  ],
  ['another mailbox', { permitted: [mail('anna@example.com')] }, { names: [mail('Anna@example.com')] }],
  ['two at signs', { permitted: [mail('example.com')] }, { names: [mail('eve@evil.org@example.com.evil.org')] }],
  ['no mailbox at all', { permitted: [mail('example.com')] }, { names: [mail('example.com')] }],
  [
    'a mailbox with a control character',
    { permitted: [mail('example.com')] },
    { names: [mail('eve@evil.org\0@example.com')] },
  ],
  ['one name of two', { permitted: [mail('example.com')] }, { names: [mail('a@example.com'), mail('a@evil.org')] }],
  ['a host that ends alike', { permitted: [dns('example.com')] }, { names: [dns('evilexample.com')] }],
  ['another trust domain', { permitted: [uri('example.org')] }, { names: [uri('spiffe://evil.org/ns/example.org')] }],
  [
    'a user before another host',
    { permitted: [uri('example.org')] },
    { names: [uri('https://example.org@evil.org/')] },
  ],
  [
    'a host behind a backslash',
    { permitted: [uri('example.org')] },
    { names: [uri('https://evil.org\\@example.org/')] },
  ],
  ['an address without a host', { permitted: [uri('example.org')] }, { names: [uri('urn:example.org')] }],
  ['an address of digits', { excluded: [uri('example.org')] }, { names: [uri('https://10.0.0.1/')] }],
  ['an address outside the network', { permitted: [ip(10, 0, 0, 0, 255, 0, 0, 0)] }, { names: [ip(11, 0, 0, 1)] }],
  [
    'an address of the other family',
    { permitted: [ip(10, 0, 0, 0, 255, 0, 0, 0)] },
    { names: [ip(...Array<number>(16).fill(0))] },
  ],
  ['another subject', { permitted: [directory('somebody')] }, {}],
  ['an excluded mailbox', { excluded: [mail('example.com')] }, { names: [mail('a@example.com')] }],
  [
    'an excluded one that is permitted too',
    { permitted: [mail('example.com')], excluded: [mail('a@example.com')] },
    { names: [mail('a@example.com')] },
  ],
  ['an excluded host', { excluded: [dns('')] }, { names: [dns('a.example.com')] }],
  ['an excluded subject', { excluded: [directory('leaf')] }, {}],
  ['a form that cannot be compared', { permitted: [other] }, { names: [other] }],
  ['a form that cannot be compared, excluded', { excluded: [other] }, { names: [other] }],
  ['a mail address in the subject', { permitted: [mail('example.com')] }, { mailInSubject: 'a@evil.org' }],
];

for (const [what, middle, leaf] of FORBIDDEN) {
  test(`name constraints forbid ${what}`, () =>
    assert.match(refusal({ middle, leaf }) ?? 'allowed', /may not vouch for the name/));
}

test('limits of every CA count, the root’s too, and bind the CAs below', () => {
  const leaf = { names: [mail('a@ml.example.com')] };
  assert.equal(
    refusal({ root: { permitted: [mail('.example.com')] }, middle: { permitted: [mail('ml.example.com')] }, leaf }),
    null,
  );
  assert.match(
    refusal({ root: { permitted: [mail('.other.com')] }, middle: { permitted: [mail('ml.example.com')] }, leaf }) ?? '',
    /may not vouch/,
  );
  assert.match(
    refusal({ middle: { permitted: [mail('.example.com')] }, below: { permitted: [mail('b.com')] }, leaf }) ?? '',
    /may not vouch/,
  );
  assert.match(refusal({ middle: { excluded: [directory('below')] }, below: {}, leaf }) ?? '', /may not vouch/);
});

test('limits that are not RFC 5280’s, or on a certificate that is no CA, are refused', () => {
  for (const constraints of ['3000', '3002a000', '3004a0023000', '30070500', '300aa0083006820178800100'])
    assert.match(
      refusal({ middle: { constraints: Buffer.from(constraints, 'hex') } }) ?? '',
      /limits names in a form|cannot be read|does not lead to a trusted root/,
      constraints,
    );
  assert.match(refusal({ leaf: { permitted: [dns('x')] } }) ?? '', /which only a CA may/);
});

test('absurdly many names are refused, not compared for hours', () => {
  const many = Array.from({ length: 400 }, (_, at) => dns(`h${at}.example.com`));
  assert.match(refusal({ middle: { permitted: many }, leaf: { names: many } }) ?? '', /absurdly many/);
});
