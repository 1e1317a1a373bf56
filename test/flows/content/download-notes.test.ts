import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { pick } from '../../../src/domain/metadata/types.ts';
import { downloadNotes } from '../../../src/flows/content/download-notes.ts';

const [COMMIT, OLDER] = ['11c5a3d5811f50298f278a704980280950aedb10', '22c5a3d5811f50298f278a704980280950aedb10'];
const [SHA256, BLOB, POINTER] = ['a1'.repeat(32), 'b2'.repeat(20), 'c3'.repeat(20)];

/** As huggingface_hub 2.4.0 writes it (`_tree_cache.write_tree_cache`). */
const tree = (files: unknown, version: unknown = 1): string =>
  JSON.stringify({ format_version: version, files }, undefined, 1);
const LISTED = {
  'config.json': { size: 22, blob_id: BLOB },
  'model.safetensors': { size: 77, blob_id: POINTER, lfs_sha256: SHA256, lfs_size: 77, xet_hash: 'd4'.repeat(32) },
};

/** What is noted below a folder with these files of bookkeeping. */
async function noted(notes: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-hub-'));
  const paths = Object.keys(notes).map((name) => `.cache/huggingface/${name}`);
  for (const [name, text] of Object.entries(notes)) {
    const place = join(root, '.cache/huggingface', name);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
  const facts = await downloadNotes(root, paths, { files: createFiles() });
  return pick(facts, 'digest').map(({ value }) => `${value.path} ${value.algorithm} ${value.hex.slice(0, 4)}`);
}

test('the list of a commit that the hub keeps says what each file is; of one in LFS its blob is a pointer', async () => {
  assert.deepEqual(await noted({ [`trees/${COMMIT}.json`]: tree(LISTED) }), [
    'config.json git-blob-sha1 b2b2',
    'model.safetensors sha256 a1a1',
  ]);
});

test('an older commit, downloaded over, contradicts nothing: a note is newer, and lists that differ say nothing', async () => {
  const changed = { ...LISTED, 'config.json': { size: 23, blob_id: 'ee'.repeat(20) } };
  const both = { [`trees/${COMMIT}.json`]: tree(LISTED), [`trees/${OLDER}.json`]: tree(changed) };
  assert.deepEqual(await noted(both), ['model.safetensors sha256 a1a1']);
  const note = `${COMMIT}\n${BLOB}\n1712656091.123\n`;
  assert.deepEqual(await noted({ ...both, 'download/config.json.metadata': note }), [
    'config.json git-blob-sha1 b2b2',
    'model.safetensors sha256 a1a1',
  ]);
  const older = { [`trees/${OLDER}.json`]: tree(changed), 'download/config.json.metadata': note };
  assert.deepEqual(await noted(older), ['config.json git-blob-sha1 b2b2', 'model.safetensors sha256 a1a1']);
});

test('a list of another form, or with what is no digest, says nothing and stops nothing', async () => {
  const entry = (fields: object) => tree({ 'config.json': fields });
  for (const text of [
    '',
    '[',
    'null',
    '{}',
    tree(LISTED, 2),
    tree([]),
    tree(null),
    entry({}),
    entry({ blob_id: 5 }),
    entry({ blob_id: 'b2'.repeat(19) }),
    entry({ blob_id: SHA256 }),
    entry({ blob_id: BLOB, lfs_sha256: 'zz'.repeat(32) }),
    entry({ blob_id: BLOB, lfs_sha256: BLOB }),
    entry({ blob_id: POINTER, xet_hash: SHA256 }),
    tree({ 'config.json': null }),
    tree({ 'config.json': BLOB }),
  ])
    assert.deepEqual(await noted({ [`trees/${COMMIT}.json`]: text }), [], text);
  const odd = { '../outside': { blob_id: BLOB }, __proto__: { blob_id: BLOB }, 'a/~b': { blob_id: BLOB } };
  for (const line of await noted({ [`trees/${COMMIT}.json`]: tree(odd) })) assert.match(line, /git-blob-sha1 b2b2$/);
});
