import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { hashingObjects, openObjects, withObjects } from '../../../src/adapters/objects/index.ts';
import { inOrder, PinnedObject, Slots, SPAN_BYTES } from '../../../src/adapters/objects/pinned.ts';
import type { HashAlgorithm } from '../../../src/domain/digest/algorithm.ts';
import { FakeStore, parts } from './fake.ts';

async function over(store: FakeStore) {
  const opened = openObjects(store);
  const files = withObjects(createFiles(), () => opened);
  const hasher = hashingObjects(await createHasher({ kernel: 'wasm' }), () => opened);
  const hash = async (root: string, algorithms: readonly HashAlgorithm[] = ['sha256', 'blake3']) => {
    const tree = await files.walk(root);
    const found = await hasher.hash(
      tree.entries.map(({ location, sizeBytes, stamp }) => ({ location, sizeBytes, stamp })),
      { algorithms },
    );
    return found.map(({ digests, sizeBytes }, at) => ({ path: tree.entries[at]?.path, sizeBytes, ...digests }));
  };
  return { files, hasher, hash };
}

async function folder(t: TestContext, content: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'weighmark-objects-'));
  t.after(() => rm(root, { recursive: true }));
  for (const [path, bytes] of Object.entries(content)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
  }
  return root;
}

const CONTENT = {
  'model.bin': randomBytes(SPAN_BYTES * 3 + 17),
  'config.json': '{}',
  empty: '',
  'sub/ü +%20&.txt': 'x',
  '.weighmark/files': 'sidecar',
  'model.sig': '{}',
  '.cache/huggingface/download/model.bin.metadata': 'a\nb\n1\n',
  '.dvc/tmp/updater': '{"a": 1}',
  '.dvc/tmp/rwlock': 'no json, so content',
};

test('a prefix has the tree and the digests of the same folder here', async (t) => {
  const [store, root] = [new FakeStore(), await folder(t, CONTENT)];
  store.pageSize = 2;
  for (const [path, bytes] of Object.entries(CONTENT)) store.set(`acme/enc/${path}`, bytes);
  store.set('acme/enc/', '');
  store.set('acme/enc/sub/', '');
  store.set('acme/enc-other/x', 'not below');
  const { files, hash } = await over(store);
  const [there, here] = [await files.walk('s3://models/acme/enc'), await files.walk(root)];
  for (const each of ['kind', 'sidecars', 'leftOut'] as const) assert.deepEqual(there[each], here[each]);
  assert.deepEqual(await files.list('s3://models/acme/enc'), await files.list(root));
  assert.deepEqual(await hash('s3://models/acme/enc'), await hash(root));
  assert.deepEqual(
    (await files.walk('s3://models/acme/enc', { ignore: ['sub'] })).entries.map(({ path }) => path),
    (await files.walk(root, { ignore: ['sub'] })).entries.map(({ path }) => path),
  );
  assert.deepEqual(await files.items('s3://models/acme/enc'), await files.items(root));
  assert.equal(await files.kindOf('s3://models/acme/enc'), 'directory');
  assert.equal(await files.kindOf('s3://models/acme/enc/model.bin'), 'file');
  assert.equal(await files.kindOf('s3://models/acme/none'), 'none');
  assert.equal((await files.read('s3://models/acme/enc/model.sig', 10)).length, 2);
  assert.equal(await files.readIfThere('s3://models/acme/enc/claims.jsonl', 10), null);
});

test('of one object the tree is that file', async () => {
  const store = new FakeStore();
  store.set('acme/enc.bin', 'abc');
  const { files, hash } = await over(store);
  const { kind, entries } = await files.walk('s3://models/acme/enc.bin');
  assert.deepEqual([kind, entries[0]?.path, entries.length], ['file', 'enc.bin', 1]);
  assert.equal(
    (await hash('s3://models/acme/enc.bin', ['sha256']))[0]?.sha256,
    createHash('sha256').update('abc').digest('hex'),
  );
});

test('names that no folder can have are refused', async () => {
  for (const keys of [['m/../x'], ['m//x'], ['m/./x'], ['m/a', 'm/a/b'], ['m', 'm/a'], ['m/a/', 'm/x']]) {
    const store = new FakeStore();
    for (const key of keys) store.set(key, 'content');
    const { files } = await over(store);
    await assert.rejects(files.walk('s3://models/m'), { code: 'name-unsafe' }, keys.join());
  }
});

test('what is no place in a store is told before anything is asked', async () => {
  const store = new FakeStore();
  const { files } = await over(store);
  for (const location of ['s3://', 's3://B/x', 's3://models/a//b', 's3://models/../b', 's3://a/x', 's3://models//'])
    await assert.rejects(files.walk(location), { code: 'name-invalid' }, location);
  assert.deepEqual(store.asked, []);
  await assert.rejects(files.walk('s3://models/nothing'), { code: 'not-found' });
  await assert.rejects(files.walk('s3://others/x'), { code: 'not-found' });
  store.set('m/a', 'x');
  await assert.rejects(files.open('s3://models/m'), { code: 'special-file' });
});

test('a list without end is given up', async () => {
  const store = new FakeStore();
  const { files } = await over(store);
  let page = 0;
  store.list = async () => ({ objects: [], folders: [], next: String(page++) });
  await assert.rejects(files.walk('s3://models'), { code: 'network' });
  store.list = async () => ({ objects: [], folders: [], next: 'same' });
  await assert.rejects(files.walk('s3://models'), { code: 'network' });
  assert.ok(page < 2000);
  store.list = async () => ({
    objects: [{ key: 'elsewhere', sizeBytes: 1, etag: '"a"', modifiedMs: 0 }],
    folders: [],
    next: null,
  });
  await assert.rejects(files.walk('s3://models/m'), { code: 'network' });
  store.list = async () => ({
    objects: [1, 2].map(() => ({ key: 'm/a', sizeBytes: 1, etag: '"a"', modifiedMs: 0 })),
    folders: [],
    next: null,
  });
  await assert.rejects(files.walk('s3://models/m'), { code: 'name-unsafe' });
});

const LARGE = randomBytes(SPAN_BYTES * 2 + 5);

function large(): FakeStore {
  const store = new FakeStore();
  store.set('m/model.bin', LARGE);
  return store;
}

test('an object that is replaced between two ranges is refused, whatever its entity tag', async () => {
  const other = Buffer.from(LARGE);
  other[SPAN_BYTES + 1] = (other[SPAN_BYTES + 1] as number) ^ 1;
  const etag = `"${createHash('md5').update(LARGE).digest('hex')}"`;
  const swaps = {
    'another tag': {},
    'the same tag, another version': { etag, versionId: 'v2' },
    'the same tag, written later': { etag, modifiedMs: 1_700_000_001_000 },
  };
  for (const [what, kept] of Object.entries(swaps)) {
    const store = large();
    store.beforeGet = (_key, _span, count) => (count === 1 ? store.set('m/model.bin', other, kept) : undefined);
    const { hash } = await over(store);
    await assert.rejects(hash('s3://models/m'), { code: 'file-changed' }, what);
  }
  const longer = large();
  longer.beforeGet = (_key, _span, count) =>
    count === 1 ? longer.set('m/model.bin', Buffer.concat([LARGE, other]), { etag }) : undefined;
  await assert.rejects((await over(longer)).hash('s3://models/m'), { code: 'file-changed' });
  const gone = large();
  gone.beforeGet = (key) => void gone.kept.delete(key);
  await assert.rejects((await over(gone)).hash('s3://models/m'), { code: 'not-found' });
});

test('an object that was replaced since it was listed is not the one that is opened', async () => {
  const store = large();
  const { files } = await over(store);
  await files.walk('s3://models/m');
  store.set('m/model.bin', 'other');
  const file = await files.open('s3://models/m/model.bin');
  await assert.rejects(file.read(0, 10), { code: 'file-changed' });
});

test('what is cut is asked for again from there, and given up where nothing comes', async () => {
  const store = large();
  store.answer = (answer, count) => (count % 2 === 0 ? { ...answer, body: cutAfter(answer.body, 3) } : answer);
  const { hash } = await over(store);
  const [found] = await hash('s3://models/m', ['sha256']);
  assert.equal(found?.sha256, createHash('sha256').update(LARGE).digest('hex'));
  assert.ok(store.asked.some((each) => each.startsWith('get m/model.bin 300000-')));
  for (const body of [async function* () {}, () => parts(LARGE.subarray(0, 10)), () => cutAfter(parts(LARGE), 0)]) {
    const nothing = large();
    nothing.answer = (answer) => ({ ...answer, body: body() });
    await assert.rejects((await over(nothing)).hash('s3://models/m'), { code: 'network' });
    assert.ok(nothing.asked.length < 60, `${nothing.asked.length} requests`);
  }
});

async function* cutAfter(body: AsyncIterable<Uint8Array>, chunks: number): AsyncGenerator<Uint8Array> {
  let left = chunks;
  for await (const chunk of body) {
    if (left === 0) throw new Error('ECONNRESET');
    left -= 1;
    yield chunk;
  }
}

test('more bytes than asked for, or another range, are no answer', async () => {
  const more = large();
  more.answer = (answer) => ({ ...answer, body: parts(LARGE) });
  await assert.rejects((await over(more)).hash('s3://models/m'), { code: 'network' });
  const other = large();
  other.answer = (answer, count) => (count === 1 ? { ...answer, start: 0 } : answer);
  await assert.rejects((await over(other)).hash('s3://models/m'), { code: 'network' });
});

test('one failure stops no other where failures are told, and is the end where they are not', async () => {
  const store = large();
  store.set('m/small', 'x');
  const { hasher } = await over(store);
  const jobs = ['s3://models/m/model.bin', 's3://models/m/none', 's3://models/m', 's3://models/m/small'].map(
    (location) => ({ location }),
  );
  const failures = new Map<number, string>();
  const found = await hasher.hash(jobs, {
    algorithms: ['sha256'],
    onFailure: (at, { code }) => failures.set(at, code),
  });
  assert.deepEqual(
    [...failures],
    [
      [1, 'not-found'],
      [2, 'special-file'],
    ],
  );
  assert.equal(found[3]?.sizeBytes, 1);
  await assert.rejects(hasher.hash(jobs, { algorithms: ['sha256'] }), { code: 'not-found' });
});

test('files here and objects there are hashed in the order asked for', async (t) => {
  const root = await folder(t, { a: 'here' });
  const store = large();
  store.set('m/small', 'there');
  const { hasher } = await over(store);
  const locations = ['s3://models/m/small', join(root, 'a'), join(root, 'none'), 's3://models/m/none'];
  const failed: number[] = [];
  const found = await hasher.hash(
    locations.map((location) => ({ location })),
    { algorithms: ['sha256'], onFailure: (at) => failed.push(at) },
  );
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  assert.deepEqual([found[0]?.digests.sha256, found[1]?.digests.sha256], [sha256('there'), sha256('here')]);
  assert.deepEqual(new Set(failed), new Set([2, 3]));
});

test('parts of an object have the chaining values of the same part of a file', async (t) => {
  const bytes = randomBytes((16 << 20) + 1000);
  const root = await folder(t, { big: bytes });
  const store = new FakeStore();
  store.set('big', bytes);
  const { hasher } = await over(store);
  const part = (location: string, start: number, sizeBytes: number) => ({
    location,
    sizeBytes,
    part: { start, fileBytes: bytes.length, subtree: true },
  });
  const of = (location: string) => [part(location, 0, 16 << 20), part(location, 16 << 20, 1000)];
  const [there, here] = [
    await hasher.hash(of('s3://models/big'), { algorithms: ['blake3'] }),
    await hasher.hash(of(join(root, 'big')), { algorithms: ['blake3'] }),
  ];
  assert.deepEqual(there, here);
  await assert.rejects(
    hasher.hash([{ ...part('s3://models/big', 0, 1000), part: { start: 0, fileBytes: 999, subtree: true } }], {
      algorithms: ['blake3'],
    }),
    { code: 'file-changed' },
  );
});

test('memory does not grow with objects: at most eight ranges are in flight, and those are taken in turn', async () => {
  const store = new FakeStore();
  const bytes = Buffer.alloc(SPAN_BYTES * 4);
  for (let at = 0; at < 6; at += 1) store.set(`m/${at}`, bytes);
  const { hash } = await over(store);
  assert.equal((await hash('s3://models/m', ['blake3'])).length, 6);
  assert.ok(store.mostInFlight <= 8, `${store.mostInFlight} in flight`);
  const slots = new Slots(1);
  const object = new PinnedObject('models', (await store.find({ bucket: 'models', key: 'm/0' }))!);
  for await (const _ of inOrder(store, object, slots)) break;
  const rest = inOrder(store, object, slots);
  let count = 0;
  for await (const _ of rest) count += 1;
  assert.equal(count, 4, 'what was left early gave its places back');
});

test('small steps through a file are few requests', async () => {
  const store = large();
  const { files } = await over(store);
  const file = await files.open('s3://models/m/model.bin');
  const read: Uint8Array[] = [];
  for (let at = 0; at < LARGE.length; at += 10_000) read.push(await file.read(at, 10_000));
  assert.ok(Buffer.concat(read).equals(LARGE));
  assert.ok(store.asked.filter((each) => each.startsWith('get')).length < 14, store.asked.join());
  assert.ok(Buffer.from(await file.read(5, 20)).equals(LARGE.subarray(5, 25)));
  assert.equal((await file.read(LARGE.length, 5)).length, 0);
  const bytes = await file.read(0, 4);
  bytes.fill(0);
  assert.ok(Buffer.from(await file.read(0, 4)).equals(LARGE.subarray(0, 4)), 'the array belongs to the caller');
});

test('what is written are objects, and a copy here is a file of its own', async (t) => {
  const root = await folder(t, {});
  const store = large();
  const { files } = await over(store);
  await files.write('s3://models/m/model.sig', '{}', { exclusive: true });
  assert.equal(store.kept.get('m/model.sig')?.bytes.length, 2);
  await files.remove('s3://models/m/model.sig');
  await files.remove('s3://models/m/model.sig');
  assert.equal(store.asked.filter((each) => each.startsWith('remove')).length, 1);
  await files.duplicate('s3://models/m/model.bin', join(root, 'copy'));
  assert.ok((await readFile(join(root, 'copy'))).equals(LARGE));
  await assert.rejects(files.duplicate('s3://models/m/model.bin', join(root, 'copy')), { code: 'already-exists' });
});
