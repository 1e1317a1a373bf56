import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import {
  indexFeeds,
  inRange,
  matchDigests,
  matchName,
  matchSigner,
  matchTensor,
  unreadFindings,
} from '../../../src/domain/scan/feeds/match.ts';
import { parseFeed } from '../../../src/domain/scan/feeds/parse.ts';
import { checkFeedSignature } from '../../../src/domain/scan/feeds/signed.ts';
import { hashesOf } from '../../../src/domain/scan/feeds/stix.ts';

const NOW = new Date('2026-11-21T00:00:00Z');
const BAD = 'ab'.repeat(32);
const feedOf = (content: unknown) =>
  parseFeed('feed', Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)), NOW);
const hits = (content: unknown, sha256 = BAD) =>
  matchDigests(indexFeeds([feedOf(content)], NOW), 'model.pt', { sha256 });
const indicator = (more: object) => ({
  type: 'indicator',
  id: 'indicator--1',
  name: 'bad model',
  pattern_type: 'stix',
  pattern: `[file:hashes.'SHA-256' = '${BAD}']`,
  valid_from: '2026-01-01T00:00:00Z',
  ...more,
});
const bundle = (...objects: object[]) => ({ type: 'bundle', id: 'bundle--1', objects });

test('WM-FEED-001: a STIX 2.1 indicator says its feed, age and reference', () => {
  const [found] = hits(
    bundle(
      indicator({
        modified: '2026-11-11T00:00:00Z',
        external_references: [{ source_name: 'x', url: 'https://example.org/1' }],
      }),
    ),
  );
  assert.equal(found?.rule, 'WM-FEED-001');
  assert.equal(found?.severity, 'critical');
  assert.match(found?.message ?? '', /bad model.*feed, 10 days old, see https:\/\/example\.org\/1/);
  assert.deepEqual(hits(bundle(indicator({})), 'cd'.repeat(32)), []);
});

test('indicators that are revoked, expired or not yet valid do not match', () => {
  for (const more of [
    { revoked: true },
    { valid_until: '2026-02-01T00:00:00Z' },
    { valid_from: '2027-01-01T00:00:00Z' },
  ])
    assert.deepEqual(hits(bundle(indicator(more))), []);
});

test('STIX patterns of hashes joined by OR, AND and IN are read, others are said to be unread', () => {
  const md5 = '0'.repeat(32);
  assert.equal(
    hashesOf(
      `[file:hashes.MD5 = '${md5}' AND file:hashes.'SHA-256' = '${BAD}'] OR [file:hashes."SHA-256" IN ('${BAD}', '${BAD}')]`,
    )?.length,
    4,
  );
  for (const pattern of [
    `[ipv4-addr:value = '1.2.3.4']`,
    `[file:name = 'x' AND file:hashes.MD5 = '${md5}']`,
    `[file:hashes.MD5 = 'nothex']`,
    '',
    `[file:hashes.MD5 = '${md5}'] OR `,
  ])
    assert.equal(hashesOf(pattern), null, pattern);
  const index = indexFeeds([feedOf(bundle(indicator({ pattern: "[domain-name:value = 'x']" })))], NOW);
  assert.deepEqual(
    unreadFindings(index).map(({ rule }) => rule),
    ['WM-FEED-003'],
  );
});

test('digest lists of any usual form', () => {
  for (const line of [
    BAD,
    `${BAD}  evil.pt`,
    `sha256:${BAD.toUpperCase()}`,
    `"${BAD}","evil"`,
    `# comment\n${BAD} *evil.pt\n`,
  ])
    assert.equal(hits(line).length, 1, line);
  assert.throws(
    () => feedOf('no digest in here'),
    (error: WeighmarkError) => error.code === 'format-invalid',
  );
});

test('OSV records and CycloneDX VEX match models by digest and name', () => {
  const osv = {
    id: 'MAL-2026-1',
    modified: '2026-11-01T00:00:00Z',
    affected: [
      {
        package: { ecosystem: 'Hugging Face', name: 'evil/model' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '1.0' }, { fixed: '1.4' }] }],
        database_specific: { sha256: [BAD] },
      },
    ],
  };
  assert.equal(hits(osv).length, 1);
  const index = indexFeeds([feedOf(osv)], NOW);
  assert.deepEqual(
    ['0.9', '1.2', '1.4'].map((version) => matchName(index, '.', { name: 'Evil/Model', version }).length),
    [0, 1, 0],
  );
  const vex = (state: string) => ({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    components: [
      { type: 'machine-learning-model', 'bom-ref': 'm', name: 'm', hashes: [{ alg: 'SHA-256', content: BAD }] },
    ],
    vulnerabilities: [{ id: 'X-1', affects: [{ ref: 'm' }], analysis: { state } }],
  });
  assert.equal(hits(vex('exploitable')).length, 1);
  assert.equal(hits(vex('not_affected')).length, 0);
});

test('WM-FEED-002: our own feed knows names, ranges, tensors and signers', () => {
  const index = indexFeeds(
    [
      feedOf(
        `weighmark-feed: 1\npublished: 2026-11-20T00:00:00Z\nentries:\n  - id: W-1\n    severity: high\n    tensors: ["${BAD}"]\n    models: [{name: acme/enc, versions: ">=1.2 <1.4 || =2.0"}]\n    signers: [mallory@example.org]\n`,
      ),
    ],
    NOW,
  );
  assert.equal(matchTensor(index, 'm', 'w', BAD)[0]?.place.tensor, 'w');
  assert.equal(matchName(index, 'm', { name: 'acme/enc', version: '1.3.9' })[0]?.rule, 'WM-FEED-002');
  assert.equal(matchName(index, 'm', { name: 'acme/enc' }).length, 1);
  assert.equal(matchSigner(index, 'm', 'Mallory@example.org').length, 1);
  for (const broken of [
    'weighmark-feed: 2\nentries: []',
    'weighmark-feed: 1\nentries: [{id: a}]',
    'weighmark-feed: 1\nentries: [{id: a, sha256: [xyz]}]',
    'weighmark-feed: 1\nother: 1\nentries: []',
  ]) {
    assert.throws(
      () => feedOf(broken),
      (error: WeighmarkError) => error.code === 'format-invalid',
      broken,
    );
  }
});

test('version ranges', () => {
  assert.ok(
    inRange('1.10', '>=1.9') && inRange('v2.0', '=2') && inRange('anything', '*') && inRange('2.0', '<1 || =2.0'),
  );
  assert.ok(!inRange('1.4', '>=1.2 <1.4') && !inRange('1.3', '1.2'));
});

test('a feed that is no feed is refused: it must not look like a clean one', () => {
  for (const content of ['{"a": 1}', '[1, 2]', '{"type": "bundle"', '{"type":"bundle","type":"bundle"}'])
    assert.throws(
      () => feedOf(content),
      (error: WeighmarkError) => error.code === 'format-invalid',
      content,
    );
});

test('a signed feed counts only with its key', () => {
  const bytes = Buffer.from(BAD);
  for (const { publicKey, privateKey } of [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ]) {
    const keyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const made = sign(privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, privateKey);
    checkFeedSignature('f', bytes, { signature: Buffer.from(made.toString('base64')), keyPem });
    for (const signature of [undefined, Buffer.alloc(0), Buffer.from('AAAA')]) {
      assert.throws(
        () => checkFeedSignature('f', bytes, { signature, keyPem }),
        (error: WeighmarkError) => error.code === 'signature-invalid',
      );
    }
    assert.throws(
      () => checkFeedSignature('f', Buffer.from('other'), { signature: made, keyPem }),
      (error: WeighmarkError) => error.code === 'signature-invalid',
    );
  }
});
