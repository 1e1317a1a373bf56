import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BARE, PROGRAM } from '../../program.ts';
import {
  COMMIT,
  dockerModelIn,
  gitSha1,
  hubModel,
  ollamaModelIn,
  sha256,
  storesWorld,
  weights,
} from '../load/stores-world.ts';

function home() {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-stores-'));
  const run = (...words: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
      cwd: folder,
      env: { ...BARE, HOME: folder },
      encoding: 'utf8',
    });
    return { status, out: stdout, all: stdout + stderr };
  };
  return { folder, run, world: storesWorld(folder) };
}

const CONFIG = '{"model_type":"bert","architectures":["BertModel"]}';

test('models--ORG--NAME of a Hub cache is what main points to; a changed byte is named against the blob’s own name', () => {
  const { run, world } = home();
  const repository = hubModel(world, 'acme/enc', { 'config.json': CONFIG, 'model.safetensors': weights(1) });
  assert.match(run('inspect', repository).all, /acme\/enc/);
  assert.equal(run('scan', repository).status, 0);
  const intact = run('verify', repository, '--json');
  assert.equal(intact.status, 3);
  assert.match(intact.all, new RegExp(`2 of 2 files match|commit ${COMMIT.slice(0, 7)}`));
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  assert.equal(run('seal', `${repository}/snapshots/${COMMIT}`, '--key', 'k.key').status, 0);
  assert.equal(run('verify', repository, '--key', 'k.pub').status, 0);
  rmSync(`${repository}/snapshots/${COMMIT}/model.sig`);
  rmSync(`${repository}/snapshots/${COMMIT}/claims.jsonl`);
  writeFileSync(join(repository, 'blobs', gitSha1(CONFIG)), CONFIG.replace('bert', 'bard'));
  const changed = run('verify', repository);
  assert.equal(changed.status, 1);
  assert.match(changed.all, /download-conflict.*config\.json/);
  rmSync(`${repository}/refs`, { recursive: true });
  assert.equal(run('verify', repository).status, 1);
  world.write(`.cache/huggingface/hub/models--acme--enc/snapshots/${'1'.repeat(40)}/x.json`, '{}');
  const several = run('verify', repository);
  assert.deepEqual([several.status, /has 2 snapshots/.test(several.all)], [2, true]);
});

test('a manifest of Ollama’s store is the layers it names: inspected, scanned, and each held against its digest', () => {
  const { folder, run, world } = home();
  const gguf = readFileSync('fixtures/formats/small/big-endian.gguf');
  const manifest = ollamaModelIn(world, 'tiny', 'latest', gguf);
  assert.match(run('inspect', manifest).all, /model\.gguf/);
  const scanned = run('scan', manifest, '--json');
  assert.match(scanned.all, /"path": "model\.gguf"/);
  const intact = run('verify', manifest);
  assert.equal(intact.status, 3);
  assert.match(intact.all, /4 of 4 files match/);
  const manifests = () => readdirSync(join(folder, '.ollama/models/manifests'), { recursive: true }).length;
  const before = manifests();
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  const sealed = run('seal', manifest, '--key', 'k.key', '--name', 'acme/tiny:1', '--fail-on', 'critical');
  assert.equal(sealed.status, 0, sealed.all);
  assert.equal(manifests(), before, 'Ollama takes every file there for a model');
  const signed = run('verify', manifest, '--key', 'k.pub');
  assert.deepEqual(
    [signed.status, /4 files match what a download tool recorded/.test(signed.all)],
    [0, true],
    signed.all,
  );
  assert.equal(run('verify', manifest, '--key', 'k.pub', '--to', 'out').status, 0);
  assert.deepEqual(readFileSync(join(folder, 'out', 'model.gguf')), gguf);
  for (const how of [[], ['--hash']]) {
    const listed = run('inventory', join(folder, '.ollama'), '--no-stores', '--key', 'k.pub', '--json', ...how);
    const { items } = JSON.parse(listed.out) as { items: readonly { signature: { by: string | null } | null }[] };
    assert.deepEqual([items.length, items[0]?.signature?.by?.startsWith('key ')], [1, true], listed.all);
  }
  const blob = join(folder, '.ollama/models/blobs', `sha256-${sha256(gguf)}`);
  const bytes = Buffer.from(gguf);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(blob, bytes);
  assert.match(run('verify', manifest, '--key', 'k.pub').all, /digest-mismatch.*model\.gguf/);
  rmSync(join(folder, '.ollama/models/weighmark'), { recursive: true });
  const changed = run('verify', manifest);
  assert.equal(changed.status, 1);
  assert.match(changed.all, /download-conflict.*model\.gguf/);
  rmSync(blob);
  const missing = run('verify', manifest);
  assert.deepEqual([missing.status, /whose blob is not there/.test(missing.all)], [4, true]);
});

test('a checkpoint of torch hub begins with the digits in its name; a date in a name is none', () => {
  const { run, world } = home();
  const bytes = weights(6);
  const folder = '.cache/torch/hub/checkpoints';
  const path = world.write(`${folder}/net-${sha256(bytes).slice(0, 8)}.pth`, bytes);
  const intact = run('verify', path);
  assert.deepEqual([intact.status, /1 of 1 file matches/.test(intact.all)], [3, true], intact.all);
  assert.equal(run('verify', world.write(`${folder}/net-20240131.pth`, bytes)).status, 3);
  writeFileSync(path, weights(7));
  const changed = run('verify', path);
  assert.deepEqual([changed.status, /download-conflict.*net-/.test(changed.all)], [1, true], changed.all);
});

test('a file below a folder called manifests that is no store of Ollama’s is just a file', () => {
  const { run, world } = home();
  const path = world.write('k8s/manifests/model.safetensors', weights(1));
  assert.match(run('inspect', path).all, /safetensors/);
});

/** A last byte that is another one. */
function change(location: string): void {
  const bytes = readFileSync(location);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  chmodSync(location, 0o644);
  writeFileSync(location, bytes);
}

test('a manifest of Docker Model Runner is the layers it names, under its tag; blob and manifest are held against their names', () => {
  const { folder, run, world } = home();
  const { manifest, blobs } = dockerModelIn(world, 'acme/tiny:1', {
    'm.gguf': readFileSync('fixtures/formats/small/big-endian.gguf'),
    'LICENSE.txt': 'Apache License\nVersion 2.0, January 2004',
  });
  assert.match(run('inspect', manifest).all, /m\.gguf/);
  assert.equal(run('scan', manifest).status, 0);
  const intact = run('verify', manifest);
  assert.deepEqual([intact.status, /3 of 3 files match what Docker Model Runner recorded/.test(intact.all)], [3, true]);
  const listed = run('inventory', join(folder, '.docker'), '--no-stores', '--hash');
  assert.match(listed.all, /acme\/tiny:1 .*docker-model-runner/);
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  assert.equal(run('seal', manifest, '--key', 'k.key').status, 0);
  assert.equal(run('verify', manifest, '--key', 'k.pub').status, 0);
  rmSync(join(folder, '.docker/models/weighmark'), { recursive: true });
  change(blobs[0] ?? '');
  assert.match(run('verify', manifest).all, /download-conflict.*m\.gguf/);
  assert.match(run('inventory', join(folder, '.docker'), '--no-stores', '--hash').all, /download-conflict.*m\.gguf/);
  change(manifest);
  assert.deepEqual(
    [run('verify', manifest).status, /download-conflict.*not the manifest/.test(run('verify', manifest).all)],
    [1, true],
  );
});

test('a version in MLflow’s registry is the model’s folder, found under the registry’s name; a note leads nowhere else', () => {
  const { folder, run, world } = home();
  const model = 'mlruns/0/models/m-0123456789abcdef0123456789abcdef/artifacts';
  world.write(`${model}/MLmodel`, 'flavors:\n  onnx:\n    onnx_version: 1.19.0\n');
  world.write(`${model}/model.safetensors`, weights(1));
  const meta = (at: string) => `name: clf\nstorage_location: file://${at}\nversion: 1\n`;
  world.write('mlruns/models/clf/version-1/meta.yaml', meta(join(folder, model)));
  const version = 'mlruns/models/clf/version-1';
  assert.match(run('inspect', version).all, /model\.safetensors/);
  assert.match(run('inventory', 'mlruns', '--no-stores').all, /^model +clf:1 .*mlflow$/m);
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  assert.equal(run('seal', version, '--key', 'k.key').status, 0);
  assert.equal(run('verify', version, '--key', 'k.pub').status, 0);
  change(join(folder, model, 'model.safetensors'));
  assert.match(run('verify', version, '--key', 'k.pub').all, /digest-mismatch.*model\.safetensors/);
  world.write('elsewhere/x.json', '{}');
  world.write('mlruns/models/clf/version-1/meta.yaml', meta(join(folder, 'elsewhere')));
  assert.deepEqual([run('verify', version).status, /lies elsewhere/.test(run('verify', version).all)], [2, true]);
});

test('ORG--NAME of ModelScope’s cache is its only snapshot; a Triton repository is its models, a cache of objects what they are', () => {
  const { folder, run, world } = home();
  world.write('.cache/modelscope/models/acme--enc/snapshots/master/config.json', CONFIG);
  world.write('.cache/modelscope/models/acme--enc/snapshots/master/model.safetensors', weights(1));
  world.write('triton/enc/config.pbtxt', 'name: "enc"\nplatform: "onnxruntime_onnx"\n');
  world.write('triton/enc/1/model.safetensors', weights(2));
  const md5 = createHash('md5').update(weights(3)).digest('hex');
  const object = `cache/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`;
  world.write(object, weights(3));
  assert.match(run('inspect', '.cache/modelscope/models/acme--enc').all, /model\.safetensors/);
  const listed = run('inventory', folder, '--no-stores', '--hash').all;
  for (const line of [/acme\/enc:master .*modelscope$/m, /^model +enc .*triton$/m, /^model .*dvc$/m])
    assert.match(listed, line);
  assert.match(run('verify', 'cache').all, /1 of 1 file matches what DVC recorded/);
  change(join(folder, object));
  assert.deepEqual(
    [run('verify', 'cache').status, /download-conflict/.test(run('inventory', 'cache', '--no-stores', '--hash').all)],
    [1, true],
  );
});

test('llama.cpp: a file is held against the Hub’s answer that lies beside it', () => {
  const { folder, run, world } = home();
  const bytes = readFileSync('fixtures/formats/small/big-endian.gguf');
  const about = { rfilename: 'q/tiny.gguf', size: bytes.length, lfs: { sha256: sha256(bytes), size: bytes.length } };
  const file = '.cache/llama.cpp/acme_tiny_q_tiny.gguf';
  world.write(file, bytes);
  world.write('.cache/llama.cpp/manifest=acme=tiny=latest.json', JSON.stringify({ ggufFile: about }));
  assert.match(run('verify', file).all, /1 of 1 file matches what llama\.cpp recorded/);
  change(join(folder, file));
  assert.match(run('verify', file).all, /download-conflict.*llama\.cpp/);
  assert.match(run('inventory', '.cache', '--no-stores', '--hash').all, /download-conflict/);
});

test('DVC’s note beside a file or a folder counts, and its list is found in the repository above', () => {
  const { folder, run, world } = home();
  const md5 = (bytes: string | Uint8Array) => createHash('md5').update(bytes).digest('hex');
  const list = JSON.stringify([{ md5: md5(CONFIG), relpath: 'config.json' }]);
  world.write('repo/m/enc/config.json', CONFIG);
  world.write('repo/m/enc.dvc', `outs:\n- md5: ${md5(list)}.dir\n  path: enc\n`);
  world.write(`repo/.dvc/cache/files/md5/${md5(list).slice(0, 2)}/${md5(list).slice(2)}.dir`, list);
  world.write('repo/x.bin', 'abc');
  world.write('repo/x.bin.dvc', `outs:\n- md5: ${md5('abc')}\n  size: 3\n  path: x.bin\n`);
  world.write('repo/dvc.lock', `stages:\n  t:\n    deps:\n    - path: x.bin\n      md5: ${md5('before')}\n`);
  assert.match(run('verify', 'repo/m/enc').all, /1 of 1 file matches what DVC recorded/);
  assert.match(run('verify', 'repo/x.bin').all, /1 of 1 file matches what DVC recorded/);
  assert.equal(run('verify', 'repo').status, 3, 'what a stage read may be edited');
  change(join(folder, 'repo/m/enc/config.json'));
  change(join(folder, 'repo/x.bin'));
  assert.match(run('verify', 'repo/m/enc').all, /download-conflict.*config\.json is not what DVC recorded/);
  assert.match(run('verify', 'repo/x.bin').all, /download-conflict.*x\.bin is not what DVC recorded/);
});
