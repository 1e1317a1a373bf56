import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { askAhead } from '../../../src/adapters/git/batch.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { NO_LISTS, sealReader, type KnownLists } from '../../../src/flows/content/hook-seals.ts';

const line = (path: string) => `${'1'.repeat(64)} ${'2'.repeat(64)} 1 ${path}\n`;

/** Calls of the file system to find what seals say of `count` files in two folders. */
async function callsFor(top: string, count: number, atOnce: boolean): Promise<number> {
  let calls = 0;
  const files = new Proxy(createFiles(), {
    get: (target, name) => ((calls += 1), Reflect.get(target, name) as unknown),
  });
  const seals = sealReader(top, files).within(NO_LISTS);
  const paths = Array.from({ length: count }, (_, at) => `m/${at % 2 === 0 ? 'a' : 'b'}/f${at}`);
  if (atOnce) await seals.linesOf(paths);
  else for (const path of paths) await seals.listed(path);
  return calls;
}

test('seals of many files are found by a look into each folder, none for each file', async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'weighmark-hook-seals-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  for (const folder of ['m/a/f0.weighmark', 'm/b', 'm/.weighmark']) mkdirSync(join(top, folder), { recursive: true });
  writeFileSync(join(top, 'm/.weighmark/files'), `weighmark-files/1\n${line('a/f0')}${line('a/f2')}`);
  writeFileSync(join(top, 'm/a/f0.weighmark/files'), `weighmark-files/1\n${line('own')}`);
  const seals = sealReader(top, createFiles()).within(NO_LISTS);
  const paths = await Promise.all(['m/a/f0', 'm/a/f2', 'm/b/f1'].map(async (path) => (await seals.listed(path))?.path));
  assert.deepEqual(paths, ['own', 'a/f2', undefined]);
  for (const atOnce of [false, true]) assert.equal(await callsFor(top, 1000, atOnce), await callsFor(top, 100, atOnce));
});

test('the lines of many files are those of each, whoever has the list', async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'weighmark-hook-lines-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  const lists: Record<string, string> = {
    '.weighmark/files': `weighmark-files/1\n${line('m/a/f3')}${line('top')}`,
    'm/.weighmark/files': `weighmark-files/1\n${line('a/f0')}${line('a/f2')}`,
    'm/a/f0.weighmark/files': `weighmark-files/1\n${line('own')}`,
    'm/a/f1.weighmark/files': 'weighmark-files/1\n',
    'n/.weighmark/files': 'broken',
    'n/f0.weighmark/files': `weighmark-files/1\n${line('own in n')}`,
    'n/f1.weighmark/files': `weighmark-files/1\n${line('another in n')}`,
  };
  const paths = ['top', 'm/a/f0', 'm/a/f1', 'm/a/f2', 'm/a/f3', 'n/f0', 'm/a/f2', 'n/f1', 'gone/f', 'other'];
  for (const [path, text] of Object.entries(lists)) {
    mkdirSync(join(top, dirname(path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
  const inIndex: KnownLists = {
    has: (path) => ['m/.weighmark/files', 'm/a/f3.weighmark/files', 'n/f1.weighmark/files'].includes(path),
    read: async (path) => Buffer.from(`weighmark-files/1\n${line(path.startsWith('m/.') ? 'a/f2' : 'staged')}`),
  };
  const found: (readonly (string | undefined)[])[] = [];
  for (const first of [NO_LISTS, inIndex]) {
    const seals = sealReader(top, createFiles()).within(first);
    const lines = await seals.linesOf(paths);
    for (const [at, path] of paths.entries()) assert.deepEqual(lines[at], await seals.listed(path), path);
    found.push(lines.map((each) => each?.path));
    await assert.rejects(seals.linesOf(['n/f2']), /digest list/);
  }
  const none = undefined;
  assert.deepEqual(found[0], ['top', 'own', none, 'a/f2', none, 'own in n', 'a/f2', 'another in n', none, none]);
  assert.deepEqual(found[1], ['top', 'own', none, 'a/f2', 'staged', 'own in n', 'a/f2', 'staged', none, none]);
});

test('git is asked for many blobs at a time, in the order they are read in', () => {
  for (const [count, writes] of [
    [256, 1],
    [2560, 10],
  ] as const) {
    const asked: string[][] = [];
    const questions = askAhead((oids) => void asked.push([...oids]));
    const entries = Array.from({ length: count }, (_, at) => ({ path: `${at}`, kind: 'file' as const, oid: `${at}` }));
    questions.next({ path: 'list', kind: 'file', oid: 'first' });
    questions.expect(entries);
    for (const entry of entries) questions.next(entry);
    questions.next({ path: 'list', kind: 'file', oid: 'last' });
    assert.equal(asked.length, writes + 2);
    assert.deepEqual(asked.flat(), ['first', ...entries.map(({ oid }) => oid), 'last']);
  }
});
