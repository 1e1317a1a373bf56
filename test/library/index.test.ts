import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as library from '../../src/index.ts';

test('the exports are these and no others', () => {
  const expected = [
    'CODES',
    'PREDICATES',
    'WeighmarkError',
    'approve',
    'attest',
    'audit',
    'buildManifest',
    'checkDerivation',
    'checkDisjoint',
    'checkLogProof',
    'checkProof',
    'checkRemoved',
    'collectGarbage',
    'copy',
    'createBom',
    'derive',
    'diff',
    'diffBoms',
    'diffDatasets',
    'explain',
    'findingsOf',
    'formatDigestList',
    'hash',
    'impact',
    'impactOfRecord',
    'impactOfWeights',
    'indexDataset',
    'initRegistry',
    'inspect',
    'integrate',
    'inventory',
    'keySigner',
    'keygen',
    'kin',
    'lineage',
    'lintPolicy',
    'list',
    'omsRoot',
    'openRegistry',
    'parseDigestList',
    'parseManifest',
    'parsePolicy',
    'promote',
    'promoteAll',
    'proveLogged',
    'proveRecords',
    'pull',
    'push',
    'report',
    'revoke',
    'rollback',
    'scan',
    'seal',
    'showLog',
    'sign',
    'testPolicy',
    'toSpdx',
    'trustStore',
    'validateBom',
    'verify',
    'verifyBom',
    'verifyLog',
  ];
  assert.deepEqual(Object.keys(library).toSorted(), expected);
});

test('the example seals, verifies, and notices a changed byte', () => {
  const printed = execFileSync(process.execPath, ['examples/library/verify.ts'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.match(printed, /^sealed sha256:[0-9a-f]{64}\nverified true\nfailed \[ 'digest-mismatch' \]\n$/);
});

test('an aborted call throws interrupted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-'));
  writeFileSync(join(folder, 'a'), 'x');
  await assert.rejects(library.hash([join(folder, 'a')], ['blake3'], { signal: AbortSignal.abort() }), {
    code: 'interrupted',
  });
  await assert.rejects(library.scan(folder, { signal: AbortSignal.abort() }), { code: 'interrupted' });
});

test('no trust is a refusal, and hash gives the known digest', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-'));
  writeFileSync(join(folder, 'a'), '');
  assert.equal((await library.verify(folder, { trust: [] })).verdict.outcome, 'nothing');
  const [result] = await library.hash([join(folder, 'a')]);
  assert.equal(result?.digests.blake3, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262');
});

test('scan tells every finding with its file, as many as make its verdict', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-'));
  writeFileSync(join(folder, 'bad.pkl'), 'cposix\nsystem\n(S"true"\ntR.');
  const scanned = await library.scan(folder);
  assert.equal(scanned.verdict, 'block');
  assert.deepEqual(
    scanned.findings.map(({ file }) => file),
    ['bad.pkl'],
  );
  assert.deepEqual(scanned.findings[0]?.rule, scanned.files[0]?.findings[0]?.rule);
});

test('keygen makes what keySigner opens and a policy takes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-'));
  const made = await library.keygen(join(folder, 'anna'), 'secret');
  assert.ok(made.encrypted);
  await assert.rejects(library.keySigner(made.privateKey, 'other'), { code: 'password-wrong' });
  const policy = await library.parsePolicy(
    `format: weighmark-policy/1\nname: p\nversion: 1\nexpires: 2099-01-01\nprincipals: { anna: { keys: [${made.spki}] } }\nroles: { approver: [anna], promoter: [anna] }\nenvironments: [{ name: prod, approvals: 1 }]\n`,
  );
  assert.equal(policy.principals[0]?.name, 'anna');
  assert.ok((await library.lintPolicy(policy)).some(({ place }) => place === 'log'));
  await assert.rejects(library.keygen(join(folder, 'anna')), { code: 'already-exists' });
});
