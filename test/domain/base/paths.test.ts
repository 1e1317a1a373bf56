import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkPath,
  collidingPaths,
  compareUtf8,
  isSidecar,
  portabilityProblem,
  sidecarsOf,
} from '../../../src/domain/base/paths.ts';

test('paths sort by the bytes of their UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      assert.equal(Math.sign(compareUtf8(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  assert.deepEqual(['\u{10000}', '\ufffd', 'a/b', 'a-b'].toSorted(compareUtf8), ['a-b', 'a/b', '\ufffd', '\u{10000}']);
});

test('a path that leaves its folder is refused', () => {
  for (const path of ['', '/etc/passwd', '../x', 'a/../b', './a', 'a//b', 'a/', 'a\0b', '\ud800', 'x/'.repeat(300)]) {
    assert.throws(() => checkPath(path), { code: 'name-unsafe' }, path);
  }
  for (const path of ['a', '.hidden', 'a b/ü.bin', '...', 'a\nb']) checkPath(path);
});

test('names that some system cannot write are named', () => {
  for (const path of ['a\nb', 'a\\b', 'C:x', 'con', 'x/NUL.txt', 'a.', 'a ', 'a?b'])
    assert.notEqual(portabilityProblem(path), null, path);
  for (const path of ['model.safetensors', 'console', 'a/b-c_d.e']) assert.equal(portabilityProblem(path), null, path);
  assert.deepEqual(collidingPaths(['Model.bin', 'a', 'model.BIN']), [['Model.bin', 'model.BIN']]);
  assert.deepEqual(collidingPaths(['\u00e9', 'e\u0301']), [['\u00e9', 'e\u0301']]);
});

test('sidecars count at the top level only', () => {
  for (const path of ['model.sig', 'claims.jsonl', '.weighmark/files', '.git/config', '.gitignore'])
    assert.ok(isSidecar(path), path);
  for (const path of ['sub/model.sig', 'sub/.gitignore', 'model.sig2', '.gitmodules'])
    assert.ok(!isSidecar(path), path);
});

test('a single file has its sidecars beside it', () => {
  assert.equal(sidecarsOf({ root: 'm.gguf', kind: 'file' }).digestList, 'm.gguf.weighmark/files');
  assert.equal(sidecarsOf({ root: 'm.gguf', kind: 'file' }).signature, 'm.gguf.sig');
  assert.equal(sidecarsOf({ root: 'm', kind: 'directory' }).bom, 'm/.weighmark/bom.cdx.json');
});
