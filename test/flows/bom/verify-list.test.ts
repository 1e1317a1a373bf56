import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { digestListBytes } from '../../../src/domain/digest/list.ts';
import { bomCreate, type BomPorts } from '../../../src/flows/bom/create.ts';
import { bomVerify } from '../../../src/flows/bom/verify.ts';

const hasher = createHasher();
const ports: BomPorts = {
  files: createFiles(),
  hasher: () => Promise.resolve(hasher),
  progress: { start: () => ({ advance() {}, end() {} }) },
};
const folder = mkdtempSync(join(tmpdir(), 'weighmark-bom-list-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const tree = join(folder, 'tree');
const bom = join(folder, 'bom.cdx.json');

test('files are held to a BOM that names their digest list: unchanged, changed, with the list beside them and without', async () => {
  mkdirSync(tree);
  for (let at = 0; at < 20_001; at += 1) writeFileSync(join(tree, `${at}.txt`), '');
  const { bytes, files } = await bomCreate({ path: tree, tool: { name: 'weighmark', version: '0.0.0' } }, ports);
  assert.ok(bytes.length < 10_000, `${bytes.length} bytes`);
  writeFileSync(bom, bytes);
  const judge = () => bomVerify({ bom, path: tree, shown: { bom: 'bom', path: 'tree' } }, ports);
  const good = await judge();
  assert.deepEqual(
    [good.outcome, good.checks[0]?.evidence[0]?.what],
    ['verified', '20001 of 20001 files are as the BOM says (sha256, blake3)'],
  );
  writeFileSync(join(tree, '777.txt'), 'changed');
  const said = async () => findingsOf(await judge()).map(({ code, subject }) => `${code} ${subject ?? '-'}`);
  assert.deepEqual(await said(), ['digest-mismatch -', 'digest-mismatch -']);
  mkdirSync(join(tree, '.weighmark'));
  const list = files.map(({ path, sizeBytes, digests: { sha256 = '', blake3 = '' } }) => ({
    path,
    sizeBytes,
    sha256,
    blake3,
  }));
  writeFileSync(join(tree, '.weighmark/files'), digestListBytes(list));
  assert.deepEqual(await said(), ['digest-mismatch 777.txt', 'digest-mismatch -']);
  writeFileSync(join(tree, 'more.txt'), '');
  assert.deepEqual(await said(), ['digest-mismatch 777.txt', 'file-unsigned more.txt', 'digest-mismatch -']);
  writeFileSync(join(tree, '.weighmark/files'), digestListBytes([...list, { ...list[0]!, path: 'more.txt' }]));
  assert.deepEqual(
    await said(),
    ['digest-mismatch -', 'digest-mismatch -'],
    'a list that the BOM does not name says nothing',
  );
});
