import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import {
  buildManifest,
  manifestId,
  parseIndex,
  parseManifest,
  type ManifestFile,
} from '../../../src/domain/digest/manifest.ts';
import { mediaTypeOf } from '../../../src/domain/digest/media-type.ts';

const file = (path: string, byte = 'a'): ManifestFile => ({ path, sizeBytes: 3, sha256: byte.repeat(64) });

test('the id binds names, sizes and digests, not the order they come in', () => {
  const id = buildManifest([file('a', 'a'), file('b', 'b')]).id;
  assert.equal(buildManifest([file('b', 'b'), file('a', 'a')]).id, id);
  assert.notEqual(buildManifest([file('a', 'b'), file('b', 'a')]).id, id, 'swapped contents');
  assert.notEqual(buildManifest([file('a', 'a'), file('c', 'b')]).id, id, 'renamed');
  assert.notEqual(buildManifest([file('a', 'a'), { ...file('b', 'b'), sizeBytes: 4 }]).id, id, 'resized');
});

test('a manifest reads back, and any other spelling of it is refused', () => {
  const { top } = buildManifest([file('model.safetensors', 'c'), file('README.md', 'd')]);
  assert.deepEqual(
    parseManifest(top.bytes).map(({ path }) => path),
    ['README.md', 'model.safetensors'],
  );
  const text = Buffer.from(top.bytes).toString();
  for (const other of [
    `${text}\n`,
    text.replace('"schemaVersion":2', '"schemaVersion": 2'),
    text.replace('.raw', '.tar'),
    text.replace('README.md', '../a'),
    '{}',
    '[]',
  ]) {
    assert.throws(() => parseManifest(Buffer.from(other)), WeighmarkError, other.slice(0, 40));
  }
});

test('above 8,000 files an index of path ranges carries the id', () => {
  const files = Array.from({ length: 8001 }, (_, index) => file(`shard-${String(index).padStart(5, '0')}`, 'e'));
  const manifest = buildManifest(files);
  assert.deepEqual(
    parseIndex(manifest.top.bytes),
    manifest.parts.map(({ digest }) => digest),
  );
  assert.deepEqual(manifest.parts.flatMap((part) => parseManifest(part.bytes)).length, 8001);
  assert.equal(parseIndex(buildManifest(files.slice(1)).top.bytes), null);
});

test('nothing, duplicates and unsafe paths have no id', () => {
  assert.throws(() => buildManifest([]), { code: 'empty-artifact' });
  assert.throws(() => buildManifest([file('a'), file('a')]), { code: 'format-invalid' });
  assert.throws(() => buildManifest([file('../a')]), { code: 'name-unsafe' });
});

test('media types come from the path alone', () => {
  const kinds = [
    'model.safetensors',
    'config.json',
    'README',
    'modeling.py',
    'train.csv',
    'anything',
    'LICENSE.txt',
    'x.GGUF',
  ].map(mediaTypeOf);
  assert.deepEqual(
    kinds.map((type) => type.split('.')[3]),
    ['weight', 'weight', 'doc', 'code', 'dataset', 'weight', 'doc', 'weight'],
  );
});

test('the id alone is that of the documents, of one manifest and of several', () => {
  for (const count of [1, 8000, 8001, 16_001]) {
    const files = Array.from({ length: count }, (_, at) => file(`f/${at}`));
    assert.equal(manifestId(files), buildManifest(files).id, String(count));
    assert.equal(manifestId(files.toReversed()), buildManifest(files).id, String(count));
  }
  assert.throws(() => manifestId([file('a'), file('a')]), { code: 'format-invalid' });
  assert.throws(() => manifestId([]), { code: 'empty-artifact' });
});
