/**
 * Runs command lines in this process and makes one call to the file system fail, or tell less than it could: the change
 * of a number with EIO or ENOSPC, a write after half of its bytes; reads that give less than was asked; a file that is
 * another one when it is opened. Started by `faults.test.ts` with `fork`, a try a message.
 */
import fs from 'node:fs';
import promises, { open, type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { main as Main } from '../../src/cli/main.ts';

export type Fault =
  | { readonly kind: 'none' | 'short-reads' }
  | { readonly kind: 'EIO' | 'ENOSPC'; readonly at: number }
  /** At the opening of that number of a file below this folder. */
  | { readonly kind: 'swapped'; readonly at: number; readonly below: string };

export interface Try {
  readonly words: readonly string[];
  readonly fault: Fault;
}

export interface Tried {
  readonly code: number;
  readonly output: string;
  /** Changes to the file system that were made or failed; files opened below the folder of a swap. */
  readonly changes: number;
  readonly opened: number;
  /** Where the fault came; empty: it did not. */
  readonly hit: string;
}

let fault: Fault = { kind: 'none' };
let [changes, opened, hit, output] = [0, 0, '', ''];
const real = {
  writeSync: fs.writeSync,
  readSync: fs.readSync,
  renameSync: fs.renameSync,
  writeFileSync: fs.writeFileSync,
};

function change(what: string, tear: () => void = () => {}): void {
  changes += 1;
  if ((fault.kind !== 'EIO' && fault.kind !== 'ENOSPC') || changes !== fault.at) return;
  tear();
  hit = what;
  throw Object.assign(new Error(`${fault.kind}: injected, ${what}`), { code: fault.kind, syscall: what.split(' ')[0] });
}

function opening(path: string): void {
  const below = fault.kind === 'swapped' ? fault.below : null;
  if (below === null || !resolve(path).startsWith(`${below}/`) || !fs.existsSync(path)) return;
  opened += 1;
  if (fault.kind !== 'swapped' || opened !== fault.at) return;
  hit = path;
  real.writeFileSync(`${path}.other`, `another content, of another length ${opened}`);
  real.renameSync(`${path}.other`, path);
}

type Method = (...words: unknown[]) => unknown;

function wrap(object: object, name: string, before: (self: unknown, words: readonly unknown[]) => void): void {
  const methods = object as Record<string, Method>;
  const method = methods[name] as Method;
  methods[name] = function (this: unknown, ...words: unknown[]) {
    try {
      before(this, words);
    } catch (error) {
      if (object === fs || object === DatabaseSync.prototype) throw error;
      return Promise.reject(error);
    }
    return method.apply(this, words);
  };
}

for (const name of ['rename', 'link', 'rm', 'rmdir', 'mkdir', 'copyFile', 'unlink', 'utimes', 'chmod', 'truncate'])
  wrap(promises, name, (_, words) => change(`${name} ${String(words[0])}`));
wrap(promises, 'open', (_, words) => {
  if (words[1] === undefined || words[1] === 'r' || typeof words[1] === 'number') opening(String(words[0]));
  else change(`open ${String(words[0])}`);
});
wrap(fs, 'openSync', (_, words) => opening(String(words[0])));
wrap(DatabaseSync.prototype, 'exec', (_, words) => {
  if (!/^\s*(?:INSERT|CREATE|BEGIN|COMMIT|DELETE|UPDATE|DROP)/i.test(String(words[0]))) return;
  change(`sqlite ${String(words[0]).slice(0, 40)}`);
});

const handle = await open(process.execPath);
const prototype = Object.getPrototypeOf(handle) as object;
await handle.close();
wrap(prototype, 'sync', () => change('sync'));
for (const name of ['write', 'writeFile'])
  wrap(prototype, name, (self, words) => change(name, () => tear(self as FileHandle, words[0])));
halveReads(prototype);

function tear({ fd }: FileHandle, content: unknown): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : (content as Uint8Array);
  real.writeSync(fd, bytes, 0, Math.floor(bytes.length / 2));
}

/** What POSIX allows any file system to do. */
function halveReads(of: object): void {
  const methods = of as Record<string, Method>;
  const read = methods['read'] as Method;
  methods['read'] = function (this: unknown, ...words: unknown[]) {
    const [buffer, offset, length, position] = words;
    if (fault.kind !== 'short-reads' || typeof length !== 'number' || length < 2) return read.apply(this, words);
    hit = 'read';
    return read.call(this, buffer, offset, Math.ceil(length / 2), position);
  };
  (fs as unknown as Record<string, Method>)['readSync'] = (...words) => {
    const [fd, buffer, offset, length, position] = words;
    const short = fault.kind === 'short-reads' && typeof length === 'number' && length > 1;
    if (short) hit = 'readSync';
    return (real.readSync as Method)(fd, buffer, offset, short ? Math.ceil(length / 2) : length, position);
  };
}

/** What commands print is kept. */
(fs as unknown as Record<string, Method>)['writeSync'] = (...words) => {
  const [fd, bytes, offset] = words as [number, Uint8Array | string, number?];
  if (fd !== 1 && fd !== 2) return (real.writeSync as Method)(...words);
  const said = typeof bytes === 'string' ? Buffer.from(bytes) : bytes.subarray(offset ?? 0);
  output += Buffer.from(said).toString();
  return said.length;
};
syncBuiltinESMExports();

const { main } = (await import('../../src/cli/main.ts')) as { main: typeof Main };

process.on('message', (asked: Try) => void run(asked).then((tried) => process.send?.(tried)));
process.send?.('ready');

async function run(asked: Try): Promise<Tried> {
  [changes, opened, hit, output] = [0, 0, '', ''];
  process.exitCode = undefined;
  fault = asked.fault;
  await main(asked.words);
  fault = { kind: 'none' };
  const code = exitCode();
  process.exitCode = undefined;
  return { code, output, changes, opened, hit };
}

function exitCode(): number {
  return Number(process.exitCode ?? 0);
}
