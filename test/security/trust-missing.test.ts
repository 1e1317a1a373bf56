import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { mergeClaims, splitClaims } from '../../src/domain/claims/claims-file.ts';
import { verifyClaim } from '../../src/domain/trust/verify-claim.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { makeCertificate } from '../domain/pki/make-certificate.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';
import { createFiles } from '../../src/adapters/files/index.ts';
import { keySigner } from '../../src/adapters/keys/signer.ts';

test('rule 2: trust without a policy judges integrity only, and says what it did not ask', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.seal(root, anna);
  const { verdict } = await world.verify(root, [anna.trust]);
  assert.deepEqual(verdict.notAsked, ['lineage', 'policy', 'scan', 'revocation', 'completeness']);
});

test('invariant 3: a key that lies in the artifact, or in its bundle, is not trusted by being there', async (t) => {
  const world = await claimsWorld(t);
  const mallory = await world.person('mallory');
  const root = await world.tree('m', { 'w.bin': 'w', 'mallory.pub': mallory.pem });
  await world.sign(root, mallory);
  assert.deepEqual(refusals(await world.verify(root, [])), ['trust-missing']);
});

test('rule 4: any certificate under a root counts where no identity is named, and the verdict says so', async (t) => {
  const world = await claimsWorld(t);
  const root = makeCertificate({ name: 'Acme Root', ca: true, keyUsage: [5] });
  const leaf = makeCertificate({ name: 'builder', issuer: root, email: ['build@acme.example'] });
  await writeFile(join(world.folder, 'leaf.key'), leaf.key.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(join(world.folder, 'chain.pem'), leaf.pem);
  const signer = await keySigner(createFiles(), {
    keyFile: join(world.folder, 'leaf.key'),
    certificateChainFile: join(world.folder, 'chain.pem'),
    password: async () => null,
  });
  const model = await world.tree('m', { 'w.bin': 'w' });
  const anyone = { name: 'acme', anchor: { kind: 'certificate' as const, pem: root.pem } };
  await world.sign(model, { signer, pem: '', trust: anyone });
  const loose = await world.verify(model, [anyone]);
  assert.equal(loose.verdict.exitCode, 0);
  assert.match(
    loose.verdict.checks.flatMap(({ evidence }) => evidence.map(({ what }) => what)).join('\n'),
    /any certificate under this root/,
  );
  const named = (identity: string) => world.verify(model, [{ name: 'acme', anchor: { ...anyone.anchor, identity } }]);
  const right = await named('build@acme.example');
  assert.equal(right.verdict.exitCode, 0);
  assert.doesNotMatch(JSON.stringify(right.verdict.checks), /any certificate/);
  assert.deepEqual(refusals(await named('Build@acme.example')), ['identity-mismatch model.sig']);
  assert.deepEqual(refusals(await named('build@acme.exampl')), ['identity-mismatch model.sig']);
});

test('rule 12: a re-wrapped signature is one claim; the same words by two people are two', async (t) => {
  const world = await claimsWorld(t);
  const [anna, ben] = [await world.person('anna'), await world.person('ben')];
  const payload = buildStatement([{ digest: { sha256: sha256Hex('m') } }], PREDICATES.approval, { ok: true });
  const [first, again, other] = [
    await anna.signer.sign(payload),
    await anna.signer.sign(payload),
    await ben.signer.sign(payload),
  ];
  assert.equal(splitClaims(mergeClaims(null, [first, again, other])).length, 2);
  const outcomes = await Promise.all(
    [first, again].map((bundle) => verifyClaim(bundle, { trust: [anna.trust], keyless: null, now: new Date() })),
  );
  assert.equal(new Set(outcomes.map((outcome) => (outcome.trusted ? outcome.claim.pae : ''))).size, 1);
});
