import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import * as library from '../../src/index.ts';
import { mustBeSilent } from './silent.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-artifacts-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mustBeSilent();

const KIN = 'fixtures/weights/kin';
const MERGES = 'fixtures/weights/merges';

function artifact(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

async function person(name: string) {
  const made = await library.keygen(join(folder, name));
  const pem = readFileSync(made.publicKey, 'utf8');
  return { signer: await library.keySigner(made.privateKey), trust: [{ name, anchor: { kind: 'key' as const, pem } }] };
}

/** An empty registry, and the key of its log. */
async function registryAt(name: string) {
  const [env, logKeyFile] = [{ HOME: folder }, join(folder, `${name}-log.key`)];
  const { location, vkeys } = await library.initRegistry(join(folder, name), { env, logKeyFile });
  return library.openRegistry(location, { env, logVkeys: vkeys, logKeyFile });
}

test('diff says what changed between paths and artifacts of a registry, and refuses a name without a registry', async () => {
  const [a, b] = [artifact('a', { 'config.json': '{"x":1}' }), artifact('b', { 'config.json': '{"x":2}' })];
  assert.equal((await library.diff(a, a)).differs, false);
  const registry = await registryAt('diffed');
  await library.push(b, registry, { as: 'b:1' });
  const { differs, files } = await library.diff(a, 'b:1', { registry });
  assert.deepEqual([differs, files.map(({ path, kind }) => [path, kind])], [true, [['config.json', 'changed']]]);
  await assert.rejects(library.diff(a, 'b:1'), { code: 'usage' });
  await assert.rejects(library.diff(a, 'oci://elsewhere.example/b:1', { registry }), { code: 'usage' });
  await assert.rejects(library.diff(a, join(folder, 'nothing')), { code: 'not-found' });
});

test('diff says what the weights are to each other', async () => {
  const { weights } = await library.diff(`${KIN}/child-a`, `${KIN}/child-a-Q8_0.gguf`);
  assert.ok(weights?.is === 'derived' && weights.made === 'b');
});

test('derive recomputes a step, and refuses another parent and what would be passed over', async () => {
  const merged = [`${MERGES}/a`, `${MERGES}/b`];
  const honest = await library.derive(`${MERGES}/ties`, `${MERGES}/base`, { step: 'merge', merged });
  assert.deepEqual([honest.word, honest.verdict.outcome], ['recomputed', 'verified']);
  const other = await library.derive(`${KIN}/child-a-Q8_0.gguf`, `${KIN}/other`);
  assert.equal(other.verdict.exitCode, 1);
  await assert.rejects(library.derive(`${MERGES}/ties`, `${MERGES}/base`, { merged }), { code: 'usage' });
  await assert.rejects(library.derive(`${MERGES}/ties`, `${MERGES}/base`, { step: 'merge' }), { code: 'usage' });
});

test('kin names the likeliest base, or that none is', async () => {
  const found = await library.kin(`${KIN}/lora`, [`${KIN}/other`, `${KIN}/base`]);
  assert.equal(found.likeliest, `${KIN}/base`);
  const none = await library.kin(`${KIN}/other`, [`${KIN}/base`]);
  assert.deepEqual([none.likeliest, none.verdict.exitCode], [null, 1]);
  await assert.rejects(library.kin(`${KIN}/lora`, []), { code: 'usage' });
});

test('inventory looks where it is told and nowhere else, and holds what it finds to trust and feeds', async () => {
  const place = artifact('machine', {});
  mkdirSync(join(place, 'model'));
  copyFileSync(`${KIN}/base/model.safetensors`, join(place, 'model', 'model.safetensors'));
  const anna = await person('inventory-anna');
  await library.sign(join(place, 'model'), { signer: anna.signer });
  const { items, broken } = await library.inventory({ paths: [place], trust: anna.trust, hash: true });
  assert.deepEqual(
    [items.map(({ signature }) => [signature?.by, signature?.content]), broken],
    [[['inventory-anna', 'verified']], []],
  );
  assert.equal((await library.inventory({ paths: [place] })).items[0]?.signature?.by, null);
  const snapshot = join(place, '.cache/huggingface/hub/models--acme--demo/snapshots', '0'.repeat(40));
  mkdirSync(snapshot, { recursive: true });
  copyFileSync(`${KIN}/base/model.safetensors`, join(snapshot, 'model.safetensors'));
  const home = await library.inventory({ stores: { HOME: place } });
  assert.deepEqual(
    home.items.filter(({ location }) => location.startsWith(place)).map(({ store, name }) => [store, name]),
    [['hugging-face', 'acme/demo']],
    'a folder of a home is no store',
  );
  const digest = sha256Hex(readFileSync(join(place, 'model', 'model.safetensors')));
  writeFileSync(join(folder, 'bad.txt'), `${digest}  model.safetensors\n`);
  const known = await library.inventory({
    paths: [join(place, 'model')],
    hash: true,
    feeds: [join(folder, 'bad.txt')],
  });
  assert.equal(known.items[0]?.known.length, 1);
  await assert.rejects(library.inventory({}), { code: 'usage' });
  await assert.rejects(library.inventory({ stores: {} }), { code: 'usage' });
  await assert.rejects(library.inventory({ paths: [join(folder, 'nothing')] }), { code: 'not-found' });
});

test('sign writes the signature that verify takes, and none for an empty folder', async () => {
  const [anna, model] = [await person('sign-anna'), artifact('signed', { 'a.txt': 'x' })];
  const made = await library.sign(model, { signer: anna.signer });
  assert.deepEqual([made.files, made.sizeBytes, existsSync(made.signature)], [1, 1, true]);
  assert.equal((await library.verify(model, { trust: anna.trust })).verdict.outcome, 'verified');
  await assert.rejects(library.sign(artifact('empty', {}), { signer: anna.signer }), { code: 'empty-artifact' });
  await assert.rejects(library.sign(model, { signer: anna.signer, shardBytes: 1 }), { code: 'usage' });
});

test('a BOM is made, valid, held against the files and compared; what changed is told', async () => {
  const model = artifact('described', { 'config.json': '{"model_type":"bert"}', 'README.md': 'hello' });
  const stated = { statedBy: 'anna', licence: 'MIT' };
  const [first, second] = [await library.createBom(model), await library.createBom(model, { stated })];
  const [a, b] = [join(folder, 'a.cdx.json'), join(folder, 'b.cdx.json')];
  writeFileSync(a, first.bytes);
  writeFileSync(b, second.bytes);
  assert.equal((await library.validateBom(a)).verdict.outcome, 'verified');
  assert.equal((await library.validateBom(a, ['g7'])).verdict.exitCode, 1);
  assert.equal((await library.verifyBom(a, model)).outcome, 'verified');
  assert.ok((await library.diffBoms(a, b)).changes.length > 0);
  assert.ok((await library.toSpdx(first.bom))['@graph'].length > 0);
  writeFileSync(join(model, 'README.md'), 'hellO');
  const refused = library.findingsOf(await library.verifyBom(a, model));
  assert.equal(refused[0]?.code, 'digest-mismatch');
  await assert.rejects(library.createBom(model, { timestamp: 'yesterday' }), { code: 'usage' });
  await assert.rejects(library.validateBom(join(model, 'README.md')), { code: 'bom-invalid' });
});

test('list, copy and impact say what lies where, who put it there and what was made of it', async () => {
  const anna = await person('copy-anna');
  const [source, target] = [await registryAt('source'), await registryAt('target')];
  const [data, model] = [artifact('data', { 'rows.csv': 'a,b\n1,2\n' }), artifact('model', { 'weights.bin': 'w' })];
  const made = await library.seal(data, { signer: anna.signer, name: 'data:1' });
  await library.push(data, source);
  const step = { step: 'train' as const, inputs: ['dataset=data:1'] };
  const { id } = await library.seal(model, { signer: anna.signer, name: 'model:1', step, registry: source });
  await library.push(model, source);

  const names = await library.list(source);
  assert.deepEqual([names.artifacts.map(({ name }) => name).toSorted(), names.pushes], [['data', 'model'], undefined]);
  const who = await library.list(source, { name: 'model', trust: anna.trust });
  assert.deepEqual([who.pushes?.map(({ actor }) => actor.name), who.problem], [['copy-anna'], null]);

  const { copied } = await library.copy('model:1', { source, target });
  assert.deepEqual(copied.map(({ name, role }) => `${role} ${name}`).toSorted(), ['ancestor data', 'asked model']);
  assert.deepEqual((await library.list(target)).artifacts.map(({ name }) => name).toSorted(), ['data', 'model']);
  await assert.rejects(library.copy('none:1', { source, target }), { code: 'not-found' });
  await assert.rejects(library.copy('./model', { source, target }), { code: 'usage' });

  for (const ref of ['data:1', data, made.id ?? '']) {
    const found = await library.impact(ref, { registry: target, trust: anna.trust });
    assert.deepEqual(
      found.descendants.map((each) => [each.id, each.word]),
      [[id, 'trained-on']],
    );
  }
  const asked = { registry: target, trust: anna.trust };
  const held = await library.impactOfRecord('data:1', '1,2', asked);
  assert.deepEqual([held.record.holders.length, held.descendants.map((each) => each.id)], [1, [id]]);
  assert.deepEqual((await library.impactOfRecord('data:1', '9,9', asked)).record.holders, []);
  await assert.rejects(library.impactOfRecord('./data', '1,2', asked), { code: 'usage' });
  await assert.rejects(library.impactOfRecord('data:1', '1\n2', asked), { code: 'usage' });
  await assert.rejects(library.impact('data:1', { registry: target }), { code: 'trust-missing' });
  await assert.rejects(library.impact('data:1', { registry: target, trust: [] }), { code: 'trust-missing' });
  const swept = await library.collectGarbage(target, { olderThanHours: 0 });
  assert.ok(swept.kept > 0);
  assert.equal((await library.list(target)).artifacts.length, 2);
  await assert.rejects(library.collectGarbage(target, { olderThanHours: Number.NaN }), { code: 'usage' });
});

test('impactOfWeights finds what has the same weights, and refuses what is no digest of any', async () => {
  const [anna, registry] = [await person('weights-anna'), await registryAt('weights')];
  const model = artifact('weighed', {});
  copyFileSync(`${KIN}/base/model.safetensors`, join(model, 'model.safetensors'));
  const { id } = await library.seal(model, { signer: anna.signer, name: 'weighed:1' });
  await library.push(model, registry);
  const asked = { registry, trust: anna.trust };
  const { weights } = await library.impactOfWeights(`${KIN}/base`, asked);
  assert.deepEqual(
    weights.holders.map((holder) => [holder.id, holder.signedBy?.startsWith('key SHA256:')]),
    [[id, true]],
  );
  assert.deepEqual((await library.impactOfWeights(`${KIN}/other`, asked)).weights.holders, []);
  await assert.rejects(library.impactOfWeights('sha256:00', asked), { code: 'usage' });
});
