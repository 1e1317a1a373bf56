import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askAhead } from '../../../src/adapters/git/batch.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { sealReader } from '../../../src/flows/content/hook-seals.ts';

const line = (path: string) => `${'1'.repeat(64)} ${'2'.repeat(64)} 1 ${path}\n`;

/** Calls of the file system to find what seals say of `count` files in two folders. */
async function callsFor(top: string, count: number): Promise<number> {
  let calls = 0;
  const files = new Proxy(createFiles(), {
    get: (target, name) => ((calls += 1), Reflect.get(target, name) as unknown),
  });
  const seals = sealReader(top, files).within(async () => null);
  for (let at = 0; at < count; at += 1) await seals.listed(`m/${at % 2 === 0 ? 'a' : 'b'}/f${at}`);
  return calls;
}

test('seals of many files are found by a look into each folder, none for each file', async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'weighmark-hook-seals-'));
  t.after(() => rmSync(top, { recursive: true, force: true }));
  for (const folder of ['m/a/f0.weighmark', 'm/b', 'm/.weighmark']) mkdirSync(join(top, folder), { recursive: true });
  writeFileSync(join(top, 'm/.weighmark/files'), `weighmark-files/1\n${line('a/f0')}${line('a/f2')}`);
  writeFileSync(join(top, 'm/a/f0.weighmark/files'), `weighmark-files/1\n${line('own')}`);
  const seals = sealReader(top, createFiles()).within(async () => null);
  const paths = await Promise.all(['m/a/f0', 'm/a/f2', 'm/b/f1'].map(async (path) => (await seals.listed(path))?.path));
  assert.deepEqual(paths, ['own', 'a/f2', undefined]);
  assert.equal(await callsFor(top, 1000), await callsFor(top, 100));
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
