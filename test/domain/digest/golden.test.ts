import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../../src/domain/claims/statement.ts';
import { subjectsOf } from '../../../src/domain/claims/subjects.ts';
import { formatDigestList, parseDigestList } from '../../../src/domain/digest/list.ts';
import { buildManifest, idsOf, parseManifest } from '../../../src/domain/digest/manifest.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';
import { formatLeaf } from '../../../src/domain/tlog/leaf.ts';

/** The frozen bytes of `fixtures/golden`; see the README there. `WEIGHMARK_GOLDEN=write` makes them anew. */
const golden = (name: string) => `fixtures/golden/${name}`;

function same(name: string, made: string | Uint8Array): void {
  if (process.env['WEIGHMARK_GOLDEN'] === 'write') writeFileSync(golden(name), made);
  assert.equal(Buffer.from(made).toString(), readFileSync(golden(name), 'utf8'), `${name} is frozen`);
}

const tree = await createFiles().walk(golden('tree'));
const hasher = await createHasher();
const results = await hasher.hash(tree.entries, { algorithms: ['sha256', 'blake3'] });
const files = tree.entries.map(({ path, sizeBytes }, index) => {
  const { sha256 = '', blake3 = '' } = results[index]?.digests ?? {};
  return { path, sizeBytes, sha256, blake3 };
});
const manifest = buildManifest(files);
const root = omsRoot(files.map(({ sha256 }) => sha256));

test('tree → digest list', () => {
  same('files', formatDigestList(files));
  assert.deepEqual(parseDigestList(readFileSync(golden('files'), 'utf8')), files);
});

test('tree → manifest, config, id, root', () => {
  same('manifest.json', manifest.top.bytes);
  same('config.json', manifest.configs[0]?.bytes ?? '');
  same('expected.json', `${JSON.stringify({ id: manifest.id, root }, null, 2)}\n`);
});

test('the same tree → manifest, config and id of version 2', () => {
  const second = buildManifest(files, 2);
  same('manifest-2.json', second.top.bytes);
  same('config-2.json', second.configs[0]?.bytes ?? '');
  same('expected-2.json', `${JSON.stringify({ id: second.id, root }, null, 2)}\n`);
  assert.deepEqual(idsOf(files), [manifest.id, second.id]);
  assert.deepEqual(parseManifest(second.top.bytes), parseManifest(manifest.top.bytes));
});

test('id and root → statement', () => {
  const subjects = subjectsOf({ name: 'tiny', id: manifest.id, root });
  same(
    'statement.json',
    buildStatement(subjects, PREDICATES.approval, { verifier: { id: 'https://example.com/anna' } }),
  );
});

test('a claim → log leaf', () => {
  const bundle = `sha256:${'ab'.repeat(32)}`;
  same(
    'leaf.json',
    formatLeaf({ v: 1, kind: 'promotion', name: 'acme/tiny', manifest: manifest.id, bundle, env: 'prod' }),
  );
});
