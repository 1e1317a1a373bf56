import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { OUTBOARD_FROM_BYTES } from '../../../src/domain/digest/outboard.ts';
import { inputsOf } from '../../../src/domain/registry/inputs.ts';
import { BOUND_LISTS, boundList } from '../../../src/domain/registry/lists.ts';
import { formatOutboards, outboardsOf } from '../../../src/domain/registry/outboards.ts';
import { formatReference, parseReference } from '../../../src/domain/registry/reference.ts';
import {
  attachmentReferrer,
  claimReferrer,
  descriptorsOf,
  fallbackTag,
  isOmsSignature,
  withoutSubject,
} from '../../../src/domain/registry/referrer.ts';

const hex = (digit: string): string => digit.repeat(64);

/** As registries hold a claim: unverified. */
function bundle(statement: object): Uint8Array {
  const payload = Buffer.from(JSON.stringify(statement)).toString('base64');
  return Buffer.from(JSON.stringify({ dsseEnvelope: { payload, payloadType: 'application/vnd.in-toto+json' } }));
}

test('references are written as they are read', () => {
  for (const text of [
    './m',
    `sha256:${hex('a')}`,
    'acme/enc:1',
    `acme/enc@sha256:${hex('b')}`,
    'oci://host:5000/a/b:x',
  ])
    assert.equal(formatReference(parseReference(text)), text);
});

test('outboards that lie in a registry: those of large files, by well-formed lines alone', () => {
  const large = { path: 'a', sizeBytes: OUTBOARD_FROM_BYTES, sha256: hex('1'), blake3: hex('a') };
  const files = [large, { ...large, path: 'b', sizeBytes: OUTBOARD_FROM_BYTES - 1, blake3: hex('b') }];
  const list = formatOutboards(files.map(({ blake3 }) => ({ blake3, digest: `sha256:${hex('2')}`, sizeBytes: 1 })));
  assert.deepEqual([...outboardsOf(files, list).keys()], [hex('a')]);
  assert.equal(outboardsOf(files, list).get(hex('a'))?.digest, `sha256:${hex('2')}`);
  assert.equal(outboardsOf(files, list.replace('outboards/1', 'outboards/2')).size, 0);
  assert.equal(outboardsOf(files, list.replaceAll(hex('2'), hex('2').slice(1))).size, 0, 'a digest cut short');
  assert.equal(outboardsOf(files, list.replaceAll(hex('a'), hex('A'))).size, 0, 'a digest in capitals');
});

test('a list goes with an artifact if a claim names it as a list', () => {
  const list = Buffer.from('a list');
  const sha256 = sha256Hex(list);
  const naming = (kind: unknown, digest: unknown = { sha256 }) =>
    bundle({ subject: [{ digest, annotations: { kind } }] });
  assert.equal(boundList([Buffer.from('other'), list], [naming('file'), naming('list')]), list);
  for (const other of [naming('file'), naming('list', { sha256: 7 }), naming('list', 'x'), bundle({ subject: {} })])
    assert.equal(boundList([list], [other]), null);
  assert.deepEqual(BOUND_LISTS, [
    ['records', 'application/vnd.weighmark.records.v1'],
    ['weights', 'application/vnd.weighmark.weights.v1'],
  ]);
});

test('what a claim says it was made from: SHA-256 and, where it is one, a name', () => {
  const made = (resolvedDependencies: unknown) =>
    inputsOf(bundle({ predicate: { buildDefinition: { resolvedDependencies } } }));
  const digest = { sha256: hex('c') };
  assert.deepEqual(
    made([{ digest, name: 'acme/base:1' }, { digest, name: './folder' }, { digest, name: '' }, { digest: {} }, 'x']),
    [
      { sha256: hex('c'), name: 'acme/base' },
      { sha256: hex('c'), name: null },
      { sha256: hex('c'), name: null },
    ],
  );
  assert.deepEqual(made({}), []);
});

test('a referrer holds its bytes as a layer, and what it keeps after them', () => {
  const subject = { mediaType: 'application/x', digest: `sha256:${hex('d')}`, size: 3 };
  const keeps = [{ digest: `sha256:${hex('e')}`, sizeBytes: 5 }];
  const referrer = attachmentReferrer(subject, 'application/y', { bytes: Buffer.from('yes'), keeps });
  const read = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
  const { layers, subject: about, artifactType } = read(referrer.manifest);
  assert.deepEqual(layers, [
    { mediaType: 'application/y', digest: `sha256:${sha256Hex('yes')}`, size: 3 },
    { mediaType: 'application/octet-stream', digest: `sha256:${hex('e')}`, size: 5 },
  ]);
  assert.deepEqual([about, artifactType], [subject, 'application/y']);
  assert.equal('annotations' in referrer.descriptor, false);
  assert.deepEqual(
    claimReferrer(subject, bundle({})).descriptor.annotations?.['dev.sigstore.bundle.predicateType'],
    '',
  );
  const bare = withoutSubject(referrer);
  assert.deepEqual([read(bare.manifest)['subject'], read(bare.manifest)['layers']], [undefined, layers]);
  assert.equal(bare.descriptor.digest, `sha256:${sha256Hex(bare.manifest)}`);
  const { annotations } = read(claimReferrer(subject, bundle({ predicateType: 'https://example.com/p' })).manifest);
  assert.deepEqual(annotations, {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': 'https://example.com/p',
  });
});

test('the OMS signature is told from other claims by what it says it is', () => {
  assert.ok(isOmsSignature(bundle({ predicateType: 'https://model_signing/signature/v1.0' })));
  for (const other of [bundle({ predicateType: 'https://cyclonedx.org/bom' }), bundle({}), Buffer.from('x')])
    assert.ok(!isOmsSignature(other));
});

test('the descriptors of an index: well-formed ones, with what of them is text', () => {
  const whole = { mediaType: 'application/x', digest: `sha256:${hex('a')}`, size: 1 };
  const read = (...manifests: unknown[]) => descriptorsOf(Buffer.from(JSON.stringify({ manifests })));
  assert.deepEqual(read(whole), [whole]);
  assert.deepEqual(read({ ...whole, artifactType: 'y', annotations: { a: 'b', c: 7 }, other: 1 }), [
    { ...whole, artifactType: 'y', annotations: { a: 'b' } },
  ]);
  assert.deepEqual(read({ ...whole, artifactType: 7, annotations: { c: 7 } }), [whole]);
  assert.deepEqual(read({ ...whole, annotations: ['x'] }), [whole]);
  for (const bad of ['x', null, [], { ...whole, mediaType: 7 }, { ...whole, digest: 7 }, { ...whole, size: '1' }])
    assert.deepEqual(read(bad), []);
  for (const digest of [`sha256:${hex('A')}`, `sha512:${hex('a')}`, `sha256:${hex('a')}0`, hex('a')])
    assert.deepEqual(read({ ...whole, digest }), []);
  assert.deepEqual(descriptorsOf(Buffer.from('{"manifests":{"a":1}}')), []);
  assert.equal(fallbackTag(whole.digest), `sha256-${hex('a')}`);
});
