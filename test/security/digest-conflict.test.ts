import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { subject, subjectsOf } from '../../src/domain/claims/subjects.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { formatDigestList, parseDigestList, type ListedFile } from '../../src/domain/digest/list.ts';
import { buildManifest } from '../../src/domain/digest/manifest.ts';
import { claimsWorld, refusals, type ClaimsWorld, type Person } from '../flows/claims-world.ts';

/** Rule 7: BLAKE3 alone is used only where the OMS signer's own identity signed the pair. */
const FILES = { 'a.bin': 'aaaa', 'b.bin': 'bbbb' };

/** Replaces the digest list and the claims by a list of one's own, claimed by `by`. */
async function claimList(
  root: string,
  by: Person,
  change: { readonly files: readonly ListedFile[]; readonly omsRoot: string },
): Promise<void> {
  const list = formatDigestList(change.files);
  const subjects = [
    ...subjectsOf({ id: buildManifest(change.files).id, root: change.omsRoot, name: 'm' }),
    subject('list', '.weighmark/files', sha256Hex(list)),
  ];
  const bundle = await by.signer.sign(
    buildStatement(subjects, PREDICATES.bom, { bomFormat: 'CycloneDX', specVersion: '1.7' }),
  );
  await writeFile(join(root, '.weighmark/files'), list);
  await writeFile(join(root, 'claims.jsonl'), `${Buffer.from(bundle).toString()}\n`);
}

async function sealed(
  world: ClaimsWorld,
  by: Person,
): Promise<{ root: string; files: readonly ListedFile[]; omsRoot: string }> {
  const root = await world.tree('m', FILES);
  const outcome = await world.seal(root, by);
  return {
    root,
    files: parseDigestList(await readFile(join(root, '.weighmark/files'), 'utf8')),
    omsRoot: outcome.root,
  };
}

const algorithms = (outcome: Awaited<ReturnType<ClaimsWorld['verify']>>) =>
  outcome.verdict.checks[0]?.evidence[0]?.data?.['algorithms'];

test('rule 7: pairs that another identity signed are not used, though it is trusted', async (t) => {
  const world = await claimsWorld(t);
  const [anna, ben] = [await world.person('anna'), await world.person('ben')];
  const { root, files, omsRoot } = await sealed(world, anna);
  const evil = files.map((file) => ({ ...file, blake3: file.path === 'a.bin' ? '0'.repeat(64) : file.blake3 }));
  await claimList(root, ben, { files: evil, omsRoot });
  const outcome = await world.verify(root, [anna.trust, ben.trust]);
  assert.deepEqual(algorithms(outcome), ['sha256']);
  assert.equal(outcome.verdict.exitCode, 0);
});

test('rule 7: a list that nobody signed is not used', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const { root } = await sealed(world, anna);
  await writeFile(join(root, 'claims.jsonl'), '');
  assert.deepEqual(algorithms(await world.verify(root, [anna.trust])), ['sha256']);
});

test('rule 7: two signed digests of one path that differ are a conflict', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const { root, files, omsRoot } = await sealed(world, anna);
  const [a, b] = files;
  assert.ok(a !== undefined && b !== undefined);
  await claimList(root, anna, {
    files: [
      { ...a, sha256: b.sha256 },
      { ...b, sha256: a.sha256 },
    ],
    omsRoot,
  });
  assert.deepEqual(
    refusals(await world.verify(root, [anna.trust])).map((line) => line.split(' ')[0]),
    ['digest-conflict'],
  );
});

test('rule 7: where both are hashed, a signed BLAKE3 of another file is a conflict, not a pass', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const { root, files, omsRoot } = await sealed(world, anna);
  await claimList(root, anna, { files: files.map((file) => ({ ...file, blake3: sha256Hex(file.path) })), omsRoot });
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { algorithm: 'all' })), [
    'digest-conflict a.bin',
    'digest-conflict b.bin',
  ]);
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), [
    'digest-mismatch a.bin',
    'digest-mismatch b.bin',
  ]);
});
