import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import type { Hasher } from '../../../src/domain/ports/hasher.ts';
import { smallSource, type Source } from '../../../src/domain/base/source.ts';
import { scanFile } from '../../../src/domain/scan/index.ts';
import { scanArtifact } from '../../../src/flows/content/scan.ts';

const progress = { start: () => ({ advance() {}, end() {} }) };
const BAD = Buffer.from("cos\nsystem\n(S'true'\ntR.");

/** 1,200 small files of several kinds, among them one that acts when it is loaded, an empty one and a larger one. */
function folderOfMany(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-many-'));
  for (let index = 0; index < 1200; index++) {
    mkdirSync(join(folder, String(index % 20)), { recursive: true });
    const [name, bytes] = index % 2 === 0 ? ['json', `{"id": ${index}}`] : ['dat', Buffer.alloc(300, index % 251)];
    writeFileSync(join(folder, String(index % 20), `${index}.${name}`), bytes);
  }
  writeFileSync(join(folder, 'bad.pkl'), BAD);
  writeFileSync(join(folder, 'empty.txt'), '');
  writeFileSync(join(folder, 'large.txt'), 'text\n'.repeat(10_000));
  return folder;
}

/** A kernel that reads as the native one does, and what was asked of it. */
function reading(failing: string): { hasher: Hasher; asked: string[] } {
  const asked: string[] = [];
  const hasher = {
    kernel: 'native',
    hash: async (jobs: readonly { location: string; sizeBytes: number }[]) =>
      jobs.map(({ location, sizeBytes }) => {
        asked.push(location);
        return location.endsWith(failing)
          ? { sizeBytes, digests: {} }
          : { sizeBytes, digests: {}, content: readFileSync(location) };
      }),
  } as unknown as Hasher;
  return { hasher, asked };
}

function counting(files: Files): { files: Files; opened: string[] } {
  const opened: string[] = [];
  return {
    opened,
    files: {
      ...files,
      open: async (location, options) => {
        opened.push(location);
        return files.open(location, options);
      },
    },
  };
}

test('many small files are read by the kernel, and what is found is the same', async () => {
  const folder = folderOfMany();
  const { files, opened } = counting(createFiles());
  const tree = await files.walk(folder);
  const ports = { files, progress, signal: new AbortController().signal };
  const alone = await scanArtifact(tree, ports);
  assert.equal(opened.length, 1203);
  const { hasher, asked } = reading('17.dat');
  const together = await scanArtifact(tree, { ...ports, hasher: async () => hasher });
  assert.deepEqual(together, alone);
  assert.equal(alone.verdict, 'block');
  assert.equal(asked.length, 1201);
  // What the kernel could not read, and what is empty or large.
  const again = opened.slice(1203).map((location) => location.slice(folder.length));
  assert.deepEqual(
    again.filter((path) => !path.endsWith('17.dat')),
    ['/empty.txt', '/large.txt'],
  );
});

test(
  'a small file that cannot be read is not examined, whoever reads',
  { skip: process.getuid?.() === 0 },
  async () => {
    const folder = folderOfMany();
    chmodSync(join(folder, 'bad.pkl'), 0);
    const files = createFiles();
    const { hasher } = reading('bad.pkl');
    const ports = { files, progress, signal: new AbortController().signal, hasher: async () => hasher };
    const { verdict } = await scanArtifact(await files.walk(folder), ports);
    assert.equal(verdict, 'incomplete');
  },
);

/** The same bytes, read as a file is. */
function readSource(bytes: Uint8Array): Source {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

/** Small contents that begin in every way there is, with marks and programs among them. */
function contents(): Buffer[] {
  const marks = [
    '',
    'ZF0x10               ',
    'MZ',
    'jartsr=',
    '\x1bLua',
    'PK\x05\x06',
    'cos\nsystem\n(S"true"\ntR.',
    '\x7fELF\x02\x01',
  ];
  const made = marks.map((mark) => Buffer.concat([Buffer.from(mark, 'latin1'), Buffer.alloc(600, 7)]));
  for (let first = 0; first < 256; first++)
    for (const length of [1, 5, 64, 700])
      made.push(
        Buffer.from(
          Array.from({ length }, (_, index) => (index === 0 ? first : (first * 31 + index * index * 7) & 255)),
        ),
      );
  return made;
}

test('what lies in memory is judged as what is read', async () => {
  for (const path of ['a', 'a.dat', 'model.bin', 'x.weights', 'x.pb', '__model__', 'a.png', 'a.t7', 'a.txt', 'a.pkl'])
    for (const bytes of contents())
      assert.deepEqual(
        await scanFile({ path, source: smallSource(bytes) }),
        await scanFile({ path, source: readSource(bytes) }),
        `${path} ${bytes.toString('hex', 0, 8)} ${bytes.length}`,
      );
});
