import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { openRegistry } from '../../src/adapters/registries/index.ts';
import { ociDigest } from '../../src/domain/digest/hex.ts';
import type { LogEntry } from '../../src/domain/tlog/leaf.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import { parseCheckpoint } from '../../src/domain/tlog/checkpoint.ts';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

const KILLER = resolve('test/crash/kill-at.ts');
const PEOPLE = ['dana', 'anna', 'bob', 'ci', 'rita'];

export interface Ended {
  /** Null: killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** Before the change to the file system of this number, or after so many milliseconds. */
export type Kill = { readonly change: number } | { readonly after: number };

/** A home with five people, their policy, and a registry with a dataset and two models that may be promoted. */
export interface World {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  run(words: readonly string[], kill?: Kill): Promise<Ended>;
  /** @throws unless it ends with exit code 0. */
  ok(...words: readonly string[]): string;
  /** How many changes the command makes, and how long it takes. */
  measure(words: readonly string[]): Promise<{ readonly changes: number; readonly milliseconds: number }>;
  open(place?: string): Promise<Registry>;
  remove(): void;
}

export function makeWorld(): World {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-crash-'));
  const env = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg', WEIGHMARK_POLICY: 'policy.yaml' };
  const ok = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}${stdout}`);
    return stdout;
  };
  const run = (words: readonly string[], kill?: Kill) => runKilled(words, { folder, env, kill });
  for (const name of PEOPLE) ok('keygen', name, '--no-password');
  writeFileSync(join(folder, 'policy.yaml'), policyOf(folder));
  ok('registry', 'init', 'reg');
  makeModel(join(folder, 'data'));
  ok('attest', 'data', '--type', 'dataset', '--reference', join('data', 'config.json'), '--key', 'dana.key');
  ok('push', 'data', 'acme/data:1');
  for (const version of ['1', '2']) {
    makeModel(join(folder, `m${version}`));
    ok(
      'seal',
      `m${version}`,
      '--name',
      `acme/m:${version}`,
      '--step',
      'train',
      '--input',
      'dataset=acme/data:1',
      '--key',
      'anna.key',
    );
    ok('push', `m${version}`);
    ok('promote', `acme/m:${version}`, '--env', 'staging', '--key', 'ci.key');
  }
  return {
    folder,
    env,
    run,
    ok,
    measure: async (words) => {
      const count = join(folder, 'changes');
      const { code, stderr, milliseconds } = await runKilled(words, {
        folder,
        env: { ...env, KILL_COUNT: count },
        kill: { change: 0 },
      });
      assert.equal(code, 0, stderr);
      return { changes: Number(readFileSync(count, 'utf8')), milliseconds };
    },
    open: (place = 'reg') => openRegistry(join(folder, place), { env }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function makeModel(folder: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ folder: basename(folder) }));
  writeFileSync(join(folder, 'model.bin'), randomBytes(100_000));
}

function policyOf(folder: string): string {
  const key = (name: string): string => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  return `format: weighmark-policy/1
name: acme
version: 1
expires: 2099-01-01
principals:
${PEOPLE.map((name) => `  ${name}: { keys: [${key(name)}] }`).join('\n')}
roles: { publisher: [dana], trainer: [anna], approver: [bob], promoter: [ci], revoker: [rita] }
environments:
  - name: staging
    require: [bom]
  - { name: prod, after: staging, require: [bom], approvals: 1 }
`;
}

interface Killing {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kill: Kill | undefined;
}

async function runKilled(words: readonly string[], { folder, env, kill }: Killing): Promise<Ended> {
  const before = performance.now();
  const preload = kill !== undefined && 'change' in kill ? ['--import', KILLER] : [];
  const child = spawn(process.execPath, [...preload, PROGRAM, ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      ...(preload.length > 0 && kill !== undefined && 'change' in kill ? { KILL_AT: String(kill.change) } : {}),
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const timer = kill !== undefined && 'after' in kill ? setTimeout(() => child.kill('SIGKILL'), kill.after) : undefined;
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearTimeout(timer);
  return { code, stdout, stderr, milliseconds: performance.now() - before };
}

/** What was acknowledged must stay: entries by what they say, tags by what they point at. */
export interface Acknowledged {
  readonly entries: readonly LogEntry[];
}

/**
 * The registry opens, its log is whole and begins with what was acknowledged, every file under a final name is what the
 * name says, every listed artifact is complete, every logged claim is there.
 */
export async function requireWhole(
  registry: Registry,
  place: string,
  acknowledged: Acknowledged,
): Promise<readonly LogEntry[]> {
  await registry.log.verify();
  const entries = await registry.log.entries(0, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(entries.slice(0, acknowledged.entries.length), acknowledged.entries);
  requireHonestNames(place);
  requireOneCheckpointPerSize(join(place, 'log'));
  for (const { name, id, tags } of await registry.list()) {
    requireComplete(join(place, 'models', name), id);
    for (const tag of tags) assert.equal(await registry.resolve(name, tag), id);
    for (const type of await registry.attachmentTypes(name, id)) await registry.attachments(name, id, type);
  }
  await requireLoggedClaims(registry, entries);
  return entries;
}

async function requireLoggedClaims(registry: Registry, entries: readonly LogEntry[]): Promise<void> {
  for (const [place, leaves] of Map.groupBy(
    entries.map(({ leaf }) => leaf).filter(({ kind }) => kind !== 'push'),
    ({ name, manifest }) => `${name}@${manifest}`,
  )) {
    const [name = '', manifest = ''] = place.split('@');
    const there = new Set((await registry.claims(name, manifest)).map((bundle) => ociDigest(bundle)));
    for (const leaf of leaves) assert.ok(there.has(leaf.bundle), `${leaf.kind} ${leaf.bundle} is logged and not there`);
  }
}

/** A manifest that is listed names only blobs that are there. */
function requireComplete(layout: string, id: string): void {
  const manifest = JSON.parse(readFileSync(blob(layout, id), 'utf8')) as {
    config?: { digest: string };
    layers?: { digest: string; size: number }[];
  };
  for (const { digest } of [manifest.config, ...(manifest.layers ?? [])].filter((each) => each !== undefined))
    assert.ok(existsSync(blob(layout, digest)), `${digest} is missing`);
}

function blob(layout: string, digest: string): string {
  return join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

/** Everything whose name says what is in it says the truth; JSON files are whole. Names that begin with a dot are nobody's yet. */
function requireHonestNames(place: string): void {
  for (const path of filesBelow(place).filter((each) => !each.split('/').some((part) => part.startsWith('.')))) {
    const name = basename(path);
    if (/^[0-9a-f]{64}$/.test(name))
      assert.equal(
        createHash('sha256')
          .update(readFileSync(join(place, path)))
          .digest('hex'),
        name,
        path,
      );
    if (name.endsWith('.json') || name === 'oci-layout') JSON.parse(readFileSync(join(place, path), 'utf8'));
    assert.doesNotMatch(name, /tmp|part$/, path);
  }
}

/** Of all that was ever signed, under whatever name it lies about (security rule 17). */
function requireOneCheckpointPerSize(log: string): void {
  const roots = new Map<number, string>();
  for (const path of existsSync(log) ? filesBelow(log).filter((each) => each.includes('checkpoint')) : []) {
    const note = readFileSync(join(log, path), 'utf8');
    if (!note.includes('\n\n— ')) continue;
    const { size, root } = parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1));
    const hex = Buffer.from(root).toString('hex');
    assert.equal(roots.get(size) ?? hex, hex, `two checkpoints of size ${size} were signed`);
    roots.set(size, hex);
  }
}

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => statSync(join(folder, path)).isFile());
}
