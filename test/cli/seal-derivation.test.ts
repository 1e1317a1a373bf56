import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { keyLine } from '../public-key.ts';
import { heldToSchema } from './schema.ts';
import { mustRunIn, runIn, type Ended } from './started.ts';

/** Made with ggml's own quantiser (fixtures/weights/make-quantised.py). */
const QUANTISED = resolve('fixtures/weights/quantised');
const STEP = ['--step', 'quantize', '--key', 'anna.key'];
let folder = '';

const run = (args: readonly string[]): Ended => runIn(folder, args);
const must = (args: readonly string[]): string => mustRunIn(folder, args);

function child(name: string, file = 'plain.gguf'): string {
  mkdirSync(join(folder, name));
  copyFileSync(join(QUANTISED, file), join(folder, name, 'model.gguf'));
  // The same content would be the same artifact, of which everything said counts.
  writeFileSync(join(folder, name, 'config.json'), JSON.stringify({ name }));
  return name;
}

interface Sealed {
  readonly derivation: { readonly word: string | null; readonly parent: string } | null;
  readonly claims: readonly string[];
  readonly written: boolean;
}

function seal(args: readonly string[]): Sealed {
  return heldToSchema('seal', must(['seal', ...args, ...STEP, '--json'])) as unknown as Sealed;
}

function policy(name: string, rule: string): string {
  const key = (person: string): string => keyLine(readFileSync(join(folder, `${person}.pub`), 'utf8'));
  const people = ['anna', 'ci'].map((person) => `  ${person}: { keys: ["${key(person)}"] }`).join('\n');
  const text = `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2099-01-01\nprincipals:\n${people}\nroles:\n  trainer: [anna]\n  evaluator: [ci]\n  promoter: [ci]\nleaves: [{ sha256: ${parentId}, role: base-model, reason: looked at, expires: 2099-01-01 }]\nenvironments:\n  - name: staging\n    ${rule}\n`;
  writeFileSync(join(folder, name), text);
  return name;
}

let parentId = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-derived-'));
  for (const name of ['anna', 'ci']) must(['keygen', name, '--no-password']);
  must(['registry', 'init', 'reg']);
  mkdirSync(join(folder, 'parent'));
  copyFileSync(join(QUANTISED, 'parent.gguf'), join(folder, 'parent', 'base.gguf'));
  copyFileSync(join(QUANTISED, 'importance.gguf'), join(folder, 'importance.gguf'));
  must(['seal', 'parent', '--key', 'anna.key', '--name', 'acme/base:1']);
  parentId = must(['push', 'parent']).trim().split('@sha256:')[1] ?? '';
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('a step whose parent and child are at hand is recomputed, and the outcome signed apart from the claim', () => {
  const sealed = seal([child('plain'), '--input', 'base-model=acme/base:1', '--name', 'acme/q:1']);
  assert.deepEqual([sealed.derivation?.word, sealed.derivation?.parent], ['recomputed', 'acme/base:1']);
  assert.ok(sealed.claims.includes('verified derivation') && sealed.claims.includes('provenance (quantize)'));
  assert.equal(seal(['plain', '--input', 'base-model=acme/base:1', '--name', 'acme/q:1']).written, false, 'a repeat');
  const verified = must(['verify', 'plain', '--key', 'anna.pub']);
  assert.match(verified, /verified derivation \(quantize: recomputed\) by/);
  assert.doesNotMatch(verified, /nobody recomputed it/);
  must(['push', 'plain']);
  const said = must(['lineage', 'acme/q:1', '--policy', policy('any.yaml', 'lineage: { required: true }')]);
  assert.match(said, /quantized acme\/base:1 .*verified: recomputed, by anna/);
  heldToSchema('lineage', must(['lineage', 'acme/q:1', '--policy', 'any.yaml', '--json']));
});

test('from a path too; the importance matrix is an input, and without it the word is weaker', () => {
  const inputs = ['--input', 'base-model=./parent'];
  const matrix = [...inputs, '--input', 'config=./importance.gguf'];
  assert.equal(seal([child('with', 'plain-importance.gguf'), ...matrix]).derivation?.word, 'recomputed');
  assert.equal(seal([child('without', 'plain-importance.gguf'), ...inputs]).derivation?.word, 'bounded');
});

test('a tensor that is not from the parent: nobody signs that it is, unless the claim alone is wanted', () => {
  const bad = child('tampered');
  const bytes = readFileSync(join(folder, bad, 'model.gguf'));
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 0x55;
  writeFileSync(join(folder, bad, 'model.gguf'), bytes);
  const args = ['seal', bad, '--input', 'base-model=./parent', ...STEP];
  const { status, stdout, stderr } = run(args);
  assert.equal(status, 1, stdout + stderr);
  assert.match(stderr, /not-derived/);
  assert.equal(run(['verify', bad, '--key', 'anna.pub']).status, 3, 'nothing was written');
  must([...args, '--no-recompute']);
  assert.match(must(['verify', bad, '--key', 'anna.pub']), /claimed .*quantize of \.\/parent.*nobody recomputed it/);
});

test('a parent of which the digest alone is known is claimed alone', () => {
  assert.equal(seal([child('digest'), '--input', `base-model=sha256:${parentId}`]).derivation, null);
});

test('policy: a step must be recomputed, by whom it says; a claim alone does not do', () => {
  const promote = (tag: string, file: string) =>
    run(['promote', tag, '--env', 'staging', '--policy', file, '--key', 'ci.key', '--dry-run']);
  const inputs = ['--input', 'base-model=acme/base:1'];
  for (const [tag, name, file, more] of [
    ['acme/p:1', 'p1', 'plain.gguf', []],
    ['acme/p:2', 'p2', 'plain.gguf', ['--no-recompute']],
    ['acme/p:3', 'p3', 'plain-importance.gguf', []],
  ] as const) {
    must(['seal', child(name, file), ...inputs, ...STEP, '--name', tag, ...more]);
    must(['push', name]);
  }
  const strict = policy('strict.yaml', 'derivation: { quantize: recomputed }');
  assert.equal(promote('acme/p:1', strict).status, 0, promote('acme/p:1', strict).stderr);
  for (const [tag, why] of [
    ['acme/p:2', /derivation-claimed.*nobody who may say so recomputed it from acme\/base/s],
    ['acme/p:3', /derivation-claimed.*it is bounded, says anna/s],
  ] as const) {
    const { status, stdout, stderr } = promote(tag, strict);
    assert.equal(status, 1, tag);
    assert.match(stdout + stderr, why);
  }
  const others = policy('others.yaml', 'derivation: { quantize: nearest, role: evaluator }');
  const byOthers = promote('acme/p:1', others);
  assert.match(byOthers.stdout + byOthers.stderr, /nobody in the role evaluator/);
  assert.equal(promote('acme/p:2', policy('convert.yaml', 'derivation: { convert: recomputed }')).status, 0);
});

/** Real children: mergekit's merges with their recipes, and a LoRA that PEFT merged. */
function weightsOf(path: string, name = path.replaceAll('/', '-')): string {
  cpSync(resolve('fixtures/weights', path), join(folder, name), { recursive: true });
  return name;
}

function stepOf(path: string, step: string, inputs: readonly string[]): Sealed {
  const more = inputs.flatMap((input) => ['--input', input]);
  return heldToSchema(
    'seal',
    must(['seal', path, ...more, '--step', step, '--key', 'anna.key', '--json']),
  ) as unknown as Sealed;
}

test('a merge is recomputed from all the models it names, each of which is then verified', () => {
  for (const name of ['base', 'a', 'b']) weightsOf(`merges/${name}`, name);
  const inputs = ['base', 'a', 'b'].map((name) => `base-model=./${name}`);
  const ties = stepOf(weightsOf('merges/ties'), 'merge', inputs);
  assert.deepEqual([ties.derivation?.word, ties.derivation?.parent], ['recomputed', './base and ./a and ./b']);
  const verified = must(['verify', 'merges-ties', '--key', 'anna.pub']);
  assert.match(verified, /verified derivation \(merge: recomputed\) by/);
  assert.doesNotMatch(verified, /nobody recomputed it/);
  const lacking = stepOf(weightsOf('merges/linear'), 'merge', inputs.slice(0, 2));
  assert.equal(lacking.derivation?.word, null, 'a model that the recipe names was not given');
});

test('a merged adapter is recomputed from base and adapter, however the step is called', () => {
  for (const part of ['base', 'adapter']) weightsOf(`adapters/bf16/${part}`, `lora-${part}`);
  const inputs = ['base-model=./lora-base', 'adapter=./lora-adapter'];
  for (const step of ['merge', 'adapter-merge'])
    assert.equal(stepOf(weightsOf('adapters/bf16/child', `lora-${step}`), step, inputs).derivation?.word, 'recomputed');
  const other = weightsOf('adapters/bf16/base', 'lora-not');
  writeFileSync(join(folder, other, 'README.md'), 'the base, said to be the merge');
  const refused = run([
    'seal',
    other,
    '--key',
    'anna.key',
    '--step',
    'adapter-merge',
    ...inputs.flatMap((input) => ['--input', input]),
  ]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /not-derived/);
});

test('resharding and casting are held to what they promise', () => {
  weightsOf('merges/a', 'whole');
  const copy = weightsOf('merges/a', 'copy');
  writeFileSync(join(folder, copy, 'README.md'), 'the same weights');
  assert.equal(stepOf(copy, 'reshard', ['base-model=./whole']).derivation?.word, 'equal');
  assert.equal(stepOf(weightsOf('merges/a', 'cast'), 'cast', ['base-model=./whole']).derivation?.word, 'equal');
  const other = weightsOf('merges/b', 'other');
  for (const step of ['reshard', 'cast'])
    assert.equal(
      run(['seal', other, '--key', 'anna.key', '--step', step, '--input', 'base-model=./whole']).status,
      1,
      step,
    );
});
