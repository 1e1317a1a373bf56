import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** What each room may import (DESIGN 6): rooms by folder, packages and Node builtins by name. */
const ROOMS: Readonly<Record<string, { rooms: readonly string[]; packages: (name: string) => boolean }>> = {
  cli: { rooms: ['cli', 'flows', 'domain'], packages: (name) => name.startsWith('node:') || name === 'commander' },
  flows: { rooms: ['flows', 'domain'], packages: (name) => DOMAIN_PACKAGES.has(name) || name === 'node:path' },
  domain: { rooms: ['domain'], packages: (name) => DOMAIN_PACKAGES.has(name) },
  adapters: { rooms: ['adapters', 'domain'], packages: () => true },
};

const DOMAIN_PACKAGES = new Set([
  'node:buffer', 'node:crypto', 'node:zlib', 'yaml', '@huggingface/jinja', '@bufbuild/cel', '@bufbuild/re2', 'seek-bzip',
]);

/** Of `node:crypto` the domain may hash, verify and read keys; it never signs, never draws random numbers. */
const DOMAIN_CRYPTO = new Set(['createHash', 'createPublicKey', 'verify', 'X509Certificate', 'KeyObject', 'hash', 'timingSafeEqual', 'BinaryLike']);

const IMPORT = /^\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|^\s*import\s+'([^']+)'/gm;
const sources = globSync('src/**/*.ts').map((path) => ({ path: path.replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }));

function importsOf(text: string): readonly string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function problem(path: string, specifier: string): string | null {
  const rule = ROOMS[roomOf(path)];
  if (rule === undefined) return null;
  if (!specifier.startsWith('.')) return rule.packages(specifier) ? null : `${path} imports ${specifier}`;
  const room = roomOf(join(dirname(path), specifier).replaceAll('\\', '/'));
  const isRoot = path === 'src/cli/context.ts' && room === 'adapters';
  return rule.rooms.includes(room) || isRoot ? null : `${path} imports ${specifier}`;
}

test('data flows one way: cli → flows → domain ← adapters', () => {
  assert.ok(sources.length > 20, 'the sources were found');
  assert.deepEqual(sources.flatMap(({ path, text }) => importsOf(text).flatMap((specifier) => problem(path, specifier) ?? [])), []);
});

test('the domain takes only pure parts of node:crypto', () => {
  const bad = sources
    .filter(({ path }) => roomOf(path) === 'domain')
    .flatMap(({ path, text }) => [...text.matchAll(/import (?:type )?\{([^}]*)\} from 'node:crypto'/g)].flatMap((match) => (match[1] ?? '').split(',').map((name) => ({ path, name: name.trim().replace(/^type /, '').split(' as ')[0] ?? '' }))))
    .filter(({ name }) => name !== '' && !DOMAIN_CRYPTO.has(name));
  assert.deepEqual(bad, []);
});

test('the domain has no clock, no randomness, no environment and no network', () => {
  const impure = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|\bfetch\(|\bsetTimeout\(|\bconsole\./;
  const bad = sources.filter(({ path, text }) => roomOf(path) === 'domain' && impure.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')));
  assert.deepEqual(bad.map(({ path }) => path), []);
});

test('no default exports, no enums', () => {
  assert.deepEqual(sources.filter(({ text }) => /^export default|^(?:export )?(?:const )?enum /m.test(text)).map(({ path }) => path), []);
});

test('every package that users must install is imported', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Readonly<Record<string, string>> };
  const imported = sources.flatMap(({ text }) => importsOf(text));
  const idle = Object.keys(dependencies).filter((name) => !imported.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)));
  assert.deepEqual(idle, ['ajv', 'ajv-formats', 'ajv-formats-draft2019', 'xmllint-wasm'], 'the CycloneDX library validates with these where they are there');
});
