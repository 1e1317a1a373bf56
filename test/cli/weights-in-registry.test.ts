import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import { ATTACHMENTS } from '../../src/domain/registry/referrer.ts';
import { keyLine } from '../public-key.ts';
import { heldToSchema } from './schema.ts';
import { mustRunIn, runIn, type Ended } from './started.ts';

const CONTAINERS = resolve('fixtures/weights/containers');
let folder = '';

const run = (args: readonly string[]): Ended => runIn(folder, args);
const must = (args: readonly string[]): string => mustRunIn(folder, args);

function json(name: string, args: readonly string[], expected = 0): Record<string, unknown> {
  const { status, stdout, stderr } = run([name, ...args, '--json']);
  assert.equal(status, expected, stderr);
  return heldToSchema(name, stdout);
}

/** Sealed from safetensors and pushed, with its list beside it in the registry. */
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-weights-'));
  for (const name of ['anna', 'rita', 'ci']) must(['keygen', name, '--no-password']);
  must(['registry', 'init', 'reg']);
  mkdirSync(join(folder, 'm'));
  copyFileSync(join(CONTAINERS, 'plain.safetensors'), join(folder, 'm', 'model.safetensors'));
  must(['seal', 'm', '--key', 'anna.key', '--name', 'acme/m:1']);
  const [, id = ''] = must(['push', 'm']).trim().split('@');
  const env = { HOME: folder };
  const signal = new AbortController().signal;
  const registry = await createRegistries({ env, cwd: folder, signal, offline: true }).open(join(folder, 'reg'));
  await registry.putAttachment('acme/m', id, ATTACHMENTS.weights, readFileSync(join(folder, 'm/.weighmark/weights')));
  const key = (name: string): string => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  const people = ['anna', 'rita', 'ci'].map((name) => `  ${name}: { keys: ["${key(name)}"] }`).join('\n');
  const roles = '  publisher: [anna]\n  revoker: [rita]\n  promoter: [ci]';
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2099-01-01\nprincipals:\n${people}\nroles:\n${roles}\nenvironments:\n  - name: staging\n    lineage: { required: false }\n`,
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Listed {
  readonly artifacts: readonly { readonly name: string }[];
  readonly weights: { readonly holders: readonly { readonly matches: readonly { readonly by: string }[] }[] };
}

test('list --weights: the same weights in every container, by root, by tensor; others are not there', () => {
  for (const same of ['plain.safetensors', 'plain.npz', 'plain.gguf', 'raw.onnx', 'strided-view.pt', 'legacy.pt']) {
    const found = json('list', ['--weights', join(CONTAINERS, same)]) as unknown as Listed;
    assert.deepEqual(
      found.artifacts.map(({ name }) => name),
      ['acme/m'],
      same,
    );
  }
  for (const other of ['other-one-bit.safetensors', 'other-zero-sign.safetensors', 'other-nan-payload.safetensors'])
    assert.deepEqual(json('list', ['--weights', join(CONTAINERS, other)])['artifacts'], [], other);
  const list = readFileSync(join(folder, 'm/.weighmark/weights'), 'utf8');
  const [, names = ''] = /^names (.*)$/m.exec(list) ?? [];
  const [tensor = ''] = /^[0-9a-f]{64}(?= )/m.exec(list) ?? [];
  const asked = [names, `blake3:${tensor}`].map((digest) => json('list', ['--weights', digest]) as unknown as Listed);
  assert.deepEqual(
    asked.map(({ weights }) => weights.holders[0]?.matches[0]?.by),
    ['names', 'tensor'],
  );
  assert.equal(run(['list', '--weights', 'sha256:00']).status, 2);
  assert.deepEqual(json('list', ['acme/other', '--weights', names])['artifacts'], []);
  assert.match(must(['list', '--weights', names]), /acme\/m@sha256:.*same weights, same names/);
});

test('a feed names weights: found by scan, seal and audit in a container that the feed never saw', () => {
  const promote = ['promote', 'acme/m:1', '--env', 'staging', '--policy', 'policy.yaml', '--key', 'ci.key'];
  must(promote);
  const list = readFileSync(join(folder, 'm/.weighmark/weights'), 'utf8');
  const [, set = ''] = /^set (.*)$/m.exec(list) ?? [];
  const [tensor = ''] = /^[0-9a-f]{64}(?= )/m.exec(list) ?? [];
  const feed = (name: string, weights: string): string => {
    const entry = `{ id: W-1, title: backdoor, severity: critical, weights: ["${weights}"] }`;
    writeFileSync(join(folder, name), `weighmark-feed: 1\npublished: 2026-11-01T00:00:00Z\nentries:\n  - ${entry}\n`);
    return name;
  };
  for (const known of [feed('set.yaml', set), feed('tensor.yaml', `blake3:${tensor}`)]) {
    for (const bad of ['plain.gguf', 'legacy.pt', 'fortran-big-endian.npz']) {
      const { status, stdout } = run(['scan', join(CONTAINERS, bad), '--feed', known]);
      assert.equal(status, 1, bad);
      assert.match(stdout, /WM-FEED-001.*W-1/s, bad);
    }
    mkdirSync(join(folder, known.replace('.yaml', '')));
    copyFileSync(join(CONTAINERS, 'plain.npz'), join(folder, known.replace('.yaml', ''), 'w.npz'));
    assert.equal(run(['seal', known.replace('.yaml', ''), '--key', 'anna.key', '--feed', known]).status, 1);
    const audited = run(['audit', '--policy', 'policy.yaml', '--feed', known]);
    assert.equal(audited.status, 1, audited.stderr);
    assert.match(audited.stdout + audited.stderr, /WM-FEED-001 \(critical\): W-1/);
  }
  const other = feed('other.yaml', 'ab'.repeat(32));
  assert.equal(run(['scan', join(CONTAINERS, 'plain.gguf'), '--feed', other]).status, 0);
  assert.equal(run(['audit', '--policy', 'policy.yaml', '--feed', other]).status, 0);
  assert.equal(run(['scan', join(CONTAINERS, 'plain.gguf'), '--feed', feed('bad.yaml', 'xyz')]).status, 1);
});

test('revoke --weights of a copy in another container: impact shows it, and it is promoted no more', () => {
  const promote = ['promote', 'acme/m:1', '--env', 'staging', '--policy', 'policy.yaml', '--key', 'ci.key'];
  must(promote);
  const bad = join(CONTAINERS, 'plain.npz');
  const hit = json('impact', ['--weights', bad]) as { environments: readonly { environment: string }[] };
  assert.equal(hit.environments[0]?.environment, 'staging');
  assert.equal(run(['impact', 'acme/m:1', '--weights', bad]).status, 2);
  assert.equal(run(['impact']).status, 2);
  const how = ['--reason', 'backdoor', '--policy', 'policy.yaml', '--key', 'rita.key', '--yes'];
  assert.equal(run(['revoke', 'acme/m:1', '--weights', bad, ...how]).status, 2);
  const said = json('revoke', ['--weights', bad, ...how]);
  assert.equal((said['target'] as { kind: string }).kind, 'weights');
  const refused = run([...promote, '--dry-run']);
  assert.equal(refused.status, 1);
  assert.match(refused.stdout + refused.stderr, /revoked/);
  assert.equal(run(['audit', '--policy', 'policy.yaml']).status, 1);
});
