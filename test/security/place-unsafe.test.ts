import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MACHINE } from '../../src/adapters/files/machine.ts';
import { requireOwn } from '../../src/adapters/files/own.ts';
import { createStagings, type StagingOptions } from '../../src/adapters/staging.ts';
import { openIndex } from '../../src/adapters/log-store/index-db.ts';
import { withLock } from '../../src/adapters/log-store/lock.ts';
import { initRegistry, openRegistry } from '../../src/adapters/registries/index.ts';
import { putModel } from '../adapters/registries/scratch.ts';
import { BARE, PROGRAM } from '../program.ts';

const POSIX = { skip: process.platform === 'win32' ? 'no owners, no modes' : false };
/** A system that can name an open folder again only by its path, as macOS. */
const BY_PATH = { ...MACHINE, descriptors: null };
/** The same machine as somebody else sees it: every folder here is another's. */
const SOMEBODY_ELSE = { ...MACHINE, uid: (MACHINE.uid ?? 0) + 4321 };

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-place-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const stage = (target: string, options: StagingOptions = {}) => createStagings(options).open(target, 'abc');
const partsIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.part'));
const onlyPart = (folder: string) => join(folder, partsIn(folder)[0] ?? 'none');

test('a staging folder is new, drawn, and its owner’s alone, whatever the umask', POSIX, async (t) => {
  const folder = place(t);
  const before = process.umask(0);
  try {
    const one = await stage(join(folder, 'm'));
    const other = await stage(join(folder, 'n'));
    assert.equal(partsIn(folder).length, 2);
    for (const name of partsIn(folder)) {
      assert.match(name, /^\.[mn]\.abc\.[0-9a-f]{24}\.part$/);
      assert.equal(lstatSync(join(folder, name)).mode & 0o777, 0o700);
    }
    await one.write('sub/x', Buffer.from('x'));
    await one.publish();
    await other.discard();
  } finally {
    process.umask(before);
  }
  for (const path of ['m', 'm/sub', 'm/sub/x']) assert.equal(lstatSync(join(folder, path)).mode & 0o022, 0, path);
  assert.deepEqual(partsIn(folder), []);
});

test(
  'what an interrupted run left is continued; what is a link, open to others or another’s is not',
  POSIX,
  async (t) => {
    const folder = place(t);
    const first = await stage(join(folder, 'm'));
    writeFileSync(first.partOf('sha256:1'), 'half');
    first.release();
    const again = await stage(join(folder, 'm'));
    assert.equal(readFileSync(again.partOf('sha256:1'), 'utf8'), 'half');
    again.release();
    for (const spoil of [
      (part: string) => chmodSync(part, 0o755),
      (part: string) => (renameSync(part, `${part}.x`), symlinkSync(`${part}.x`, part)),
      (part: string) => (rmSync(part, { recursive: true }), writeFileSync(part, '')),
    ]) {
      const other = place(t);
      (await stage(join(other, 'm'))).release();
      const laid = onlyPart(other);
      spoil(laid);
      const staging = await stage(join(other, 'm'));
      writeFileSync(staging.partOf('sha256:1'), 'mine');
      assert.deepEqual(readFolder(laid), [], 'nothing was put where it was laid');
      await staging.discard();
      assert.ok(lstatSync(laid), 'and what was laid is not removed');
    }
    const seen = place(t);
    (await stage(join(seen, 'm'))).release();
    await assert.rejects(stage(join(seen, 'm'), { machine: SOMEBODY_ELSE }), { code: 'place-unsafe' });
  },
);

function readFolder(part: string): readonly string[] {
  const parts = join(part, 'parts');
  return existsSync(parts) ? readdirSync(parts) : [];
}

test('a tree swapped before the rename is not published', POSIX, async (t) => {
  for (const machine of [MACHINE, BY_PATH]) {
    const folder = place(t);
    const staging = await stage(join(folder, 'm'), { machine });
    await staging.write('w', Buffer.from('verified'));
    const part = onlyPart(folder);
    renameSync(part, `${part}.gone`);
    mkdirSync(join(part, 'tree'), { recursive: true });
    writeFileSync(join(part, 'tree', 'w'), 'malicious');
    const outcome = await staging.publish().catch((error: { code: string }) => error.code);
    if (machine.descriptors === null) {
      assert.equal(outcome, 'place-unsafe');
      assert.equal(existsSync(join(folder, 'm')), false);
    } else {
      assert.equal(outcome, undefined);
      assert.equal(readFileSync(join(folder, 'm', 'w'), 'utf8'), 'verified');
    }
    assert.equal(readFileSync(join(part, 'tree', 'w'), 'utf8'), 'malicious', 'nor is the other’s folder removed');
    staging.release();
  }
});

test('the folder that gets the artifact, replaced meanwhile, is said not to hold it', POSIX, async (t) => {
  for (const machine of [MACHINE, BY_PATH]) {
    const folder = place(t);
    const staging = await stage(join(folder, 'sub', 'm'), { machine });
    await staging.write('w', Buffer.from('verified'));
    renameSync(join(folder, 'sub'), join(folder, 'elsewhere'));
    mkdirSync(join(folder, 'sub', 'm'), { recursive: true });
    await assert.rejects(staging.publish(), (error: { code: string }) => /place-unsafe/.test(error.code));
    staging.release();
  }
});

test('a folder of the user’s own, laid where staging will be removed, stays', POSIX, async (t) => {
  for (const machine of [MACHINE, BY_PATH]) {
    const folder = place(t);
    const staging = await stage(join(folder, 'm'), { machine });
    const part = onlyPart(folder);
    mkdirSync(join(folder, 'precious'));
    writeFileSync(join(folder, 'precious', 'thesis'), 'years');
    renameSync(part, `${part}.gone`);
    renameSync(join(folder, 'precious'), part);
    await staging.discard().catch(() => undefined);
    assert.equal(readFileSync(join(part, 'thesis'), 'utf8'), 'years');
    staging.release();
  }
});

test('single files do not go through a link that is laid meanwhile', POSIX, async (t) => {
  const folder = place(t);
  mkdirSync(join(folder, 'm'));
  mkdirSync(join(folder, 'victim'));
  symlinkSync(join(folder, 'victim'), join(folder, 'm', 'sub'));
  const staging = await stage(join(folder, 'm'));
  await staging.write('sub/w', Buffer.from('x'));
  await assert.rejects(staging.publishInto(['sub/w']), { code: 'symlink-refused' });
  rmSync(join(folder, 'm'), { recursive: true });
  symlinkSync(join(folder, 'victim'), join(folder, 'm'));
  await assert.rejects(staging.publishInto(['sub/w']), { code: 'symlink-refused' });
  assert.deepEqual(readdirSync(join(folder, 'victim')), []);
  await staging.discard();
});

test('an empty folder of another user is not taken for the target', { skip: notRoot() }, async (t) => {
  const folder = place(t);
  const staging = await stage(join(folder, 'm'));
  await staging.write('w', Buffer.from('x'));
  mkdirSync(join(folder, 'm'));
  chownSync(join(folder, 'm'), 4321, 4321);
  await staging.publish();
  assert.equal(statSync(join(folder, 'm')).uid, process.getuid?.(), 'root may; and what stands there is root’s');
});

test('a system that cannot hold others off says so, once, where it matters', POSIX, async (t) => {
  const folder = place(t);
  const said: string[] = [];
  const warn = (sentence: string) => void said.push(sentence);
  (await stage(join(folder, 'm'), { machine: BY_PATH, warn })).release();
  assert.deepEqual(said, [], 'nobody else can write here');
  chmodSync(folder, 0o777);
  (await stage(join(folder, 'n'), { machine: BY_PATH, warn })).release();
  (await stage(join(folder, 'o'), { machine: { uid: undefined, descriptors: null }, warn })).release();
  (await stage(join(folder, 'p'), { warn })).release();
  assert.equal(said.length, process.platform === 'linux' ? 2 : 3);
  assert.match(said[0] ?? '', /others may be able to change .*: write to a folder of your own/);
});

test('configuration and state: another’s folder is refused, one that was open to all is closed', POSIX, (t) => {
  const folder = place(t);
  assert.equal(requireOwn(join(folder, 'not-there')), join(folder, 'not-there'));
  chmodSync(folder, 0o777);
  requireOwn(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  chmodSync(folder, 0o777);
  assert.throws(() => requireOwn(folder, SOMEBODY_ELSE), { code: 'place-unsafe' });
  chmodSync(folder, 0o1777);
  const mine = join(folder, 'mine');
  mkdirSync(mine, 0o700);
  if (MACHINE.uid === 0) chownSync(mine, 1234, 1234);
  assert.throws(() => requireOwn(mine, SOMEBODY_ELSE), { code: 'place-unsafe' });
  symlinkSync(mine, join(folder, 'link'));
  assert.throws(() => requireOwn(join(folder, 'link'), SOMEBODY_ELSE), { code: 'place-unsafe' }, 'nor by a link');
});

function run(cwd: string, script: string, env: Readonly<Record<string, string>> = {}) {
  return spawnSync('sh', ['-c', script], {
    cwd,
    encoding: 'utf8',
    env: { ...BARE, HOME: join(cwd, 'home'), W: `${process.execPath} ${PROGRAM}`, ...env },
  });
}

test('under a umask of 0 no folder of configuration or state is open to others', POSIX, (t) => {
  const folder = place(t);
  mkdirSync(join(folder, 'home'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'config.json'), '{}');
  const { status, stderr } = run(
    folder,
    `umask 000; $W keygen k --no-password && $W trust add me --key k.pub && $W registry init reg --origin l.example &&
     $W seal m --name acme/m:1 --key k.key && $W push m acme/m:1 --registry reg && $W pull acme/m:1 out --registry reg`,
  );
  assert.equal(status, 0, stderr);
  for (const top of ['home/.config/weighmark', 'home/.local/state/weighmark'])
    for (const path of ['.', ...readdirSync(join(folder, top), { recursive: true, encoding: 'utf8' })]) {
      const { mode } = statSync(join(folder, top, path));
      if (statSync(join(folder, top, path)).isDirectory()) assert.equal(mode & 0o777, 0o700, join(top, path));
    }
  assert.equal(statSync(join(folder, 'home/.config/weighmark/trust.yaml')).mode & 0o777, 0o600);
});

test('a trust file that somebody could put in the place of ours is refused', POSIX, (t) => {
  const folder = place(t);
  mkdirSync(join(folder, 'open'));
  writeFileSync(join(folder, 'open', 'trust.yaml'), 'entries: []\n', { mode: 0o600 });
  chmodSync(join(folder, 'open'), 0o777);
  const { status, stderr } = run(folder, '$W trust list', { WEIGHMARK_TRUST: join(folder, 'open', 'trust.yaml') });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /error\[trust-invalid\]: .*open can be written by every user/);
});

function notRoot(): string | false {
  return process.getuid?.() === 0 ? false : 'only root gives files away';
}

const everything = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));

test(
  'a registry is for its owner to change, and for the group where the umask says so, never for all',
  POSIX,
  async (t) => {
    const folder = place(t);
    const deps = { env: { HOME: join(folder, 'home') } };
    const before = process.umask(0);
    try {
      await initRegistry(join(folder, 'registry'), {}, deps);
      const registry = await openRegistry(join(folder, 'registry'), deps);
      const id = await putModel(registry, 'acme/enc', { text: 'one', tag: '1' });
      await registry.log.append([{ v: 1, kind: 'push', name: 'acme/enc', manifest: id, bundle: id }]);
    } finally {
      process.umask(before);
    }
    const made = [join(folder, 'registry'), ...everything(join(folder, 'registry'))];
    assert.deepEqual(
      made.filter((path) => (lstatSync(path).mode & 0o002) !== 0),
      [],
    );
    assert.equal(lstatSync(join(folder, 'registry', 'models')).mode & 0o777, 0o775);
  },
);

test(
  'garbage is ours by its name, and nothing is removed through a link that somebody laid into the registry',
  POSIX,
  async (t) => {
    const folder = place(t);
    const deps = { env: { HOME: join(folder, 'home') } };
    const [reg, victims] = [join(folder, 'registry'), join(folder, 'victims')];
    await initRegistry(reg, {}, deps);
    const registry = await openRegistry(reg, deps);
    await putModel(registry, 'acme/enc', { text: 'one', tag: '1' });
    const blobs = join(reg, 'models', 'acme', 'enc', 'blobs', 'sha256');
    const [unneeded, unfinished] = ['a'.repeat(64), '.0123.tmp'];
    for (const name of [unneeded, unfinished, 'NOTES']) writeFileSync(join(blobs, name), name);
    const all = { dryRun: false, olderThanMs: -60_000 };
    const { removed } = await registry.collectGarbage(all);
    assert.deepEqual(removed.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).toSorted(), [
      unfinished,
      unneeded,
    ]);
    assert.ok(existsSync(join(blobs, 'NOTES')));
    for (const link of [
      blobs,
      join(reg, 'models', 'acme', 'enc', 'blobs'),
      join(reg, 'models', 'acme', 'enc'),
      join(reg, 'models'),
    ]) {
      for (const below of ['', 'sha256', 'blobs/sha256', 'enc/blobs/sha256', 'acme/enc/blobs/sha256']) {
        mkdirSync(join(victims, below), { recursive: true });
        for (const name of [unneeded, unfinished, 'NOTES']) writeFileSync(join(victims, below, name), name);
      }
      const kept = everything(victims).length;
      renameSync(link, `${link}.away`);
      symlinkSync(victims, link);
      await registry.collectGarbage(all).catch(() => undefined);
      assert.equal(everything(victims).length, kept, link);
      rmSync(link);
      renameSync(`${link}.away`, link);
    }
  },
);

test('a lock or an index that is a link is none: what it points at is neither made nor changed', POSIX, async (t) => {
  const folder = place(t);
  const target = join(folder, 'theirs.db');
  symlinkSync(target, join(folder, 'lock.db'));
  await assert.rejects(
    withLock(join(folder, 'lock.db'), async () => 1),
    { code: 'symlink-refused' },
  );
  assert.equal(existsSync(target), false);
  writeFileSync(target, '');
  symlinkSync(target, join(folder, 'index.db'));
  (await openIndex(join(folder, 'index.db'))).close();
  assert.equal(readFileSync(target, 'utf8'), '');
  assert.ok(lstatSync(join(folder, 'index.db')).isFile());
});
