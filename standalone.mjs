// What a run of the command line reads, and nothing else: for those who get it without npm (the Python wheel, the executable).
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const root = import.meta.dirname;

/** Builds the program with its packages into `node`, a folder that is emptied first. @returns its version. */
export function standalone(node) {
  const work = mkdtempSync(join(tmpdir(), 'weighmark-standalone-'));
  rmSync(node, { recursive: true, force: true });
  mkdirSync(node, { recursive: true });
  try {
    const version = copyProgram(node, work);
    copyPackages(node);
    return version;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Files of the program that are started by their own name: workers, and all they import. */
function withImports(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, next] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g))
    withImports(join(dirname(file), next), seen);
  return seen;
}

const WORKERS = [
  'adapters/hasher/worker.js',
  'adapters/registries/oci/stream-check-worker.js',
  'adapters/bom-validator/json-schema-worker.js',
];
const ASSETS = [
  'linked',
  'adapters/hasher/kernel/blake3.wasm',
  'adapters/records/kernel/records.wasm',
  'adapters/weights/kernel/weights.wasm',
];

function copyProgram(node, work) {
  symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'), 'junction');
  execFileSync(process.execPath, ['build.mjs', work], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const dist = join(work, 'dist');
  const files = new Set(WORKERS.flatMap((path) => [...withImports(join(dist, path))]));
  for (const path of [...[...files].map((file) => relative(dist, file)), ...ASSETS])
    cpSync(join(dist, path), join(node, 'dist', path), { recursive: true });
  for (const path of ['bin', 'schemas', 'LICENSE']) cpSync(join(root, path), join(node, path), { recursive: true });
  const { name, version, type, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(node, 'package.json'), `${JSON.stringify({ name, version, type, license }, null, 2)}\n`);
  return version;
}

/** What packages carry for browsers, compilers, tests and readers. Licences stay. */
const UNREAD = [
  /\.(?:[cm]?ts|map|md|markdown|flow|tsbuildinfo|yml|html)$/i,
  /\.min\.js$/,
  /^(?:tests?|__tests__|docs?|examples?|benchmarks?|\.github)\//,
  /^(?:dist\.web|dist\.d|browser)\//,
];
const LICENCE = /(?:^|\/)(?:licen[cs]e|notice|copying)[^/]*$/i;
/** Doubles in the other module system, and what only their own builds read. */
const DOUBLES = {
  '@bufbuild/protobuf': /^dist\/cjs\//,
  '@bufbuild/cel': /^dist\/cjs\//,
  '@bufbuild/re2': /^dist\/cjs\//,
  '@huggingface/jinja': /\.cjs$/,
  '@cyclonedx/cyclonedx-library': /^(?:src|dist\.web)\//,
  ajv: /^lib\//,
  'uri-js': /^dist\/esnext\//,
  tar: /^dist\/commonjs\//,
  '@bufbuild/cel-spec': /^dist\/cjs\/|testdata/,
  yaml: /^browser\//,
};

function copyPackages(node) {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root, encoding: 'utf8' });
  for (const folder of listed.trim().split('\n').slice(1)) {
    const place = relative(join(root, 'node_modules'), folder).replaceAll('\\', '/');
    const name = place.split('node_modules/').at(-1);
    if (place.startsWith('..') || name.startsWith('@types/')) continue;
    const keep = (path) =>
      LICENCE.test(path) || !(UNREAD.some((unread) => unread.test(path)) || DOUBLES[name]?.test(path));
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/');
      if (!entry.isFile() || path.startsWith('node_modules/') || !keep(path)) continue;
      cpSync(join(folder, path), join(node, 'node_modules', place, path));
    }
  }
}
