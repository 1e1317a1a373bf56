import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import { ATTACHMENTS } from '../../src/domain/registry/referrer.ts';
import { heldToSchema } from './schema.ts';
import { mustRunIn, runIn, type Ended } from './started.ts';

const CONTAINERS = resolve('fixtures/weights/containers');
const KEY = ['--key', 'anna.pub'];
let folder = '';

const run = (args: readonly string[]): Ended => runIn(folder, args);
const must = (args: readonly string[]): string => mustRunIn(folder, args);

interface Said {
  readonly scope: string;
  readonly outcome: string;
  readonly by: string | null;
  readonly weights: {
    readonly as: { readonly name: string } | null;
    readonly sets: readonly { readonly by: string; readonly of: string }[];
    readonly unsigned: readonly string[];
  };
  readonly checks: readonly { readonly findings?: readonly { readonly code: string; readonly message: string }[] }[];
}

function ask(copy: string, as: string, expected: number, trust: readonly string[] = KEY): Said {
  const { status, stdout, stderr } = run(['verify', copy, '--as', as, ...trust, '--json']);
  assert.equal(status, expected, stderr + stdout);
  const { verdicts } = heldToSchema('verify', stdout) as unknown as { verdicts: readonly [Said] };
  return verdicts[0];
}

function findings({ checks }: Said): readonly string[] {
  return checks.flatMap(({ findings: found = [] }) => found.map(({ code, message }) => `${code}: ${message}`));
}

/** A folder with a copy of a container's file, and others that nobody signed. */
function copyOf(container: string, name: string): string {
  const place = join(folder, `copy-${container.replaceAll('.', '-')}`);
  mkdirSync(place, { recursive: true });
  copyFileSync(join(CONTAINERS, container), join(place, name));
  writeFileSync(join(place, 'config.json'), '{"auto_map":{}}');
  return place;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-as-'));
  for (const name of ['anna', 'mallory']) must(['keygen', name, '--no-password']);
  must(['registry', 'init', 'reg']);
  mkdirSync(join(folder, 'm'));
  copyFileSync(join(CONTAINERS, 'plain.safetensors'), join(folder, 'm', 'model.safetensors'));
  must(['seal', 'm', '--key', 'anna.key', '--name', 'acme/m:1']);
  const [, id = ''] = must(['push', 'm']).trim().split('@');
  const signal = new AbortController().signal;
  const registry = await createRegistries({ env: { HOME: folder }, cwd: folder, signal, offline: true }).open(
    join(folder, 'reg'),
  );
  await registry.putAttachment('acme/m', id, ATTACHMENTS.weights, readFileSync(join(folder, 'm/.weighmark/weights')));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('another container, other shards: the weights somebody signed, in files nobody did', () => {
  for (const [container, name] of [
    ['plain.gguf', 'model.gguf'],
    ['plain.npz', 'model.npz'],
    ['strided-view.pt', 'pytorch_model.bin'],
    ['legacy.pt', 'old.pt'],
    ['raw.onnx', 'model.onnx'],
  ] as const) {
    const said = ask(copyOf(container, name), 'm', 0);
    assert.deepEqual([said.scope, said.outcome], ['weights', 'verified'], container);
    assert.match(said.by ?? '', /^key SHA256:/);
    assert.equal(said.weights.as?.name, 'acme/m');
    assert.deepEqual(said.weights.unsigned, ['config.json'], container);
  }
  const shards = join(folder, 'shards');
  mkdirSync(shards);
  for (const part of ['00001', '00002'])
    copyFileSync(
      join(CONTAINERS, `sharded-${part}-of-00002.safetensors`),
      join(shards, `x-${part}-of-00002.safetensors`),
    );
  assert.deepEqual(ask(shards, 'm', 0).weights.sets[0]?.by, 'names');
  const text = must(['verify', shards, copyOf('plain.npz', 'model.npz'), '--as', 'm', ...KEY]);
  assert.match(text, /nobody signed 1 other file: config\.json/);
  assert.match(text, /VERIFIED \(weights\): .*shards holds the weights that key SHA256:.* signed as acme\/m/);
});

test('from a registry, by tag and by digest', () => {
  const copy = copyOf('plain.gguf', 'model.gguf');
  for (const as of ['acme/m:1', `acme/m@${must(['list']).trim().split(/[@ ]/)[1]}`])
    assert.equal(ask(copy, as, 0).weights.as?.name, 'acme/m');
});

test('each tensor that is another is named: changed, swapped, missing, more', () => {
  for (const [container, expected] of [
    ['other-one-bit.safetensors', /^weights-differ: m\.safetensors: \w+ is not the tensor that was signed/],
    ['other-zero-sign.safetensors', /^weights-differ: m\.safetensors: \w+ is not the tensor/],
    ['other-nan-payload.safetensors', /^weights-differ: m\.safetensors: \w+ is not the tensor/],
    ['other-transposed-square.safetensors', /^weights-differ: m\.safetensors: \w+ is not the tensor/],
    ['other-swapped-names.safetensors', /^weights-differ: m\.safetensors: \w+ is not the tensor/],
    [
      'sharded-00001-of-00002.safetensors',
      /^weights-differ: m\.safetensors: \w+ was signed \(model\.safetensors\) and is not there/,
    ],
  ] as const) {
    const said = ask(copyOf(container, 'm.safetensors'), 'm', 1);
    assert.match(findings(said)[0] ?? '', expected, container);
    assert.equal(said.outcome, 'failed');
  }
  assert.equal(ask(copyOf('other-tied-copy.safetensors', 'm.safetensors'), 'm', 0).weights.sets[0]?.by, 'set');
  const more = ask(copyOf('dtypes.safetensors', 'm.safetensors'), 'm', 1);
  assert.ok(findings(more).some((each) => each.endsWith('was not signed')));
});

test('who signed it, whether anybody did, and what lies there decide in this order', () => {
  const copy = copyOf('plain.npz', 'model.npz');
  ask(copy, 'm', 1, ['--key', 'mallory.pub']);
  mkdirSync(join(folder, 'bare'));
  copyFileSync(join(CONTAINERS, 'plain.safetensors'), join(folder, 'bare', 'model.safetensors'));
  assert.equal(ask(copy, 'bare', 3).outcome, 'nothing');
  assert.equal(run(['verify', copy, '--as', 'm']).status, 2, 'nobody to trust was named');
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'empty', 'README.md'), 'no weights');
  ask(join(folder, 'empty'), 'm', 3);
  for (const more of [
    ['--only', '*'],
    ['--env', 'prod'],
    ['--policy', 'p.yaml'],
    ['--to', 'x'],
    ['--ignore', 'x'],
  ])
    assert.equal(run(['verify', copy, '--as', 'm', ...KEY, ...more]).status, 2, more.join(' '));
  assert.equal(run(['verify', 'acme/m:1', '--as', 'm', ...KEY]).status, 2);
});

test('the list that lies there must be the one that was signed', () => {
  const copy = copyOf('plain.npz', 'model.npz');
  must(['pull', 'acme/m:1', 'taken']);
  const place = join(folder, 'again');
  mkdirSync(join(place, '.weighmark'), { recursive: true });
  for (const file of ['model.safetensors', 'claims.jsonl']) copyFileSync(join(folder, 'm', file), join(place, file));
  assert.deepEqual(findings(ask(copy, 'again', 4)), [
    'weights-unlisted: the list of weights that was signed with again is not there',
  ]);
  const list = readFileSync(join(folder, 'm', '.weighmark', 'weights'), 'utf8');
  writeFileSync(join(place, '.weighmark', 'weights'), list.replace(/^weights .*$/m, 'weights other.safetensors'));
  ask(copy, 'again', 4);
  writeFileSync(join(place, '.weighmark', 'weights'), list);
  ask(copy, 'again', 0);
});
