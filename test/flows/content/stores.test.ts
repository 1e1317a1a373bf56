import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BARE, PROGRAM } from '../../program.ts';
import { COMMIT, gitSha1, hubModel, ollamaModelIn, sha256, storesWorld, weights } from '../load/stores-world.ts';

function home() {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-stores-'));
  const run = (...words: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
      cwd: folder,
      env: { ...BARE, HOME: folder },
      encoding: 'utf8',
    });
    return { status, all: stdout + stderr };
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
  const blob = join(folder, '.ollama/models/blobs', `sha256-${sha256(gguf)}`);
  const bytes = Buffer.from(gguf);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(blob, bytes);
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
  assert.deepEqual([intact.status, /1 of 1 files match/.test(intact.all)], [3, true], intact.all);
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
