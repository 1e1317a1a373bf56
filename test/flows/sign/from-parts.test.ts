import assert from 'node:assert/strict';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import type { HashAlgorithm } from '../../../src/domain/digest/algorithm.ts';
import type { HashPart } from '../../../src/domain/digest/parts.ts';
import { hashPart } from '../../../src/flows/content/hash-parts.ts';
import { hasherFromParts } from '../../../src/flows/sign/from-parts.ts';
import { claimsWorld } from '../claims-world.ts';

const FILES = Object.fromEntries(Array.from({ length: 250 }, (_, at) => [`f${at}.bin`, `weights ${at}`.repeat(2000)]));
const BOTH = ['sha256', 'blake3'] as const;

/** What so many workers find, each given the folder under its own name. */
async function workersOf(root: string, of: number, algorithms: readonly HashAlgorithm[] = BOTH): Promise<HashPart[]> {
  const files = createFiles();
  const ports = {
    files: async () => files,
    hasher: await createHasher(),
    progress: { start: () => ({ advance() {}, end() {} }) },
    signal: new AbortController().signal,
    locate: () => root,
    stdin: async function* () {},
  };
  const parts: HashPart[] = [];
  for (let part = 1; part <= of; part += 1)
    parts.push(await hashPart({ names: ['/models/big'], algorithms, part, of }, ports));
  return parts;
}

/** With another digest for one file. */
function lying(parts: readonly HashPart[], name: string): HashPart[] {
  return parts.map((part) => ({
    ...part,
    found: part.found.map((unit) =>
      unit.name.endsWith(`/${name}`) ? { ...unit, digests: { ...unit.digests, sha256: '0'.repeat(64) } } : unit,
    ),
  }));
}

test('what workers hashed is sealed under the same id, and the BOM says who hashed it', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const alone = await world.seal(await world.tree('m', FILES), anna, { name: 'acme/m:1' });
  const root = await world.tree('n', FILES);
  const parts = await workersOf(root, 4);
  const fromParts = { parts: [...parts.slice(1), ...parts.slice(0, 2)], recheck: 'sample' as const };
  const outcome = await world.seal(root, anna, { name: 'acme/m:1', fromParts });
  assert.deepEqual([outcome.written, outcome.id], [true, alone.id]);
  assert.equal(outcome.fromParts, "4 parts; 3 of 250 files read again, 247 on the workers' word alone");
  assert.match(
    await readFile(join(root, '.weighmark/bom.cdx.json'), 'utf8'),
    /4 parts; 3 of 250 files read again, 247 on the workers' word alone/,
  );
  const { verdict } = await world.verify(root, [anna.trust]);
  assert.equal(verdict.exitCode, 0);
  const said = verdict.claimed.map(({ what }) => what).filter((what) => what.includes('workers'));
  assert.deepEqual(said, [
    "digests from workers (4 parts; 3 of 250 files read again, 247 on the workers' word alone), says anna's ML-BOM",
  ]);
});

test('a worker that lies is found where its file is read again, and never sealed when all are', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const parts = lying(await workersOf(root, 3), 'f17.bin');
  await assert.rejects(world.seal(root, anna, { fromParts: { parts, recheck: 'all' } }), { code: 'digest-conflict' });
  assert.equal(await createFiles().kindOf(join(root, 'model.sig')), 'none');
});

test('parts of other files, or not all of them, are sealed by nobody', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const parts = await workersOf(root, 3);
  const sealed = (some: readonly HashPart[]) =>
    world.seal(root, anna, { fromParts: { parts: some, recheck: 'sample' } });
  await assert.rejects(sealed(parts.slice(1)), { code: 'not-found' });
  await assert.rejects(sealed([]), { code: 'nothing-to-verify' });
  await assert.rejects(sealed(await workersOf(root, 3, ['blake3'])), { code: 'usage' });
  await rename(join(root, 'f3.bin'), join(root, 'f3.other'));
  await assert.rejects(sealed(parts), { code: 'format-invalid' });
  await rename(join(root, 'f3.other'), join(root, 'f3.bin'));
  await writeFile(join(root, 'f3.bin'), 'longer than it was');
  await assert.rejects(sealed(parts), { code: 'format-invalid' });
});

test('one file in a hundred is read again, whatever its place', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', FILES);
  const tree = await createFiles().walk(root);
  const real = await createHasher();
  const parts = await workersOf(root, 2);
  const chosen = new Set<string>();
  for (let times = 0; times < 20; times += 1) {
    const read: string[] = [];
    const counting = {
      ...real,
      hash: async (jobs: Parameters<typeof real.hash>[0], options: Parameters<typeof real.hash>[1]) => {
        read.push(...jobs.map(({ location }) => location));
        return real.hash(jobs, options);
      },
    };
    const hasher = hasherFromParts(tree, { parts, recheck: 'sample' }, counting);
    const results = await hasher.hash(tree.entries, { algorithms: BOTH });
    assert.equal(read.length, 3);
    assert.ok(results.every(({ digests }) => digests.sha256 !== undefined && digests.blake3 !== undefined));
    for (const location of read) chosen.add(location);
  }
  assert.ok(chosen.size > 3);
});

test('what a scan reads whole is hashed again for nothing: a lie about a small file never gets through', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const small = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`small/${at}.json`, `{"a": ${at}}`]));
  const root = await world.tree('m', { ...FILES, ...small });
  const parts = await workersOf(root, 3);
  for (const at of [0, 50, 99]) {
    const fromParts = { parts: lying(parts, `small/${at}.json`), recheck: 'sample' as const };
    await assert.rejects(world.seal(root, anna, { fromParts }), { code: 'digest-conflict' });
  }
  const outcome = await world.seal(root, anna, { fromParts: { parts, recheck: 'sample' } });
  assert.equal(outcome.fromParts, "3 parts; 103 of 350 files read again, 247 on the workers' word alone");
  const onlySmall = await world.tree('n', small);
  const all = await world.seal(onlySmall, anna, {
    fromParts: { parts: await workersOf(onlySmall, 2), recheck: 'sample' },
  });
  assert.equal(all.fromParts, '2 parts; 100 of 100 files read again');
});

/** A checkout of git-annex: two names of one object. */
async function annexed(root: string): Promise<void> {
  const object = '.git/annex/objects/aa/bb/KEY';
  await mkdir(join(root, '..', object), { recursive: true });
  await writeFile(join(root, '..', object, 'KEY'), 'the object');
  for (const name of ['a.bin', 'b.bin']) await symlink(join('..', object, 'KEY'), join(root, name));
}

test('two names of one stored object are one file: it is read again, and workers may not say two things of it', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', {});
  await mkdir(root, { recursive: true });
  await annexed(root);
  const tree = await createFiles().walk(root);
  const parts = await workersOf(root, 1);
  const hasher = await createHasher();
  for (let times = 0; times < 20; times += 1) {
    const checked = hasherFromParts(tree, { parts: lying(lying(parts, 'a.bin'), 'b.bin'), recheck: 'sample' }, hasher);
    await assert.rejects(
      checked.hash(
        tree.entries.map((entry) => ({ ...entry, followLink: true })),
        { algorithms: BOTH },
      ),
      { code: 'digest-conflict' },
    );
  }
  for (const name of ['a.bin', 'b.bin'])
    assert.throws(() => hasherFromParts(tree, { parts: lying(parts, name), recheck: 'sample' }, hasher), {
      code: 'digest-conflict',
    });
});

test('a file that a worker cut in two has no SHA-256, and is sealed by nobody', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const cut = (await workersOf(root, 2)).map((part) => ({
    ...part,
    found: part.found.flatMap((unit) =>
      !unit.name.endsWith('/f17.bin')
        ? [unit]
        : [
            { ...unit, sizeBytes: 10 },
            { ...unit, start: 10, sizeBytes: unit.sizeBytes - 10 },
          ],
    ),
  }));
  for (let times = 0; times < 3; times += 1)
    await assert.rejects(world.seal(root, anna, { fromParts: { parts: cut, recheck: 'sample' } }), {
      code: 'format-invalid',
      message: /f17\.bin/,
    });
});
