import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { safetensors } from '../../domain/formats/support.ts';

export const COMMIT = '060db6499f32faf8b98477b0a26969ef7d8b9987';
const GGUF = 'fixtures/formats/small/big-endian.gguf';

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
export const gitSha1 = (content: string): string =>
  createHash('sha1').update(`blob ${content.length}\0${content}`).digest('hex');

/** Weights of their own for each seed. */
export function weights(seed: number): Uint8Array {
  const data = new Uint8Array(64).fill(seed % 251);
  new DataView(data.buffer).setUint32(0, seed);
  return safetensors('{"w":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}', data);
}

export interface StoresWorld {
  readonly home: string;
  write(path: string, content: string | Uint8Array): string;
}

export function storesWorld(home: string): StoresWorld {
  const write = (path: string, content: string | Uint8Array): string => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), content);
    return join(home, path);
  };
  return { home, write };
}

/** As huggingface_hub lays out its cache; `test/interop/stores.sh` holds that to the real one. */
export function hubModel(world: StoresWorld, id: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const repository = `.cache/huggingface/hub/models--${id.replaceAll('/', '--')}`;
  world.write(`${repository}/refs/main`, COMMIT);
  for (const [path, content] of Object.entries(files)) {
    const name = typeof content === 'string' ? gitSha1(content) : sha256(content);
    world.write(`${repository}/blobs/${name}`, content);
    const link = join(world.home, repository, 'snapshots', COMMIT, path);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(`${'../'.repeat(path.split('/').length + 1)}blobs/${name}`, link);
  }
  return join(world.home, repository);
}

/** As Ollama lays out its store, from its documented layout. @returns the manifest's location. */
export function ollamaModelIn(world: StoresWorld, name: string, tag: string, gguf: Uint8Array): string {
  const blob = (content: string | Uint8Array, mediaType: string): object => {
    world.write(`.ollama/models/blobs/sha256-${sha256(content)}`, content);
    return { mediaType, digest: `sha256:${sha256(content)}`, size: content.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: blob('{"model_format":"gguf","model_family":"llama"}', 'application/vnd.docker.container.image.v1+json'),
    layers: [
      blob(gguf, 'application/vnd.ollama.image.model'),
      blob('{{ .Prompt }}', 'application/vnd.ollama.image.template'),
      blob('Apache License\nVersion 2.0, January 2004', 'application/vnd.ollama.image.license'),
    ],
  };
  return world.write(`.ollama/models/manifests/registry.ollama.ai/library/${name}/${tag}`, JSON.stringify(manifest));
}

/** As Docker Model Runner lays out its store; `test/interop/stores.sh` holds that to the real one. The configuration's blob is last. */
export function dockerModelIn(
  world: StoresWorld,
  tag: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): { readonly manifest: string; readonly blobs: readonly string[] } {
  const blobs: string[] = [];
  const blob = (content: string | Uint8Array, mediaType: string, path?: string): object => {
    blobs.push(world.write(`.docker/models/blobs/sha256/${sha256(content)}`, content));
    const annotations = path === undefined ? {} : { annotations: { 'org.cncf.model.filepath': path } };
    return { mediaType, digest: `sha256:${sha256(content)}`, size: content.length, ...annotations };
  };
  const type = 'application/vnd.docker.ai.';
  const layers = Object.entries(files).map(([path, content]) => blob(content, `${type}gguf.v3`, path));
  const config = blob('{"config":{"format":"gguf"}}', `${type}model.config.v0.1+json`);
  const text = JSON.stringify({ schemaVersion: 2, config, layers });
  const manifest = world.write(`.docker/models/manifests/sha256/${sha256(text)}`, text);
  world.write('.docker/models/layout.json', '{"version":"1.0.0"}');
  world.write(
    '.docker/models/models.json',
    JSON.stringify({ models: [{ id: `sha256:${sha256(text)}`, tags: [tag] }] }),
  );
  return { manifest, blobs };
}

/** One of each store, in this user's home. */
export function everyStore(world: StoresWorld): void {
  hubModel(world, 'acme/enc', {
    'config.json': '{"model_type":"bert","architectures":["BertModel"]}',
    'README.md': '---\nlicense: mit\n---\n# enc\n',
    'model.safetensors': weights(1),
  });
  world.write('gguf', '');
  copyFileSync(GGUF, join(world.home, 'gguf'));
  for (const path of ['.lmstudio/models/acme/tiny-GGUF/tiny-Q4.gguf', '.cache/llama.cpp/acme_tiny_tiny-Q8.gguf']) {
    world.write(path, '');
    copyFileSync(GGUF, join(world.home, path));
  }
  world.write(`.cache/torch/hub/checkpoints/net-${sha256(weights(2)).slice(0, 8)}.pth`, weights(2));
  world.write('mlruns/1/models/m-1/artifacts/MLmodel', 'flavors:\n  sklearn:\n    sklearn_version: 1.5.0\n');
  world.write('mlruns/1/models/m-1/artifacts/model.skops', weights(3));
  world.write('.local/lib/python3.13/site-packages/pkg/models/small.safetensors', weights(4));
  world.write('node_modules/@acme/vad/silero.onnx', weights(5));
  world.write('node_modules/@acme/vad/config.json', '{"build":true}');
  world.write('.claude/skills/pdf/SKILL.md', '---\nname: pdf\ndescription: Reads PDFs\n---\nRead it.\n');
}
