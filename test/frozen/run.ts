import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { environmentOf } from '../../fixtures/0.1/make.ts';
import { passwordFor } from '../../fixtures/0.1/people.ts';
import { BARE } from '../program.ts';

/** One command and what it must end with. */
export interface Case {
  readonly what: string;
  /** `NAME:TAG@` stands for `NAME@sha256:…`. */
  readonly words: readonly string[];
  /** The exit codes that are right; more than one only where builds may differ. */
  readonly codes: readonly number[];
  /** What must be printed: a finding as `[code]`, a sentence, an id (`NAME:TAG@` stands for its `sha256:…`). */
  readonly says?: readonly string[];
}

/** A folder with a world in it, and the build whose command line is run there. */
export interface Bench {
  readonly folder: string;
  /** Folder with the `bin/weighmark.js` to run. */
  readonly checkout: string;
}

interface Ended {
  readonly code: number | null;
  /** Both streams. */
  readonly text: string;
}

/** A copy of a world to work in, with private files private again, which git forgets. */
export function copyWorld(world: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-frozen-'));
  cpSync(world, folder, { recursive: true });
  for (const path of readdirSync(folder, { recursive: true })
    .map(String)
    .filter((each) => /^(keys|home)\b/.test(each))) {
    chmodSync(join(folder, path), statSync(join(folder, path)).isDirectory() ? 0o700 : 0o600);
  }
  return folder;
}

/** @throws AssertionError unless the command ends and says as the case wants. */
export async function hold(bench: Bench, { words, codes, says = [] }: Case): Promise<void> {
  const ids = idsOf(bench.folder);
  const withIds = (text: string, prefix: (name: string) => string) =>
    text.replace(
      /([a-z/]+)(:[a-z0-9.]+)@/g,
      (all, name: string, tag: string) => `${prefix(name)}${ids.get(name + tag) ?? all}`,
    );
  const { code, text } = await run(
    bench,
    words.map((word) => withIds(word, (name) => `${name}@`)),
  );
  const shown = `$ weighmark ${words.join(' ')}\n${text}`;
  assert.ok(code !== null && codes.includes(code), `exit code ${code}, not ${codes.join(' or ')}, of ${shown}`);
  for (const part of says.map((each) => withIds(each, () => '')))
    assert.ok(text.includes(part), `${part} is missing in ${shown}`);
}

/** In the order given, stopping at the first that does not hold. */
export async function holdAll(bench: Bench, cases: readonly Case[]): Promise<void> {
  for (const each of cases) await hold(bench, each);
}

export async function run({ folder, checkout }: Bench, words: readonly string[]): Promise<Ended> {
  const env = { ...BARE, ...environmentOf(folder), ...passwordFor(words) };
  const child = spawn(process.execPath, [resolve(checkout, 'bin/weighmark.js'), ...words], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, text };
}

export function removeWorld(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** `NAME:TAG` → `sha256:…`, as the build that made the world listed them. */
function idsOf(folder: string): ReadonlyMap<string, string> {
  const { artifacts } = JSON.parse(readFileSync(join(folder, 'list.json'), 'utf8')) as { artifacts: readonly Listed[] };
  return new Map(artifacts.flatMap(({ name, id, tags }) => tags.map((tag) => [`${name}:${tag}`, id] as const)));
}

interface Listed {
  readonly name: string;
  readonly id: string;
  readonly tags: readonly string[];
}
