import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { claimTypeOf } from '../../../src/domain/claims/attestations.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { buildTypeOf, PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import type { Statement } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { attest, type AttestInput } from '../../../src/flows/sign/attest.ts';
import { claimsWorld, type ClaimsWorld, type Person } from '../claims-world.ts';

const EMPTY = { inputs: [], parameters: {}, metrics: {}, references: [] };

function attestIn(world: ClaimsWorld, by: Person, input: Partial<AttestInput> & Pick<AttestInput, 'ref' | 'type'>) {
  const hasher = createHasher();
  const ports = {
    files: createFiles(),
    hasher: async () => hasher,
    signer: by.signer,
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    locate: (path: string) => resolve(world.folder, path),
    registry: () => Promise.reject(new Error('no registry here')),
  };
  return attest({ ...EMPTY, ...input }, ports);
}

async function lastStatement(world: ClaimsWorld, name: string): Promise<Statement> {
  const line = splitClaims(await readFile(join(world.folder, name))).at(-1);
  return parseStatement(parseBundle(line ?? Buffer.alloc(0)).payload);
}

test('a provenance names its inputs by what they are now, with their roles', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  await world.tree('m', { 'w.bin': 'w' });
  await world.tree('data', { 'x.csv': 'a' });
  const base = `sha256:${'ab'.repeat(32)}`;
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const inputs = ['dataset=./data', `base-model=${base}`, `code=git+https://git.example/acme/train@${commit}`];
  const { id } = await attestIn(world, anna, {
    ref: './m',
    type: claimTypeOf('fine-tune'),
    inputs,
    parameters: { epochs: 2 },
  });
  const statement = await lastStatement(world, 'm/claims.jsonl');
  assert.deepEqual(statement.subject.map(({ digest, annotations }) => [annotations?.['kind'], digest['sha256']])[0], [
    'manifest',
    id.slice(7),
  ]);
  const definition = statement.predicate['buildDefinition'] as Record<string, unknown>;
  assert.equal(definition['buildType'], buildTypeOf('fine-tune'));
  assert.deepEqual(
    (definition['resolvedDependencies'] as { digest: unknown; annotations: { role: string } }[]).map(
      ({ digest, annotations }) => [annotations.role, Object.keys(digest as object)[0]],
    ),
    [
      ['dataset', 'sha256'],
      ['base-model', 'sha256'],
      ['code', 'gitCommit'],
    ],
  );
});

test('an evaluation holds its result, its figures and its dataset, and verifies with the artifact', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.tree('data', { 'x.csv': 'a' });
  await world.seal(root, anna);
  await attestIn(world, anna, {
    ref: './m',
    type: claimTypeOf('evaluation'),
    result: 'failed',
    metrics: { accuracy: 0.4 },
    inputs: ['dataset=./data'],
  });
  const { predicate } = await lastStatement(world, 'm/claims.jsonl');
  assert.equal(predicate['result'], 'FAILED');
  assert.deepEqual(
    (predicate['configuration'] as { annotations: object }[]).map(({ annotations }) => annotations),
    [{ role: 'dataset', kind: 'manifest' }, { accuracy: 0.4 }],
  );
  const verified = await world.verify(root, [anna.trust]);
  assert.ok(verified.claims.some(({ claim }) => claim.statement.predicateType === PREDICATES.evaluation));
});

test('a dataset description refers to its document by digest; any URI takes a predicate of its own', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  await world.tree('m', { 'x.csv': 'a' });
  await world.tree('.', { 'croissant.json': '{"@type":"sc:Dataset"}', 'own.json': '{"anything":{"goes":1}}' });
  await attestIn(world, anna, {
    ref: './m',
    type: claimTypeOf('dataset'),
    references: [join(world.folder, 'croissant.json')],
  });
  const { predicate } = await lastStatement(world, 'm/claims.jsonl');
  assert.deepEqual((predicate['references'] as { digest: unknown }[])[0]?.digest, {
    sha256: sha256Hex('{"@type":"sc:Dataset"}'),
  });
  await attestIn(world, anna, {
    ref: './m',
    type: claimTypeOf('https://acme.example/review/v1'),
    predicateFile: join(world.folder, 'own.json'),
  });
  assert.deepEqual((await lastStatement(world, 'm/claims.jsonl')).predicate, { anything: { goes: 1 } });
});

test('a bare digest needs a place for the claim', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const ref = `sha256:${'ab'.repeat(32)}`;
  const ask = { ref, type: claimTypeOf('evaluation'), result: 'passed' } as const;
  await assert.rejects(attestIn(world, anna, ask), { code: 'usage' });
  await attestIn(world, anna, { ...ask, to: join(world.folder, 'one.jsonl') });
  assert.deepEqual(
    (await lastStatement(world, 'one.jsonl')).subject.map(({ digest }) => digest),
    [{ sha256: 'ab'.repeat(32) }],
  );
});

test('types: short names, steps and URIs; nothing else', () => {
  assert.deepEqual(claimTypeOf('merge'), { predicateType: PREDICATES.provenance, step: 'merge' });
  assert.equal(claimTypeOf('approval').predicateType, PREDICATES.approval);
  for (const wrong of ['nonsense', 'http:', PREDICATES.integrity, 'toString'])
    assert.throws(() => claimTypeOf(wrong), { code: 'usage' });
});

test('a predicate is read strictly before it is signed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  await world.tree('m', { 'w.bin': 'w' });
  const predicateFile = join(world.folder, 'p.json');
  for (const text of [
    '{"result":"PASSED","result":"FAILED","configuration":[]}',
    '[]',
    'not json',
    '{"result":"PASSED"}',
  ]) {
    await writeFile(predicateFile, text);
    await assert.rejects(
      attestIn(world, anna, { ref: './m', type: claimTypeOf('evaluation'), predicateFile }),
      { code: 'claim-malformed' },
      text,
    );
  }
});
