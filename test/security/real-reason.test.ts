import assert from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { createHasher } from '../../src/adapters/hasher/index.ts';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import { loadPolicy } from '../../src/flows/gate/policy-load.ts';
import { createVersionMemory } from '../../src/adapters/version-memory.ts';
import { push } from '../../src/flows/registry/push.ts';
import { claimsWorld } from '../flows/claims-world.ts';
import { policyText } from '../flows/gate-world.ts';

test('claims that cannot be read are said so, not taken for a stranger’s', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'config.json': '{}' });
  await world.seal(root, anna);
  const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`;
  for (const line of [deep, '{"mediaType":1,"mediaType":2}', 'nonsense']) {
    await appendFile(join(root, 'claims.jsonl'), `${line}\n`);
    const { verdict } = await world.verify(root, [anna.trust]);
    const notes = verdict.notes.join('\n');
    assert.match(notes, /claims cannot be read \(claim-malformed\), and do not count: claims\.jsonl/);
    assert.doesNotMatch(notes, /not by anyone trusted/);
  }
  const ben = await world.person('ben');
  await world.seal(root, ben);
  assert.match((await world.verify(root, [ben.trust])).verdict.notes.join('\n'), /are not by anyone trusted/);
});

test('what nobody could pull is not pushed: Windows names, and names that fall together', async (t) => {
  const world = await claimsWorld(t);
  const registries = createRegistries({
    env: { HOME: world.folder },
    cwd: world.folder,
    signal: new AbortController().signal,
    offline: true,
  });
  await registries.init(join(world.folder, 'reg'), { origin: 'l.example' });
  const registry = await registries.open(join(world.folder, 'reg'));
  const hasher = createHasher();
  const progress = { start: () => ({ advance: () => {}, end: () => {} }) };
  for (const [at, names] of [
    ['con.txt'],
    ['A', 'a'],
    ['x:y'],
    ['end.'],
    ['e\u0301', '\u00e9'],
    ['sub/NUL'],
  ].entries()) {
    const root = join(world.folder, `m${at}`);
    await mkdir(join(root, 'sub'), { recursive: true });
    for (const name of names) await writeFile(join(root, name), name);
    await assert.rejects(
      push({ root, as: 'acme/m:1' }, { files: createFiles(), hasher: async () => hasher, progress }, registry),
      { code: 'name-unsafe' },
      names.join(),
    );
  }
  assert.deepEqual(await registry.log.find({}), []);
});

test('policies of one name at two paths are two lines of versions; of one whose signers are trusted there is one line', async (t) => {
  const world = await claimsWorld(t);
  const versions = createVersionMemory(createFiles(), join(world.folder, 'state'));
  const load = async (file: string, version: number): Promise<number> => {
    const path = join(world.folder, file);
    await writeFile(
      path,
      policyText()
        .toString()
        .replace(/^version: \d+/m, `version: ${version}`),
    );
    const verify = { trust: async () => [] } as unknown as Parameters<typeof loadPolicy>[1]['verify'];
    const ports = { files: createFiles(), versions, verify };
    return (await loadPolicy({ path, shown: file, inside: [] }, ports)).policy.version;
  };
  assert.equal(await load('ours.yaml', 2), 2);
  assert.equal(await load('theirs.yaml', 1), 1, 'another organisation calls its policy the same');
  await assert.rejects(load('ours.yaml', 1), { code: 'policy-rollback' });
});

test('a policy’s version that was a mistake has a way back, which the hint names', async (t) => {
  const world = await claimsWorld(t);
  const versions = createVersionMemory(createFiles(), join(world.folder, 'state'));
  const path = join(world.folder, 'policy.yaml');
  const load = async (version: number) => {
    await writeFile(
      path,
      policyText()
        .toString()
        .replace(/^version: \d+/m, `version: ${version}`),
    );
    const ports = {
      files: createFiles(),
      versions,
      verify: { trust: async () => [] } as unknown as Parameters<typeof loadPolicy>[1]['verify'],
    };
    return loadPolicy({ path, shown: 'policy.yaml', inside: [] }, ports);
  };
  await load(7);
  const hintOf = async (version: number): Promise<string> =>
    load(version).then(
      () => 'loaded',
      (error: { code: string; hint: string }) => `${error.code} ${error.hint}`,
    );
  assert.match(await hintOf(6), /version 8 or higher; if version 7 was a mistake, remove .*\/state\/versions\//);
  await load(1_000_000_000);
  const hint = await hintOf(8);
  const [, file = ''] = /policy-rollback no version is higher: .* remove (\S+)$/.exec(hint) ?? [];
  await createFiles().remove(file);
  assert.equal((await load(8)).policy.version, 8);
});
