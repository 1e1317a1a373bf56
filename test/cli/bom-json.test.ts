import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { safetensors } from '../domain/bom/support.ts';
import { heldToSchema } from './schema.ts';
import { PROGRAM } from '../program.ts';

const CARD = '---\nlicense: mit\nbase_model: a/b\ndatasets: [squad]\n---\n# Tiny-1\n';
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-bom-cli-'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'README.md'), CARD);
  writeFileSync(
    join(folder, 'm', 'model.safetensors'),
    safetensors({ w: { dtype: 'F32', shape: [2, 3] }, ids: { dtype: 'I64', shape: [1] } }),
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(
  args: readonly string[],
  env: Record<string, string> = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: join(folder, 'config'), ...env },
  });
}

/** Runs with --json and holds what is printed to its published schema. */
function json(
  args: readonly string[],
  name: string,
): { readonly status: number | null; readonly output: Record<string, unknown> } {
  const { status, stdout, stderr } = run([...args, '--json']);
  assert.ok(stdout.startsWith('{'), stderr);
  const output = heldToSchema(name, stdout);
  assert.equal(output['exitCode'], status);
  return { status, output };
}

test('every command prints what its schema says', () => {
  assert.equal(run(['bom', 'create', 'm', '-o', 'bom.json']).status, 0);
  assert.equal(
    run(['bom', 'create', 'm', '-o', 'other.json', '--licence', 'Apache-2.0', '--version', '2.0']).status,
    0,
  );
  assert.equal(json(['bom', 'create', 'm'], 'bom-create').status, 0);
  assert.equal(json(['bom', 'validate', 'bom.json'], 'bom-validate').status, 0);
  assert.equal(json(['bom', 'validate', 'bom.json', '--require', 'g7'], 'bom-validate').status, 1);
  assert.equal(json(['bom', 'verify', 'bom.json', 'm'], 'bom-verify').status, 0);
  assert.equal(json(['bom', 'diff', 'bom.json', 'bom.json'], 'bom-diff').status, 0);
  assert.equal(json(['bom', 'diff', 'bom.json', 'other.json'], 'bom-diff').status, 1);
  const { output } = json(['inspect', 'm'], 'inspect');
  assert.deepEqual((output['model'] as { parametersByDtype: object }).parametersByDtype, { F32: 6 });
});

test('the BOM goes to stdout, what it is about to stderr; SOURCE_DATE_EPOCH sets the time', () => {
  const { stdout, stderr } = run(['bom', 'create', 'm', '--supplier', 'Acme', '--stated-by', 'Anna'], {
    SOURCE_DATE_EPOCH: '1700000000',
  });
  const bom = JSON.parse(stdout) as { metadata: { timestamp: string; component: { supplier: { name: string } } } };
  assert.deepEqual([bom.metadata.timestamp, bom.metadata.component.supplier.name], ['2023-11-14T22:13:20Z', 'Acme']);
  assert.match(stderr, /^described {2}m: model, 2 files/);
  assert.match(stderr, /\nid {9}sha256:[0-9a-f]{64}\n/);
});

test('the page of inspect: counted apart from claimed, and nothing verified', () => {
  const { stdout } = run(['inspect', 'm']);
  assert.match(stdout, /^Tiny-1 {2}model\ncontent {4}2 files/);
  assert.match(
    stdout,
    /\nweights {4}safetensors, 2 tensors, 6 parameters \(F32\)\n {11}besides 1 I64: no parameters\n/,
  );
  assert.match(stdout, /\nclaimed {4}licence: MIT {2}README\.md\n/);
  assert.match(stdout, /\nnot verified: /);
});

test('a card that cannot be read fails, with the file named, and the BOM is written all the same', () => {
  mkdirSync(join(folder, 'bad'));
  writeFileSync(join(folder, 'bad', 'README.md'), '---\na: &a 1\nb: *a\n---\n');
  const { status, stdout, stderr } = run(['bom', 'create', 'bad']);
  assert.equal(status, 1);
  assert.match(stderr, /error\[format-invalid\]: README\.md: YAML refused: /);
  assert.equal(
    (JSON.parse(stdout) as { compositions: { aggregate: string }[] }).compositions[0]?.aggregate,
    'incomplete',
  );
});

test('what a hostile name or card says is harmless on the terminal', () => {
  mkdirSync(join(folder, 'evil'));
  writeFileSync(join(folder, 'evil', 'README.md'), '---\nlicense: "\\e[31mmit\\u202e"\n---\n');
  writeFileSync(join(folder, 'evil', 'a\u001b[2Jb.txt'), 'x');
  for (const args of [
    ['inspect', 'evil'],
    ['bom', 'create', 'evil'],
  ]) {
    const { stdout, stderr } = run(args);
    assert.doesNotMatch(stdout + stderr, /[[\p{Cc}\u202e]--[\n]]/v, args.join(' '));
  }
});

test('usage: what is wrong is said', () => {
  for (const [args, message] of [
    [['bom', 'create', 'm', '--timestamp', 'yesterday'], /RFC 3339/],
    [['bom', 'create', 'm', '--spec-version', '1.4'], /Allowed choices are 1\.7, 1\.6, 1\.5|1\.7/],
    [['bom', 'validate', 'bom.json', '--require', 'iso'], /--require is g7, ntia, cisa or bsi/],
  ] as const) {
    const { status, stderr } = run(args);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, message);
  }
});

test('what was written is called what it is', () => {
  assert.match(run(['bom', 'create', 'm', '-o', 'c.json']).stderr, /described .*, CycloneDX 1\.7\n/);
  const { status, stdout, stderr } = run(['bom', 'create', 'm', '--spec', 'spdx-3']);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /described .*, SPDX 3\.0\.1\n/);
  assert.match(stdout, /"@context": "https:\/\/spdx\.org\/rdf\/3\.0\.1\/spdx-context\.jsonld"/);
});
