import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import { findArtifacts } from '../../../src/flows/load/find-artifacts.ts';
import { largeFileReader } from '../../../src/flows/content/large-files.ts';
import { look } from '../../../src/flows/load/look.ts';
import type { InventoryItem } from '../../../src/flows/load/inventory-types.ts';
import { heldToSchema } from '../../cli/schema.ts';
import { BARE, PROGRAM } from '../../program.ts';
import { keyLine } from '../../public-key.ts';
import { COMMIT, everyStore, gitSha1, hubModel, ollamaModelIn, sha256, storesWorld, weights } from './stores-world.ts';

interface Answer {
  readonly status: number | null;
  readonly items: readonly InventoryItem[];
  readonly broken: readonly { readonly subject: string; readonly code: string }[];
}

function home() {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-inventory-'));
  const world = storesWorld(folder);
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...words], {
      cwd: folder,
      env: { ...BARE, HOME: folder, XDG_CONFIG_HOME: join(folder, '.config') },
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
  const take = (...words: readonly string[]): Answer => {
    const { status, stdout, stderr } = run('inventory', ...words, '--json');
    assert.ok(stdout.startsWith('{'), stderr);
    return { status, ...(heldToSchema('inventory', stdout) as unknown as Omit<Answer, 'status'>) };
  };
  const own = (items: readonly InventoryItem[]) => items.filter(({ location }) => location.startsWith(folder));
  return { ...world, folder, run, take, own };
}

test('one of each store, and nothing else, by what it is', () => {
  const { write, home: root, take, own } = home();
  everyStore({ write, home: root });
  ollamaModelIn({ write, home: root }, 'tiny', 'latest', readFileSync('fixtures/formats/small/big-endian.gguf'));
  write('data/sums.bin', 'no model');
  write('web/config.json', '{"port":80}');
  write('.local/lib/python3.13/site-packages/paths.pth', './elsewhere\n');
  write('.local/lib/python3.13/site-packages/loose.pth', weights(5));
  rmSync(join(root, 'gguf'));
  const { status, items, broken } = take('data', 'web');
  assert.deepEqual(broken, []);
  assert.equal(status, 0);
  const seen = own(items).map(({ store, kind, name, formats }) => [store, kind, name, formats.join()].join(' '));
  assert.deepEqual(seen.toSorted(), [
    'agent-skills skill pdf markdown',
    'hugging-face model acme/enc safetensors',
    'llama.cpp model acme_tiny_tiny-Q8.gguf gguf',
    'lm-studio model tiny-Q4.gguf gguf',
    'mlflow model artifacts safetensors',
    'node-package model @acme/vad safetensors',
    'ollama model tiny gguf',
    'python-package model loose.pth safetensors',
    'python-package model pkg/models/small.safetensors safetensors',
    `torch-hub model net-${sha256(weights(2)).slice(0, 8)}.pth safetensors`,
  ]);
  const hub = items.find(({ store }) => store === 'hugging-face');
  assert.deepEqual([hub?.version, hub?.aliases, hub?.licences], [COMMIT, ['main'], ['MIT']]);
  assert.deepEqual(
    hub?.digests.find(({ path }) => path === 'model.safetensors'),
    { path: 'model.safetensors', algorithm: 'sha256', hex: sha256(weights(1)), from: 'recorded' },
  );
});

test('sealed or not, and by whom, if somebody trusted: without reading the weights; with --hash, what the bytes are', () => {
  const { write, run, take } = home();
  assert.equal(run('keygen', 'anna', '--no-password').status, 0);
  assert.equal(run('keygen', 'tom', '--no-password').status, 0);
  write('models/enc/model.safetensors', weights(1));
  write('models/enc/config.json', '{}');
  write('models/plain.safetensors', weights(2));
  write(`models/.enc.0123456789ab.${'0'.repeat(24)}.part/tree/model.safetensors`, weights(4));
  assert.equal(run('seal', 'models/enc', '--name', 'acme/enc:1', '--key', 'anna.key').status, 0);
  const ask = (...words: readonly string[]) => take('models', '--no-stores', ...words);
  const [enc, plain] = ask('--key', 'anna.pub').items;
  assert.deepEqual([plain?.signature, plain?.id], [null, undefined]);
  assert.deepEqual([enc?.signature?.content, enc?.idFrom], ['unread', 'sealed']);
  assert.match(enc?.signature?.by ?? '', /^key SHA256:/);
  assert.equal(ask('--key', 'tom.pub').items[0]?.signature?.by, null);
  const whole = ask('--key', 'anna.pub', '--hash');
  assert.deepEqual([whole.status, whole.items[0]?.signature?.content, whole.items[0]?.id], [0, 'verified', enc?.id]);
  write('models/enc/model.safetensors', weights(3));
  assert.equal(ask('--key', 'anna.pub').status, 0);
  const changed = ask('--key', 'anna.pub', '--hash');
  assert.deepEqual(
    [changed.status, changed.items[0]?.findings.map(({ code, subject }) => `${code} ${subject}`)],
    [1, ['digest-mismatch model.safetensors']],
  );
});

test('one changed byte in a store is named by --hash against what the store recorded', () => {
  const { write, home: root, take } = home();
  const repository = hubModel({ write, home: root }, 'acme/enc', {
    'config.json': '{"a":1}',
    'model.safetensors': weights(1),
  });
  const manifest = ollamaModelIn({ write, home: root }, 'tiny', 'latest', weights(2));
  write('repo/big.safetensors', weights(7));
  write(
    'repo/big.safetensors.dvc',
    `outs:\n- md5: ${'0'.repeat(32)}\n  size: 1\n  hash: md5\n  path: big.safetensors\n`,
  );
  const intact = take('--hash');
  assert.deepEqual(
    intact.items.flatMap(({ findings }) => findings),
    [],
  );
  writeFileSync(join(repository, 'blobs', gitSha1('{"a":1}')), '{"a":2}');
  writeFileSync(join(root, '.ollama/models/blobs', `sha256-${sha256(weights(2))}`), weights(3));
  const { status, items } = take('repo', '--hash');
  assert.equal(status, 1);
  assert.deepEqual(
    items
      .flatMap(({ store, findings }) => findings.map(({ code, subject }) => `${store} ${code} ${subject}`))
      .toSorted(),
    [
      'dvc download-conflict big.safetensors',
      'hugging-face download-conflict config.json',
      'ollama download-conflict model.gguf',
    ],
  );
  assert.ok(manifest.endsWith('tiny/latest'));
});

test('what is broken is told, and hides no other: undecided, not a no', () => {
  const { write, home: root, take } = home();
  hubModel({ write, home: root }, 'acme/good', { 'model.safetensors': weights(1) });
  const half = hubModel({ write, home: root }, 'acme/half', { 'model.safetensors': weights(2) });
  rmSync(join(half, 'blobs'), { recursive: true });
  write('.ollama/models/manifests/registry.ollama.ai/library/bad/latest', '{"layers":[{"digest":"sha256:x"}]}');
  ollamaModelIn({ write, home: root }, 'good', 'latest', weights(3));
  mkdirSync(join(root, 'loop'));
  symlinkSync('..', join(root, 'loop', 'up'));
  write('loop/w.safetensors', weights(4));
  const { status, items, broken } = take('loop');
  assert.equal(status, 4);
  assert.deepEqual(
    items
      .filter(({ store }) => store !== 'python-package')
      .map(({ name }) => name)
      .toSorted(),
    ['acme/good', 'good', 'w.safetensors'],
  );
  assert.deepEqual(broken.map(({ subject }) => subject.slice(root.length + 1)).toSorted(), [
    `.cache/huggingface/hub/models--acme--half/snapshots/${COMMIT}`,
    '.ollama/models/manifests/registry.ollama.ai/library/bad/latest',
  ]);
});

test('what a feed knows is a finding: by what was hashed, or by what the store recorded', () => {
  const { write, home: root, take } = home();
  write('known.txt', `${sha256(weights(9))}\n`);
  hubModel({ write, home: root }, 'acme/bad', { 'model.safetensors': weights(9) });
  write('models/bad.safetensors', weights(9));
  const known = (answer: Answer) => answer.items.map((item) => item.known.map(({ rule }) => rule).join());
  const recorded = take('.cache', '--no-stores', '--feed', 'known.txt');
  assert.deepEqual([recorded.status, known(recorded)], [1, ['WM-FEED-001']]);
  const unread = take('models', '--no-stores', '--feed', 'known.txt');
  assert.deepEqual([unread.status, known(unread)], [0, ['']]);
  const hashed = take('models', '--no-stores', '--feed', 'known.txt', '--hash');
  assert.deepEqual([hashed.status, known(hashed)], [1, ['WM-FEED-001']]);
});

test('what is not promoted where a policy says it must be is a finding, and so is what nobody can identify', () => {
  const { write, run, take, folder } = home();
  const ok = (...words: readonly string[]) => {
    const { status, stderr } = run(...words);
    assert.equal(status, 0, stderr);
  };
  for (const name of ['anna', 'ci']) ok('keygen', name, '--no-password');
  const key = (name: string) => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  write(
    'policy.yaml',
    `format: weighmark-policy/1
name: acme
version: 1
expires: 2099-01-01
principals:
  anna: { keys: [${key('anna')}] }
  ci: { keys: [${key('ci')}] }
roles: { publisher: [anna], trainer: [anna], promoter: [ci] }
environments:
  - name: prod
    require: [bom]
`,
  );
  ok('registry', 'init', 'reg');
  write('data/rows.csv', 'a,b\n1,2\n');
  write('croissant.json', '{"name":"rows"}');
  ok('attest', 'data', '--type', 'dataset', '--reference', 'croissant.json', '--key', 'anna.key');
  ok('push', 'data', 'acme/data:1', '--registry', 'reg');
  const train = ['--step', 'train', '--input', 'dataset=acme/data:1', '--registry', 'reg', '--key', 'anna.key'];
  for (const [name, seed] of [
    ['one', 1],
    ['two', 2],
  ] as const) {
    write(`models/${name}/model.safetensors`, weights(seed));
    ok('seal', `models/${name}`, '--name', `acme/${name}:1`, ...train);
    ok('push', `models/${name}`, `acme/${name}:1`, '--registry', 'reg');
  }
  write('models/three.safetensors', weights(3));
  ok('promote', 'acme/one:1', '--env', 'prod', '--policy', 'policy.yaml', '--registry', 'reg', '--key', 'ci.key');
  const { status, items } = take(
    'models',
    '--no-stores',
    '--policy',
    'policy.yaml',
    '--env',
    'prod',
    '--registry',
    'reg',
  );
  assert.equal(status, 1);
  assert.deepEqual(
    items.map(({ name, promoted, findings, signature }) => [
      name,
      promoted,
      findings.map(({ code }) => code),
      signature?.by,
    ]),
    [
      ['one', ['prod'], [], 'anna'],
      ['three.safetensors', [], ['not-promoted'], undefined],
      ['two', [], ['not-promoted'], 'anna'],
    ],
  );
  // Who only let it in signed nothing of it: as `verify` has it, with and without reading it.
  ok('pull', 'acme/one:1', 'pulled', '--registry', 'reg');
  assert.equal(run('verify', 'pulled', '--key', 'ci.pub').status, 1);
  for (const more of [[], ['--hash']]) {
    const [pulled] = take('pulled', '--no-stores', '--key', 'ci.pub', ...more).items;
    assert.equal(pulled?.signature?.by, null, more.join());
    assert.equal(pulled.signature.why, 'signed with another key');
    const [own] = take('pulled', '--no-stores', '--key', 'anna.pub', ...more).items;
    assert.match(own?.signature?.by ?? '', /^key SHA256:/);
  }
  rmSync(join(folder, 'pulled/model.sig'));
  for (const more of [[], ['--hash']])
    assert.equal(take('pulled', '--no-stores', '--key', 'ci.pub', ...more).items[0]?.signature?.by, null);
  rmSync(join(folder, 'models/two'), { recursive: true });
  rmSync(join(folder, 'models/three.safetensors'));
  assert.equal(take('models', '--no-stores', '--policy', 'policy.yaml', '--registry', 'reg', '--hash').status, 0);
});

test('what a revoker of the policy revoked is said of every copy, sealed or not, pushed or not, and of nothing else', () => {
  const { write, run, take, folder } = home();
  const ok = (...words: readonly string[]) => {
    const { status, stderr } = run(...words);
    assert.equal(status, 0, stderr);
  };
  for (const name of ['anna', 'rita', 'mallory']) ok('keygen', name, '--no-password');
  const key = (name: string) => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  const policy = (revoker: string) => `format: weighmark-policy/1
name: acme
version: 1
expires: 2099-01-01
principals:
  anna: { keys: [${key('anna')}] }
  rita: { keys: [${key(revoker)}] }
roles: { publisher: [anna], promoter: [anna], revoker: [rita] }
environments: [{ name: prod, require: [bom] }]
`;
  write('policy.yaml', policy('rita'));
  write('other.yaml', policy('mallory'));
  ok('registry', 'init', 'reg');
  const named = ['--policy', 'policy.yaml', '--registry', 'reg'];
  const bad = weights(7);
  write('models/sealed/model.safetensors', bad);
  ok('seal', 'models/sealed', '--name', 'acme/bad:1', '--key', 'anna.key');
  ok('push', 'models/sealed', 'acme/bad:1', '--registry', 'reg');
  write('models/plain/model.safetensors', bad);
  write('models/renamed/weights.safetensors', bad);
  write('models/two/model.safetensors', bad);
  write('models/two/config.json', '{}');
  write('models/good/model.safetensors', weights(8));
  write('notes/model.txt', 'no model');
  const said = (policyFile: string, ...more: readonly string[]) =>
    Object.fromEntries(
      take('models', 'notes', '--no-stores', '--policy', policyFile, '--registry', 'reg', ...more).items.map(
        ({ location, findings }) => [
          location.slice(`${folder}/models/`.length).split('/')[0],
          findings.map(({ code }) => code).filter((code) => code !== 'not-promoted'),
        ],
      ),
    );
  const none = { good: [], plain: [], renamed: [], sealed: [], two: [] };
  assert.deepEqual(said('policy.yaml', '--hash'), none);
  ok('revoke', 'acme/bad:1', '--reason', 'backdoor', '--yes', '--key', 'rita.key', ...named);
  assert.deepEqual(said('policy.yaml'), { ...none, sealed: ['revoked'] });
  const hashed = said('policy.yaml', '--hash');
  assert.deepEqual(hashed, { ...none, sealed: ['revoked'], plain: ['revoked'], renamed: ['revoked'] });
  assert.deepEqual(said('other.yaml', '--hash'), none, 'by nobody of the policy');
  ok('revoke', '--weights', 'models/plain/model.safetensors', '--reason', 'x', '--yes', '--key', 'rita.key', ...named);
  assert.deepEqual(said('policy.yaml', '--hash'), { ...hashed, two: ['revoked'] }, 'its weights, in whatever folder');
  assert.equal(take('models/plain', '--no-stores', ...named, '--hash').status, 1);
});

test('one BOM of the machine, valid, with every artifact by its type', () => {
  const { write, home: root, run, folder } = home();
  everyStore({ write, home: root });
  const written = run('inventory', '--format', 'cyclonedx', '-o', 'machine.cdx.json');
  assert.equal(written.status, 0, written.stderr);
  assert.equal(run('bom', 'validate', 'machine.cdx.json').status, 0, run('bom', 'validate', 'machine.cdx.json').stdout);
  const bom = JSON.parse(readFileSync(join(folder, 'machine.cdx.json'), 'utf8')) as {
    components: { type: string; name: string; group?: string; purl?: string }[];
  };
  const hub = bom.components.find(({ name }) => name === 'enc');
  assert.deepEqual(
    [hub?.type, hub?.group, hub?.purl],
    ['machine-learning-model', 'acme', `pkg:huggingface/acme/enc@${COMMIT}`],
  );
  assert.equal(bom.components.find(({ name }) => name === 'pdf')?.type, 'data');
});

/** Opens and bytes, counted at the port. */
function counting(files: Files): { files: Files; opens: () => number; bytes: () => number } {
  let [opens, bytes] = [0, 0];
  const counted: Files = {
    ...files,
    open: async (location, options) => {
      opens += 1;
      const file = await files.open(location, options);
      return {
        ...file,
        size: file.size,
        read: async (offset, length) => ((bytes += length), file.read(offset, length)),
      };
    },
    readIfThere: async (location, most) => {
      const found = await files.readIfThere(location, most);
      if (found !== null) [opens, bytes] = [opens + 1, bytes + found.length];
      return found;
    },
  };
  return { files: counted, opens: () => opens, bytes: () => bytes };
}

test('200 models of 64 MiB: a handful of opens and some kilobytes of each', async () => {
  const { write, home: root } = home();
  const size = 64 << 20;
  const header = `{"w":{"dtype":"F32","shape":[${(size - 64) / 4}],"data_offsets":[0,${size - 64}]}}`;
  const head = Buffer.alloc(8 + header.length);
  head.writeBigUInt64LE(BigInt(header.length));
  head.write(header, 8);
  for (let index = 0; index < 200; index += 1) {
    const at = write(`models/m${index}/model.safetensors`, head);
    truncateSync(at, 8 + header.length + size - 64);
    write(`models/m${index}/config.json`, '{"model_type":"bert"}');
    for (const name of ['tokenizer.json', 'vocab.txt', 'README.md']) write(`models/m${index}/${name}`, '{}');
  }
  const { files, opens, bytes } = counting(createFiles());
  const signal = new AbortController().signal;
  const { found } = await findArtifacts([{ store: 'folder', location: join(root, 'models') }], { files, signal });
  const progress = { start: () => ({ advance: () => {}, end: () => {} }) };
  const hasher = () => Promise.reject(new Error('nothing is hashed'));
  const ports = { files, progress, signal, hasher, largeFiles: largeFileReader({ files }) };
  for (const each of found) await look(each, ports, { hash: false });
  assert.equal(found.length, 200);
  assert.ok(opens() <= 200 * 5, `${opens()} opens`);
  assert.ok(bytes() <= 200 * (1 << 20), `${bytes()} bytes`);
});
