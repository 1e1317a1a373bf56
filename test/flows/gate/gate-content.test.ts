import assert from 'node:assert/strict';
import { renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { ociDigest, sha256Hex } from '../../../src/domain/digest/hex.ts';
import { formatDigestList } from '../../../src/domain/digest/list.ts';
import { buildManifest } from '../../../src/domain/digest/manifest.ts';
import type { Hasher, HashJob } from '../../../src/domain/ports/hasher.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import {
  blake3Findings,
  readContent,
  type ContentPorts,
  type GateContent,
} from '../../../src/flows/gate/gate-content.ts';
import { gateWorld } from '../gate-world.ts';

async function stored(t: TestContext, files: Readonly<Record<string, string>>) {
  const world = await gateWorld();
  t.after(world.close);
  const id = await world.publish('acme/m:1', files, () => []);
  const real = await world.ports.hasher();
  const calls: string[] = [];
  const portsOf = (before: (jobs: readonly HashJob[]) => void = () => undefined): ContentPorts => {
    const hasher: Hasher = {
      ...real,
      hash: (jobs, options) => {
        calls.push(`hash ${jobs.length}`);
        before(jobs);
        return real.hash(jobs, options);
      },
      hashStream: (chunks, algorithms) => (calls.push('stream'), real.hashStream(chunks, algorithms)),
    };
    return { ...world.ports, hasher: async () => hasher };
  };
  const read = (before?: (jobs: readonly HashJob[]) => void) =>
    readContent({ name: 'acme/m', id }, world.registry, portsOf(before));
  const blobOf = (content: string) => world.registry.blobFile?.('acme/m', `sha256:${sha256Hex(content)}`) ?? '';
  return { read, blobOf, calls };
}

const SMALL = 16 << 10;
/** A byte more than what is read at once. */
const LARGE = 'text'.padEnd(SMALL + 1);

const FILES = {
  'README.md': '---\nbase_model: acme/base\n---\n',
  'a.txt': LARGE,
  'adapter_config.json': '{"base_model_name_or_path":"acme/other"}',
};

test('a gate hashes blobs of a folder where they lie, all at once, and learns what it did', async (t) => {
  for (const count of [2, 20]) {
    const more = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`f${at}.txt`, `text ${at}`.padEnd(SMALL + 1)]),
    );
    const { read, calls } = await stored(t, { ...FILES, ...more });
    const { check, facts, blake3 } = await read();
    assert.ok(check.passed);
    assert.deepEqual(calls, [`hash ${count + 1}`], 'but for the card and the configuration');
    assert.equal(blake3.size, count + 3);
    assert.equal(facts.formats.get('a.txt'), 'text');
    assert.deepEqual(
      facts.declaredBases.map(({ name }) => name),
      ['acme/base', 'acme/other'],
    );
  }
});

test('a small file is read once, for its look and its digests', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const files = { ...FILES, 'a.txt': 'text'.padEnd(SMALL), 'empty.txt': '' };
  const id = await world.publish('acme/m:1', files, () => []);
  const reads: string[] = [];
  const openBlob: Registry['openBlob'] = async (name, digest, sizeBytes) => {
    const blob = await world.registry.openBlob(name, digest, sizeBytes);
    return { ...blob, read: async (at, length) => (reads.push(`${at} ${length}`), blob.read(at, length)) };
  };
  let advanced = 0;
  const ports: ContentPorts = {
    hasher: async () => {
      const real = await world.ports.hasher();
      const fail = async (): Promise<never> => Promise.reject(new Error('not asked'));
      return { ...real, hash: fail, hashStream: fail };
    },
    progress: { start: () => ({ advance: (bytes) => void (advanced += bytes), end: () => undefined }) },
  };
  const content = await readContent({ name: 'acme/m', id }, { ...world.registry, openBlob }, ports);
  assert.ok(content.check.passed);
  const sizes = Object.values(files).map(({ length }) => length);
  assert.deepEqual(reads.toSorted(), sizes.map((size) => `0 ${size}`).toSorted());
  assert.equal(
    advanced,
    sizes.reduce((sum, size) => sum + size),
  );
  assert.deepEqual(content.facts.declaredBases, [
    { name: 'acme/base', where: 'README.md' },
    { name: 'acme/other', where: 'adapter_config.json' },
  ]);
  const real = await world.ports.hasher();
  for (const [path, text] of Object.entries(files))
    assert.equal(content.blake3.get(path), Buffer.from(real.tree.digest(Buffer.from(text))).toString('hex'));
});

for (const size of [4, SMALL + 1])
  test(`a blob of ${size} bytes that is changed, cut, gone or a link is refused`, async (t) => {
    const text = 'text'.padEnd(size);
    const said = async (harm: (blob: string) => void) => {
      const { read, blobOf } = await stored(t, { ...FILES, 'a.txt': text });
      harm(blobOf(text));
      const { check, facts, blake3 } = await read();
      assert.deepEqual([blake3.has('a.txt'), facts.formats.has('a.txt'), blake3.size], [false, false, 2]);
      assert.ok(!check.passed);
      return check.findings.map(({ code, subject }) => `${code} ${subject}`);
    };
    assert.deepEqual(await said((blob) => writeFileSync(blob, text.toUpperCase())), ['digest-mismatch a.txt']);
    assert.deepEqual(await said((blob) => writeFileSync(blob, text.slice(1))), ['digest-mismatch a.txt']);
    assert.deepEqual(await said((blob) => writeFileSync(blob, `${text}+`)), ['digest-mismatch a.txt']);
    assert.deepEqual(await said((blob) => rmSync(blob)), ['unreadable a.txt']);
    const linked = await said((blob) => (renameSync(blob, `${blob}.real`), symlinkSync(`${blob}.real`, blob)));
    assert.equal(linked.length, 1);
  });

test('a blob that is exchanged between the look and the hashing is refused', async (t) => {
  const { read } = await stored(t, FILES);
  const { check, facts, blake3 } = await read((jobs) => {
    const [own] = jobs.filter(({ location }) => statSync(location).size === LARGE.length);
    writeFileSync(`${own?.location}.new`, LARGE.toUpperCase());
    renameSync(`${own?.location}.new`, own?.location ?? '');
  });
  assert.deepEqual([blake3.has('a.txt'), facts.formats.has('a.txt'), blake3.size], [false, false, 2]);
  assert.deepEqual(
    findingsOf({ checks: [check] }).map(({ code, subject }) => `${code} ${subject}`),
    ['digest-mismatch a.txt'],
  );
});

/** A registry without files of its own: what it holds, and what reading it does. */
function remote(blobs: readonly string[], manifests: readonly Uint8Array[], read = (): void => undefined): Registry {
  const held = new Map(blobs.map((text) => [`sha256:${sha256Hex(text)}`, Buffer.from(text)]));
  const documents = new Map(manifests.map((bytes) => [ociDigest(bytes), bytes]));
  const absent = (): never => {
    throw new WeighmarkError('not-found', 'not there');
  };
  return {
    getManifest: async (_: string, digest: string) => Promise.resolve(documents.get(digest) ?? absent()),
    openBlob: async (_: string, digest: string) => {
      const bytes = held.get(digest) ?? absent();
      return Promise.resolve({
        size: bytes.length,
        read: async (at: number, length: number) => (read(), Promise.resolve(bytes.subarray(at, at + length))),
        close: async () => Promise.resolve(),
      });
    },
  } as unknown as Registry;
}

const listed = (text: string, path: string) => ({ path, sizeBytes: Buffer.byteLength(text), sha256: sha256Hex(text) });

test('from a registry elsewhere a file is read as a stream, to its last byte; what is not there any more is said', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const files = [listed('text', 'a.txt'), listed('', 'empty.txt'), listed('gone', 'gone.txt')];
  const { top, id } = buildManifest(files);
  const advanced: number[] = [];
  const start = () => ({ advance: (bytes: number) => void advanced.push(bytes), end: () => undefined });
  const ports = { ...world.ports, progress: { start } };
  const content = await readContent({ name: 'm', id }, remote(['text', ''], [top.bytes]), ports);
  assert.deepEqual([[...content.blake3.keys()], advanced], [['a.txt', 'empty.txt'], [4]]);
  assert.deepEqual(
    findingsOf({ checks: [content.check] }).map(({ code, subject, message }) => `${code} ${subject}: ${message}`),
    ['unreadable gone.txt: the registry does not have this file any more'],
  );
});

test('hashing in place ends with the run that asked for it', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const id = await world.publish('acme/m:1', FILES, () => []);
  const own = await world.ports.hasher();
  const heard: (AbortSignal | undefined)[] = [];
  const hasher = async () =>
    Promise.resolve({ ...own, hash: (jobs, how) => (heard.push(how.signal), own.hash(jobs, how)) } as Hasher);
  const { signal } = new AbortController();
  await readContent({ name: 'acme/m', id }, world.registry, { ...world.ports, hasher, signal });
  await readContent({ name: 'acme/m', id }, world.registry, { ...world.ports, hasher });
  assert.deepEqual(heard, [signal, undefined]);
});

test('what a loader might fetch by a file that cannot be read is something that nobody attested', async (t) => {
  const { read } = await stored(t, { 'config.json': '{"auto_map":', 'w.bin': 'w' });
  assert.deepEqual((await read()).facts.fetched, [{ name: '(something: it cannot be read)', where: 'config.json' }]);
});

test('one that fails while all are hashed is read by itself, which says what is wrong with it', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const id = await world.publish('acme/m:1', FILES, () => []);
  const real = await world.ports.hasher();
  let streamed = 0;
  const hasher: Hasher = {
    ...real,
    hash: async (jobs, { onFailure }) => {
      for (const index of jobs.keys()) onFailure?.(index, new WeighmarkError('unreadable', 'for now'));
      return Promise.resolve(jobs.map(({ sizeBytes = 0 }) => ({ sizeBytes, digests: {} })));
    },
    hashStream: async (chunks, algorithms) => ((streamed += 1), real.hashStream(chunks, algorithms)),
  };
  const content = await readContent({ name: 'acme/m', id }, world.registry, {
    ...world.ports,
    hasher: async () => Promise.resolve(hasher),
  });
  assert.deepEqual([content.check.passed, content.blake3.size, streamed], [true, 3, 1]);
});

test('an artifact of very many files is read by all of its manifests', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const files = Array.from({ length: 8001 }, (_, at) => listed('', `${String(at).padStart(5, '0')}.txt`));
  const { top, parts, id } = buildManifest(files);
  const all = [top, ...parts].map(({ bytes }) => bytes);
  const content = await readContent({ name: 'm', id }, remote([''], all), world.ports);
  assert.deepEqual([content.check.passed, content.files.length], [true, 8001]);
  const without = await readContent({ name: 'm', id }, remote([''], all.slice(0, -1)), world.ports);
  assert.deepEqual([without.check.passed, without.files.length], [false, 0]);
});

test('a fault of the machine while a file is looked at is no word about the file, and is said as it is', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const text = '{"auto_map":{"AutoModel":"acme/code--m.M"}}';
  const { top, id } = buildManifest([listed(text, 'config.json')]);
  let reads = 0;
  const count = await readContent(
    { name: 'm', id },
    remote([text], [top.bytes], () => void (reads += 1)),
    world.ports,
  );
  assert.equal(count.check.passed, true);
  const last = reads;
  reads = 0;
  const fail = (): void => {
    if ((reads += 1) === last) throw new Error('the disk is gone');
  };
  const content = await readContent({ name: 'm', id }, remote([text], [top.bytes], fail), world.ports);
  assert.deepEqual(
    findingsOf({ checks: [content.check] }).map(({ message }) => message),
    ['the disk is gone'],
  );
});

test('a digest list that a trusted BOM names is held against what was read; another is nobody’s word', async () => {
  const [sha256, blake3] = [sha256Hex('a'), 'b'.repeat(64)];
  const content = { files: [listed('a', 'w.bin')], blake3: new Map([['w.bin', blake3]]) } as unknown as GateContent;
  const answer = async (said: string, named = true, predicateType: string = PREDICATES.bom, kind = 'list') => {
    const list = Buffer.from(formatDigestList([{ path: 'w.bin', sizeBytes: 1, sha256, blake3: said }]));
    const subject = [
      { digest: { sha256: named ? sha256Hex(list) : sha256 }, annotations: { kind } },
      { digest: {}, annotations: { kind: 'list' } },
    ];
    const claim = { statement: { predicateType, predicate: {}, subject } } as unknown as VerifiedClaim;
    const registry = { attachments: async () => Promise.resolve([list]) } as unknown as Registry;
    return (await blake3Findings({ name: 'm', id: 'x' }, content, { registry, claims: [claim] })).map(
      ({ code }) => code,
    );
  };
  assert.deepEqual(await answer(blake3), []);
  assert.deepEqual(await answer('c'.repeat(64)), ['digest-conflict']);
  assert.deepEqual(await answer('c'.repeat(64), false), []);
  assert.deepEqual(await answer('c'.repeat(64), true, PREDICATES.evaluation), [], 'an evaluation lists nothing');
  assert.deepEqual(await answer('c'.repeat(64), true, PREDICATES.bom, 'file'), [], 'nor does the name of a file');
});

describe('what a trusted claim says beside the SHA-256 of a file that was read', () => {
  const [sha256, blake3, other] = [sha256Hex('a'), 'b'.repeat(64), 'c'.repeat(64)];
  const content = {
    files: [
      { path: 'w.bin', sizeBytes: 1, sha256 },
      { path: 'unread.bin', sizeBytes: 1, sha256: sha256Hex('unread') },
    ],
    blake3: new Map([['w.bin', blake3]]),
  } as unknown as GateContent;
  const registry = { attachments: async () => [] } as unknown as Registry;
  const found = async (predicateType: string, predicate: object, digest: object = { sha256 }) => {
    const claim = { statement: { predicateType, predicate, subject: [{ digest }] } } as unknown as VerifiedClaim;
    const findings = await blake3Findings({ name: 'm', id: 'x' }, content, { registry, claims: [claim] });
    return findings.map(({ code, subject }) => `${code} ${subject}`);
  };
  const made = (digest: object) => ({
    buildDefinition: { buildType: 'https://example.com/b', resolvedDependencies: [{ name: 'x', digest }] },
    runDetails: { builder: { id: 'https://example.com/x' } },
  });
  const CONFLICT = ['digest-conflict w.bin'];

  test('of its subject', async () => {
    assert.deepEqual(await found(PREDICATES.bom, {}, { sha256, blake3 }), []);
    assert.deepEqual(await found(PREDICATES.bom, {}, { sha256, blake3: other }), CONFLICT);
    assert.deepEqual(await found(PREDICATES.bom, {}, { sha256: sha256Hex('unread'), blake3: other }), []);
    assert.deepEqual(await found(PREDICATES.bom, {}, { blake3: other }), [], 'it binds nothing');
  });

  test('of what it was made from', async () => {
    assert.deepEqual(await found(PREDICATES.provenance, made({ sha256 })), []);
    assert.deepEqual(await found(PREDICATES.provenance, made({ sha256, blake3 })), []);
    assert.deepEqual(await found(PREDICATES.provenance, made({ sha256, blake3: other })), CONFLICT);
    assert.deepEqual(await found(PREDICATES.provenance, {}), [], 'unreadable: said where lineage is walked');
    assert.deepEqual(await found(PREDICATES.bom, made({ sha256, blake3: other })), [], 'no provenance');
  });
});
