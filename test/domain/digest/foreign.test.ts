import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readManifest } from '../../../src/domain/digest/foreign.ts';
import { buildManifest } from '../../../src/domain/digest/manifest.ts';

/** Manifests as other people's tools push them. */
const FILEPATH = 'org.cncf.model.filepath';
const TITLE = 'org.opencontainers.image.title';
const UNPACK = 'io.deis.oras.content.unpack';

function digest(at: number): string {
  return `sha256:${String(at).padStart(64, '0')}`;
}

function layer(mediaType: string, annotations?: Readonly<Record<string, string>>, at = 1) {
  return { mediaType, digest: digest(at), size: at, ...(annotations === undefined ? {} : { annotations }) };
}

function read(config: string, layers: readonly object[]): readonly string[] {
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: config, digest: digest(0), size: 2 },
    layers,
    annotations: { 'org.opencontainers.image.created': '2026-11-01T00:00:00Z' },
  };
  return readManifest(Buffer.from(JSON.stringify(manifest))).map(({ path }) => path);
}

const MODELPACK = 'application/vnd.cncf.model.config.v1+json';
const KIT = 'application/vnd.kitops.modelkit.config.v1+json';
const DOCKER = 'application/vnd.docker.ai.model.config.v0.1+json';
const EMPTY = 'application/vnd.oci.empty.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

describe('what other tools push is read file by file', () => {
  test('ModelPack clients: raw layers by their paths, tar layers as archives', () => {
    const metadata = { 'org.cncf.model.file.metadata+json': '{"name":"x"}' };
    assert.deepEqual(
      read(MODELPACK, [
        layer('application/vnd.cncf.model.weight.v1.raw', { [FILEPATH]: 'model.safetensors', ...metadata }, 3),
        layer('application/vnd.cncf.model.weight.config.v1.raw', { [FILEPATH]: 'sub/config.json' }, 2),
        layer('application/vnd.cncf.model.doc.v1.tar', { [FILEPATH]: 'README.md' }, 1),
        layer('application/vnd.cncf.model.code.v1.tar+gzip', { [FILEPATH]: 'src/' }, 4),
        layer('application/vnd.cncf.model.dataset.v1.tar+zstd', { [FILEPATH]: 'data' }, 5),
        layer('application/vnd.cnai.model.doc.v1.raw', { 'org.cnai.model.filepath': 'OLD.md' }, 6),
      ]),
      ['OLD.md', 'README.md.tar', 'data.tar.zst', 'model.safetensors', 'src.tar.gz', 'sub/config.json'],
    );
  });

  test('KitOps: layers without names, by what they are', () => {
    assert.deepEqual(
      read(KIT, [
        layer('application/vnd.kitops.modelkit.model.v1.tar', undefined, 1),
        layer('application/vnd.kitops.modelkit.modelpart.v1.tar+gzip', undefined, 2),
        layer('application/vnd.kitops.modelkit.dataset.v1.tar+gzip', undefined, 3),
        layer('application/vnd.kitops.modelkit.dataset.v1.tar+gzip', undefined, 4),
        layer('application/vnd.kitops.modelkit.code.v1.tar+gzip-fastest', undefined, 5),
        layer('application/vnd.kitops.modelkit.docs.v1.tar', undefined, 6),
      ]),
      [
        'code.tar.gz',
        'dataset-00001-of-00002.tar.gz',
        'dataset-00002-of-00002.tar.gz',
        'docs.tar',
        'model.tar',
        'modelpart.tar.gz',
      ],
    );
  });

  test('ORAS: files by their titles, though it calls them tar; folders as it packed them', () => {
    assert.deepEqual(
      read(EMPTY, [
        layer(LAYER, { [TITLE]: 'model.onnx' }, 1),
        layer(`${LAYER}+gzip`, { [TITLE]: 'tokenizer', [UNPACK]: 'true' }, 2),
        layer('application/x-mine', { [TITLE]: './sub/x.bin' }, 3),
        layer(EMPTY, undefined, 4),
      ]),
      ['model.onnx', 'sub/x.bin', 'tokenizer.tar.gz'],
    );
  });

  test('Docker Model Runner: weights, licence, template', () => {
    assert.deepEqual(
      read(DOCKER, [
        layer('application/vnd.docker.ai.gguf.v3', undefined, 1),
        layer('application/vnd.docker.ai.license', undefined, 2),
        layer('application/vnd.docker.ai.chat.template.jinja', undefined, 3),
        layer('application/vnd.docker.ai.vllm.config.tar', undefined, 4),
        layer('application/vnd.docker.ai.mmproj', undefined, 5),
      ]),
      ['LICENSE', 'config.tar', 'model.gguf', 'model.mmproj', 'template.jinja'],
    );
    assert.deepEqual(
      read(DOCKER, [
        layer('application/vnd.docker.ai.safetensors', undefined, 1),
        layer('application/vnd.docker.ai.safetensors', undefined, 2),
      ]),
      ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
    );
    assert.deepEqual(read(DOCKER, [layer('application/vnd.docker.ai.gguf.v3', { [FILEPATH]: 'q4.gguf' })]), [
      'q4.gguf',
    ]);
  });

  test('container images: their layers are archives', () => {
    assert.deepEqual(
      read('application/vnd.oci.image.config.v1+json', [
        layer(`${LAYER}+gzip`, undefined, 1),
        layer(`${LAYER}+gzip`, undefined, 2),
      ]),
      ['layer-00001-of-00002.tar.gz', 'layer-00002-of-00002.tar.gz'],
    );
    assert.deepEqual(
      read('application/vnd.docker.container.image.v1+json', [
        layer('application/vnd.docker.image.rootfs.diff.tar.gzip'),
      ]),
      ['rootfs.tar.gz'],
    );
  });

  test('one digest under one path twice is one file', () => {
    assert.deepEqual(read(EMPTY, [layer('x/y', { [TITLE]: 'a' }), layer('x/y', { [TITLE]: 'a' })]), ['a']);
  });

  test('our own, in either version', () => {
    const files = [{ path: 'a', sizeBytes: 1, sha256: 'a'.repeat(64) }];
    for (const version of [1, 2] as const)
      assert.deepEqual(readManifest(buildManifest(files, version).top.bytes), files);
  });
});

describe('what cannot be read says what it is and what to do', () => {
  const REFUSED: readonly (readonly [string, string, readonly unknown[], RegExp])[] = [
    [
      'two layers of one path',
      KIT,
      [layer('x/y', { [TITLE]: 'a' }, 1), layer('x/y', { [TITLE]: 'a' }, 2)],
      /ModelKit.*two of its layers/,
    ],
    [
      'another hash',
      DOCKER,
      [{ mediaType: 'x/y', digest: `sha512:${'0'.repeat(128)}`, size: 1 }],
      /Docker Model Runner.*not by SHA-256/,
    ],
    ['no digest', EMPTY, [{ mediaType: 'x/y', size: 1 }], /another tool.*neither/],
    ['no size', EMPTY, [{ mediaType: 'x/y', digest: digest(1) }], /neither/],
    ['no layer', EMPTY, ['x'], /neither/],
  ];
  for (const [what, config, layers, message] of REFUSED)
    test(what, () => {
      assert.throws(() => read(config, layers as readonly object[]), {
        code: 'format-invalid',
        message,
        hint: /the tool that pushed it/,
      });
    });

  test('nothing', () => {
    assert.throws(() => read(EMPTY, []), { code: 'empty-artifact' });
    assert.throws(() => readManifest(Buffer.from('{"schemaVersion":2}')), { code: 'format-invalid' });
  });

  for (const path of ['../x', '/etc/passwd', 'a/../../x', 'a\\b', 'con', 'a\u0000b'])
    test(`a path that leaves the folder or cannot be written: ${JSON.stringify(path)}`, () => {
      assert.throws(() => read(EMPTY, [layer('x/y', { [TITLE]: path })]), { code: 'name-unsafe' });
    });

  test('paths that some file systems take for one', () => {
    assert.throws(() => read(EMPTY, [layer('x/y', { [TITLE]: 'A' }, 1), layer('x/y', { [TITLE]: 'a' }, 2)]), {
      code: 'name-unsafe',
    });
  });
});
