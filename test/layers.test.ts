import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/**
 * The domain's rooms, ground floor first. A room may import itself and the rooms above its line here, never those below:
 * lower rooms know nothing of higher ones. Types count as much as values.
 */
const DOMAIN = [
  'base', //      errors, limits, text, JSON, YAML, paths, verdicts: what every room stands on
  'digest', //    digests, lists, manifests, outboards
  'pki', //       DER, keys, certificates, timestamps
  'formats', //   what a file is
  'weights', //   what a model is, whatever holds it
  'records', //   what a dataset is, whatever holds it
  'claims', //    statements, envelopes, predicates, what a claim binds
  'trust', //     whose signature counts
  'tlog', //      notes, Merkle trees, checkpoints, leaves
  'registry', //  names, references, referrers
  'ports', //     what the outside must do for us
  'metadata', //  facts about a model or dataset
  'bom', //       the CycloneDX document
  'scan', //      judgement of content
  'authority', // who may say what, until when
  'lineage', //   the graph and what is wrong with it
  'derive', //    a step recomputed
  'policy', //    the decision
  'report', //    evidence for people
] as const;

/** The shelves of `flows`, in the same way: a use case may use those of the shelves before its own. */
const FLOWS = [
  'content',
  'data',
  'bom',
  'describe',
  'derive',
  'registry',
  'sign',
  'verify',
  'gate',
  'watch',
  'load',
  'setup',
] as const;

/** The rooms of `cli` and `adapters` have no order among themselves; adapters do not know each other's insides by accident. */
const ADAPTERS = [
  'bom-validator',
  'config',
  'feeds',
  'files',
  'git',
  'hasher',
  'keys',
  'log-store',
  'network',
  'objects',
  'records',
  'registries',
  'sigstore',
  'trust-store',
  'weights',
] as const;
const CLI = ['commands', 'views'] as const;

/** Who may import whom (DESIGN 6): cli → flows → domain ← adapters; the library makes its adapters itself. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  cli: ['cli', 'flows', 'domain'],
  library: ['library', 'flows', 'domain', 'adapters'],
  flows: ['flows', 'domain'],
  domain: ['domain'],
  adapters: ['adapters', 'domain'],
};

const DOMAIN_PACKAGES = new Set([
  'node:buffer',
  'node:crypto',
  'node:zlib',
  'yaml',
  '@huggingface/jinja',
  '@lezer/common',
  '@lezer/python',
  '@bufbuild/cel',
  '@bufbuild/re2',
  'seek-bzip',
]);
const PACKAGES: Readonly<Record<string, (name: string) => boolean>> = {
  cli: (name) => name.startsWith('node:') || name === 'commander',
  library: (name) => name.startsWith('node:'),
  flows: (name) => DOMAIN_PACKAGES.has(name) || name === 'node:path',
  domain: (name) => DOMAIN_PACKAGES.has(name),
  adapters: () => true,
};

/** Of `node:crypto` the domain may hash, verify and read keys; it never signs, never draws random numbers. */
const DOMAIN_CRYPTO = new Set([
  'constants',
  'createHash',
  'createPublicKey',
  'createVerify',
  'verify',
  'X509Certificate',
  'KeyObject',
  'hash',
  'timingSafeEqual',
  'BinaryLike',
]);

const IMPORT = /^\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|^\s*import\s+'([^']+)'/gm;
const sources = globSync('src/**/*.ts').map((path) => ({
  path: path.replaceAll('\\', '/'),
  text: readFileSync(path, 'utf8'),
}));

function importsOf(text: string): readonly string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Files a file imports, by path; type imports too. */
const GRAPH: ReadonlyMap<string, readonly string[]> = new Map(
  sources.map(({ path, text }) => [
    path,
    importsOf(text)
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => join(dirname(path), specifier).replaceAll('\\', '/')),
  ]),
);

/** `src/domain/pki/der.ts` is in part `domain`, room `pki`; a file that lies loose in a part is in no room. */
function placeOf(path: string): { part: string; room: string | undefined } {
  const [, part = '', ...rest] = path.split('/');
  return { part, room: rest.length > 1 ? rest[0] : undefined };
}

const ROOMS: Readonly<Record<string, { rooms: readonly string[]; ordered: boolean; loose: boolean }>> = {
  domain: { rooms: DOMAIN, ordered: true, loose: false },
  flows: { rooms: FLOWS, ordered: true, loose: false },
  adapters: { rooms: ADAPTERS, ordered: false, loose: true },
  cli: { rooms: CLI, ordered: false, loose: true },
  library: { rooms: [], ordered: false, loose: true },
};

function unknownRoom(path: string): readonly string[] {
  const { part, room } = placeOf(path);
  const known = ROOMS[part];
  if (known === undefined) return path === 'src/index.ts' ? [] : [`${path} is in no part of the house`];
  if (room === undefined) return known.loose ? [] : [`${path} lies loose in ${part}`];
  return known.rooms.includes(room) ? [] : [`${path}: ${part} has no room ${room}`];
}

function problem(path: string, specifier: string): string | null {
  const { part, room } = placeOf(path);
  const may = MAY[part];
  if (may === undefined) return null;
  if (!specifier.startsWith('.')) return PACKAGES[part]?.(specifier) === true ? null : `${path} imports ${specifier}`;
  const there = placeOf(join(dirname(path), specifier).replaceAll('\\', '/'));
  const isRoot = path === 'src/cli/context.ts' && there.part === 'adapters';
  if (!may.includes(there.part) && !isRoot) return `${path} imports ${specifier}`;
  const { rooms, ordered } = ROOMS[part] ?? { rooms: [], ordered: false };
  const climbs = ordered && there.part === part && rooms.indexOf(there.room ?? '') > rooms.indexOf(room ?? '');
  return climbs ? `${path} looks up to ${specifier}` : null;
}

/** The strongly connected parts of the import graph with more than one file (Tarjan 1972). */
function circles(): readonly (readonly string[])[] {
  const [index, low, stack, found] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[][],
  ];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.size - 1);
    stack.push(path);
    for (const next of GRAPH.get(path) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(path) === index.get(path)) found.push(stack.splice(stack.indexOf(path)));
  };
  for (const path of GRAPH.keys()) if (!index.has(path)) visit(path);
  return found.filter(({ length }) => length > 1);
}

test('data flows one way: cli → flows → domain ← adapters, and down the rooms of the house', () => {
  assert.ok(sources.length > 20, 'the sources were found');
  assert.deepEqual(
    sources.flatMap(({ path, text }) => importsOf(text).flatMap((specifier) => problem(path, specifier) ?? [])),
    [],
  );
});

test('every file is in a room of the table', () => {
  assert.deepEqual(
    sources.flatMap(({ path }) => unknownRoom(path)),
    [],
  );
});

test('a room begins with what lives there and what may not', () => {
  const rooms = [
    ...new Set(
      sources
        .map(({ path }) => path.split('/').slice(0, 3))
        .filter((parts) => parts.length === 3 && !parts[2]?.endsWith('.ts'))
        .map((parts) => parts.join('/')),
    ),
  ];
  const silent = rooms.filter(
    (room) => !globSync(`${room}/README.md`).some((path) => /\*\*Not here\*\*/.test(readFileSync(path, 'utf8'))),
  );
  assert.deepEqual(silent, []);
});

test('no files import each other in a circle, not even for types', () => {
  assert.deepEqual(circles(), []);
});

test('the domain takes only pure parts of node:crypto', () => {
  const names = (text: string): readonly string[] =>
    [...text.matchAll(/import (?:type )?\{([^}]*)\} from 'node:crypto'/g)].flatMap((match) =>
      (match[1] ?? '').split(',').map(
        (name) =>
          name
            .trim()
            .replace(/^type /, '')
            .split(' as ')[0] ?? '',
      ),
    );
  const bad = sources
    .filter(({ path }) => placeOf(path).part === 'domain')
    .flatMap(({ path, text }) =>
      names(text)
        .filter((name) => name !== '' && !DOMAIN_CRYPTO.has(name))
        .map((name) => ({ path, name })),
    );
  assert.deepEqual(bad, []);
});

test('the domain has no clock, no randomness, no environment and no network', () => {
  const impure = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bprocess\.|\bfetch\(|\bsetTimeout\(|\bconsole\./;
  const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const bad = sources.filter(({ path, text }) => placeOf(path).part === 'domain' && impure.test(code(text)));
  assert.deepEqual(
    bad.map(({ path }) => path),
    [],
  );
});

test('no default exports, no enums', () => {
  const bad = sources.filter(({ text }) => /^export default|^(?:export )?(?:const )?enum /m.test(text));
  assert.deepEqual(
    bad.map(({ path }) => path),
    [],
  );
});

test('every package that users must install is imported', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  const imported = sources.flatMap(({ text }) => importsOf(text));
  const idle = Object.keys(dependencies).filter(
    (name) => !imported.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)),
  );
  assert.deepEqual(
    idle,
    ['@cyclonedx/cyclonedx-library', 'xmllint-wasm'],
    'schemas are read out of the first, and the second is loaded where it is there',
  );
});
