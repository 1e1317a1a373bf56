// Builds the native addon where there is a cargo; run by npm's `prepare`. It never fails an installation: without the
// addon the WebAssembly kernel does the work, as fast as WebAssembly is.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const name = `kernel-${process.platform}-${process.arch}.node`;
const table = join(folder, 'addons.json');
const libraries = { linux: 'libweighmark_kernel.so', darwin: 'libweighmark_kernel.dylib' };

/** Why nothing is built, or null. */
function reasonToSkip(env) {
  if (env.npm_config_global === 'true') return 'a global installation';
  if (env['_PACOTE_NO_PREPARE_'] !== undefined) return 'an installation from git';
  if (['pack', 'publish'].includes(env.npm_command)) return `npm ${env.npm_command}`;
  if (env.WEIGHMARK_KERNEL === 'wasm') return 'WEIGHMARK_KERNEL=wasm';
  if (libraries[process.platform] === undefined) return `no native kernel for ${process.platform}`;
  if (spawnSync('cargo', ['--version'], { stdio: 'ignore' }).status !== 0) return 'no cargo here';
  return null;
}

function sha256(...pieces) {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Of the kernel, and of what it is built with: what is computed of weights. */
function sourceDigest() {
  const weights = '../../weights/kernel/';
  const sources = ['Cargo.toml', 'Cargo.lock', 'build.rs', `${weights}Cargo.toml`, ...rust('src/'), ...rust(`${weights}src/`)];
  return sha256(...sources.map((file) => readFileSync(join(folder, file))));
}

function rust(below) {
  return readdirSync(join(folder, below), { recursive: true })
    .filter((file) => file.endsWith('.rs'))
    .sort()
    .map((file) => `${below}${file}`);
}

function readTable() {
  try {
    return JSON.parse(readFileSync(table, 'utf8'));
  } catch {
    return {};
  }
}

function isBuilt(entry, source) {
  const addon = join(folder, name);
  return entry?.source === source && existsSync(addon) && sha256(readFileSync(addon)) === entry.sha256;
}

function build() {
  const target =
    process.env.CARGO_TARGET_DIR ??
    fileURLToPath(new URL('../../../../node_modules/.cache/weighmark-kernel', import.meta.url));
  const cargo = spawnSync('cargo', ['build', '--release', '--locked', '--quiet'], {
    cwd: folder,
    env: { ...process.env, CARGO_TARGET_DIR: target },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (cargo.status !== 0)
    throw new Error(`cargo build failed: ${cargo.stderr?.trim().split('\n').at(-1) ?? cargo.error}`);
  return join(target, 'release', libraries[process.platform]);
}

/** The table first: an addon is never loaded without its line. A new inode, for processes that have the old one loaded. */
function install(library, source) {
  const line = { sha256: sha256(readFileSync(library)), source };
  writeFileSync(`${table}.tmp`, `${JSON.stringify({ ...readTable(), [name]: line }, null, 2)}\n`);
  copyFileSync(library, join(folder, `${name}.tmp`));
  renameSync(`${table}.tmp`, table);
  renameSync(join(folder, `${name}.tmp`), join(folder, name));
}

try {
  const skip = reasonToSkip(process.env);
  const source = sourceDigest();
  if (skip !== null) console.log(`weighmark: native kernel not built (${skip})`);
  else if (isBuilt(readTable()[name], source)) console.log('weighmark: native kernel is up to date');
  else {
    install(build(), source);
    console.log('weighmark: native kernel built');
  }
} catch (error) {
  console.log(`weighmark: native kernel not built (${error.message}); using WebAssembly`);
}
