import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What the addon exports; `kernel/src/addon.rs` says the same. */
export interface Addon {
  create(): Run;
  start(run: Run, request: Buffer): Promise<Buffer>;
  /**
   * A byte and the lines of a checksum file, or nothing, as `kernel/src/sums.rs` says. Absent in an addon of an earlier release.
   */
  sums?(run: Run, request: Buffer): Promise<Buffer>;
  /** Bytes hashed so far. */
  progress(run: Run): number;
  abort(run: Run): void;
  /** What lstat says of NUL-terminated paths, 48 bytes each, as `kernel/src/stats.rs` writes them. */
  lstat(paths: Buffer): Buffer;
  /**
   * Flushes the file system that holds a folder (a NUL-terminated path). 0: done; an `errno`; -1: this system cannot. Absent in
   * an addon of an earlier release.
   */
  flush?(folder: Buffer): number;
  /**
   * Eight numbers that answer a question about weights, as `kernel/src/weights.rs` says. The caller keeps the arrays until
   * the promise is settled, and changes none.
   */
  ask(question: Buffer, child: Uint8Array, parent: Uint8Array, importance: Buffer): Promise<Buffer>;
  /**
   * The same of what lies in open files, as `kernel/src/placed.rs` says; nothing where it cannot be read. Absent in an addon of an
   * earlier release.
   */
  place?(run: Run, request: Buffer): Promise<Buffer>;
  /** What came of each copy, 40 bytes each, as `kernel/src/copies.rs` says. Absent in an addon of an earlier release. */
  copy?(run: Run, request: Buffer): Promise<Buffer>;
  /** How many were renamed, and the next one's `errno`. Absent in an addon of an earlier release. */
  rename?(request: Buffer): Buffer;
}

export type Run = { readonly brand: unique symbol };

/** Addons this build knows, by file name: SHA-256, lower-case hex. Written by `kernel/prepare.mjs` and by the release. */
type Table = Readonly<Record<string, { readonly sha256: string }>>;

const FOLDER = new URL('./kernel/', import.meta.url);

/**
 * The addon for this platform: the one built beside this file, or an optional package's. It is loaded only if its
 * SHA-256 stands in the build's table (security rule 22). Null where there is none.
 */
export function loadAddon(folder = FOLDER): Addon | null {
  return loadNative(folder, 'kernel') as Addon | null;
}

let loaded: Addon | null | undefined;

/** The same, loaded once. */
export function loadedAddon(): Addon | null {
  if (loaded === undefined) loaded = loadAddon();
  return loaded;
}

/** The same of another crate: what its addon exports. */
export function loadNative(folder: URL, stem: string): unknown {
  const table = readTable(folder);
  for (const name of addonNames(stem)) {
    const known = table[name]?.sha256;
    const file = known === undefined ? null : locate(folder, name);
    if (file !== null && sha256(file.bytes) === known) {
      const addon = open(file.path);
      if (addon !== null) return addon;
    }
  }
  return null;
}

/** `kernel-linux-x64.node` as built here, then the release's, one for each C library. */
function addonNames(stem: string): string[] {
  const base = `${stem}-${process.platform}-${process.arch}`;
  return [`${base}.node`, `${base}-gnu.node`, `${base}-musl.node`];
}

function readTable(folder: URL): Table {
  try {
    return JSON.parse(readFileSync(new URL('addons.json', folder), 'utf8')) as Table;
  } catch {
    return {};
  }
}

function locate(folder: URL, name: string): { path: string; bytes: Buffer } | null {
  const packaged = () => createRequire(import.meta.url).resolve(`weighmark-${name.slice(0, -'.node'.length)}/${name}`);
  for (const find of [() => fileURLToPath(new URL(name, folder)), packaged]) {
    try {
      const path = find();
      return { path, bytes: readFileSync(path) };
    } catch {
      // Not there: the next place.
    }
  }
  return null;
}

/** Null where it does not fit this system, such as another C library's. */
function open(path: string): unknown {
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
    return module.exports;
  } catch {
    return null;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
