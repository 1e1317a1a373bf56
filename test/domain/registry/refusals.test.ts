import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildOms } from '../../../src/domain/claims/oms.ts';
import { HISTORIC_OMS, PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import type { Statement } from '../../../src/domain/claims/types.ts';
import type { ClaimOutcome } from '../../../src/domain/trust/verify-claim.ts';
import type { ManifestFile } from '../../../src/domain/digest/manifest.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import { actorOf } from '../../../src/domain/authority/actor.ts';
import { parseReference } from '../../../src/domain/registry/reference.ts';
import {
  descriptorsOf,
  isOmsSignature,
  predicateTypeOf,
  readDescriptor,
  statementOf,
} from '../../../src/domain/registry/referrer.ts';

const HEX = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);

function bundleOf(statement: unknown): Buffer {
  return Buffer.from(
    JSON.stringify({ dsseEnvelope: { payload: Buffer.from(JSON.stringify(statement)).toString('base64') } }),
  );
}

test('what cannot be read of a bundle is nothing, never an error: it is for finding things', () => {
  assert.equal(predicateTypeOf(bundleOf({ predicateType: 'x' })), 'x');
  assert.ok(isOmsSignature(bundleOf({ predicateType: PREDICATES.integrity })));
  for (const bad of [bundleOf({ predicateType: 5 }), bundleOf({}), bundleOf([]), bundleOf('x'), bundleOf(null)])
    assert.equal(predicateTypeOf(bad), null);
  for (const bad of [
    bundleOf([]),
    bundleOf(5),
    Buffer.from('{'),
    Buffer.from('{}'),
    Buffer.from('{"dsseEnvelope":[]}'),
    Buffer.from('{"dsseEnvelope":{"payload":5}}'),
    Buffer.from('{"dsseEnvelope":{"payload":{}}}'),
    Buffer.from('{"dsseEnvelope":{"payload":[123,125]}}'),
  ]) {
    assert.equal(statementOf(bad), null, bad.toString());
  }
});

test('a descriptor has a media type, a SHA-256 and a size; what has not is none', () => {
  const good = { mediaType: 'm', digest: `sha256:${HEX}`, size: 1 };
  assert.deepEqual(
    readDescriptor({ ...good, urls: ['https://elsewhere'], artifactType: 'a', annotations: { k: 'v', n: 1 } }),
    { ...good, artifactType: 'a', annotations: { k: 'v' } },
  );
  assert.deepEqual(readDescriptor({ ...good, artifactType: 5, annotations: [] }), good);
  const bad = [
    null,
    'x',
    [],
    { ...good, mediaType: 5 },
    { ...good, digest: 5 },
    { ...good, digest: [good.digest] },
    { ...good, size: '1' },
    { ...good, digest: `sha512:${HEX}` },
    { ...good, digest: `sha256:${HEX.toUpperCase()}` },
    { ...good, digest: `sha256:${HEX}/../x` },
    {},
  ];
  for (const each of bad) assert.equal(readDescriptor(each), null, JSON.stringify(each));
  assert.equal(readDescriptor(undefined), null);
  assert.deepEqual(descriptorsOf(Buffer.from(JSON.stringify({ manifests: [...bad, good] }))), [good]);
});

describe('references that are nearly ones', () => {
  for (const text of [
    'oci://ghcr.io/enc',
    'oci://ghcr.io',
    'oci://ghcr.io/enc@1',
    ':1',
    'a/blobs/b:1',
    'oci://ghcr.io/oci-layout:1',
  ]) {
    test(text, () => assert.throws(() => parseReference(text), { code: 'name-invalid' }));
  }
});

describe('the actor of an entry', () => {
  const signer = { kind: 'key', fingerprint: HEX, keyType: 'ed25519' } as const;
  const anna = { name: 'anna', anchor: { kind: 'key', pem: '' } } as const;
  const leaf: LogLeaf = { v: 1, kind: 'push', name: 'acme/enc', manifest: `sha256:${HEX}`, bundle: `sha256:${OTHER}` };
  const FILES: readonly ManifestFile[] = [
    { path: 'a', sizeBytes: 1, sha256: HEX },
    { path: 'b', sizeBytes: 1, sha256: OTHER },
  ];
  const trusted = (statement: Statement, names = ['anna']): ClaimOutcome => ({
    trusted: true,
    claim: { statement, signer, times: [], bundle: OTHER } as never,
    trustedBy: names.map((name) => ({ ...anna, name })) as never,
  });
  const standing = async (
    statement: Statement,
    of: { readonly leaf?: LogLeaf; readonly files?: readonly ManifestFile[] | null } = {},
  ) =>
    (
      await actorOf(of.leaf ?? leaf, trusted(statement), {
        origin: 'log.example',
        files: async () => (of.files === undefined ? FILES : of.files),
      })
    ).standing;
  const oms = (
    resources: readonly { readonly path: string; readonly digest: string }[],
    more: object = {},
  ): Statement =>
    parseStatement(
      buildOms({ name: 'enc', algorithm: 'sha256', allowSymlinks: false, ignorePaths: [], resources, ...more } as never)
        .payload,
    );
  const BOTH = [
    { path: 'a', digest: HEX },
    { path: 'b', digest: OTHER },
  ];

  test("a signature that lists files is of the artifact if each is the artifact's; others may be ignored by it", async () => {
    assert.equal(await standing(oms(BOTH)), 'verified');
    assert.equal(await standing(oms(BOTH.slice(0, 1))), 'verified');
    assert.equal(
      await standing(
        oms([
          { path: 'a', digest: OTHER },
          { path: 'b', digest: OTHER },
        ]),
      ),
      'unverified',
    );
    assert.equal(await standing(oms([...BOTH, { path: 'c', digest: HEX }])), 'unverified');
    assert.equal(await standing(oms(BOTH), { files: null }), 'unverified');
    assert.equal(await standing(oms(BOTH), { files: [] }), 'unverified');
    const alone = oms(BOTH.slice(0, 1), { single: true });
    assert.equal(await standing(alone, { files: FILES.slice(0, 1) }), 'verified', 'one file, whatever its name');
    assert.equal(await standing(alone), 'unverified');
  });

  test('by another algorithm, or by shards, only the names can be compared', async () => {
    const shards = [
      { path: 'a', digest: OTHER, range: { start: 0, end: 1 } },
      { path: 'b', digest: HEX, range: { start: 0, end: 1 } },
    ];
    assert.equal(await standing(oms(shards, { shardBytes: 4 })), 'verified');
    assert.equal(
      await standing(
        oms(
          BOTH.map(({ path }) => ({ path, digest: 'ef'.repeat(32) })),
          { algorithm: 'blake3' },
        ),
      ),
      'verified',
    );
    assert.equal(await standing(oms([{ path: 'c', digest: HEX }], { algorithm: 'blake3' })), 'unverified');
  });

  test('any other claim names its manifest; a promotion its environment and log; a revocation anything', async () => {
    const about = (predicateType: string, predicate: object = {}, hex = HEX) =>
      ({
        _type: 'https://in-toto.io/Statement/v1',
        predicateType,
        predicate,
        subject: [{ name: 'enc', digest: { sha256: hex }, annotations: { kind: 'manifest' } }],
      }) as unknown as Statement;
    const uri = 'weighmark://log.example/acme/enc?env=prod';
    const promotion: LogLeaf = { ...leaf, kind: 'promotion', env: 'prod' };
    const revocation: LogLeaf = { ...leaf, kind: 'revocation' };
    assert.equal(await standing(about(PREDICATES.bom)), 'verified');
    assert.equal(await standing(about(PREDICATES.bom, {}, OTHER)), 'unverified');
    assert.equal(await standing(about(PREDICATES.promotion, { resourceUri: uri }), { leaf: promotion }), 'verified');
    assert.equal(
      await standing(about(PREDICATES.promotion, { resourceUri: uri.replace('prod', 'staging') }), { leaf: promotion }),
      'unverified',
    );
    assert.equal(
      await standing(about(PREDICATES.promotion, { resourceUri: uri.replace('log.', 'other.') }), { leaf: promotion }),
      'unverified',
    );
    assert.equal(
      await standing(about(PREDICATES.bom, { resourceUri: uri }), { leaf: promotion }),
      'unverified',
      'only a summary promotes',
    );
    assert.equal(await standing(about(PREDICATES.revocation, {}, OTHER), { leaf: revocation }), 'verified');
    assert.equal(await standing(about(PREDICATES.bom), { leaf: revocation }), 'unverified');
    assert.equal(
      await standing(about(HISTORIC_OMS), { files: null }),
      'unverified',
      'the historic form lists files too',
    );
  });

  test('a signer under several names is called by all of them; a stranger with a good signature is shown, not named', async () => {
    const context = { origin: 'log.example', files: async () => FILES };
    const both = await actorOf(leaf, trusted(oms(BOTH), ['anna', 'ci', 'anna']), context);
    assert.deepEqual([both.name, both.signer], ['anna or ci', signer]);
    const stranger = await actorOf(
      leaf,
      { trusted: false, refusal: { code: 'signer-untrusted', message: 'no' }, claim: { signer } as never },
      context,
    );
    assert.deepEqual(stranger, {
      standing: 'unverified',
      name: null,
      signer,
      time: null,
      claimedTime: null,
      finding: { code: 'signer-untrusted', message: 'no' },
    });
  });
});

test('a word with an `@` and no digest is a path', () => {
  for (const path of ['node_modules/@scope/x', 'org@2024/m', 'acme/enc@latest'])
    assert.deepEqual(parseReference(path), { kind: 'path', path });
});
