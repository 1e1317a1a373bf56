// Builds a native addon with cargo, and notes its SHA-256 in the table of those that may be loaded (security rule 22).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const endings = { linux: '.so', darwin: '.dylib' };

/** Whether addons are built for this system. */
export const isKnown = endings[process.platform] !== undefined;

/**
 * @param {{ folder: URL, stem: string, library: string, minutes: number, with?: readonly URL[] }} addon its crate, the first
 *   part of its file name, the library's name, how long cargo may take, and crates of ours that are built into it.
 * @returns {boolean} false: it was up to date.
 */
export function buildAddon({ folder, stem, library, minutes, with: others = [] }) {
  const at = fileURLToPath(folder);
  const place = { at, name: `${stem}-${process.platform}-${process.arch}.node`, table: join(at, 'addons.json') };
  const source = sourceDigest([at, ...others.map(fileURLToPath)]);
  if (isBuilt(place, source)) return false;
  install(place, build(place, { stem, library, minutes }), source);
  return true;
}

function sha256(...pieces) {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

function sourceDigest(folders) {
  return sha256(...folders.flatMap((at) => sourcesOf(at).map((file) => readFileSync(join(at, file)))));
}

function sourcesOf(at) {
  const own = ['Cargo.toml', 'Cargo.lock', 'build.rs'].filter((file) => existsSync(join(at, file)));
  const rust = readdirSync(join(at, 'src'), { recursive: true }).filter((file) => file.endsWith('.rs'));
  return [...own, ...rust.sort().map((file) => `src/${file}`)];
}

function readTable(table) {
  try {
    return JSON.parse(readFileSync(table, 'utf8'));
  } catch {
    return {};
  }
}

function isBuilt({ at, name, table }, source) {
  const entry = readTable(table)[name];
  const addon = join(at, name);
  return entry?.source === source && existsSync(addon) && sha256(readFileSync(addon)) === entry.sha256;
}

function build({ at }, { stem, library, minutes }) {
  const target =
    process.env.CARGO_TARGET_DIR ??
    fileURLToPath(new URL(`../../node_modules/.cache/weighmark-${stem}`, import.meta.url));
  const cargo = spawnSync('cargo', ['build', '--release', '--locked', '--quiet'], {
    cwd: at,
    env: { ...process.env, CARGO_TARGET_DIR: target },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: minutes * 60_000,
  });
  if (cargo.status !== 0)
    throw new Error(`cargo build failed: ${cargo.stderr?.trim().split('\n').at(-1) ?? cargo.error}`);
  return join(target, 'release', `lib${library}${endings[process.platform]}`);
}

/** The table first: an addon is never loaded without its line. A new inode, for processes that have the old one loaded. */
function install({ at, name, table }, library, source) {
  const line = { sha256: sha256(readFileSync(library)), source };
  writeFileSync(`${table}.tmp`, `${JSON.stringify({ ...readTable(table), [name]: line }, null, 2)}\n`);
  copyFileSync(library, join(at, `${name}.tmp`));
  renameSync(`${table}.tmp`, table);
  renameSync(join(at, `${name}.tmp`), join(at, name));
}
