/**
 * Preloaded into weighmark: counts its changes to the file system and, before the one numbered KILL_AT, kills the process
 * with SIGKILL; a write is torn in the middle first. How many there were goes to KILL_COUNT when it ends by itself.
 */
import fs from 'node:fs';
import promises, { open, type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync } from 'node:sqlite';

const killAt = Number(process.env['KILL_AT'] ?? 0);
let changes = 0;
const { writeSync, writeFileSync } = fs;

function change(what: string, tear: () => void = () => {}): void {
  changes += 1;
  if (changes !== killAt) return;
  tear();
  writeSync(2, `killed before ${what}\n`);
  process.kill(process.pid, 'SIGKILL');
}

type Method = (...words: unknown[]) => unknown;

function wrap(object: object, name: string, before: (self: unknown, words: readonly unknown[]) => void): void {
  const methods = object as Record<string, Method>;
  const real = methods[name] as Method;
  methods[name] = function (this: unknown, ...words: unknown[]) {
    before(this, words);
    return real.apply(this, words);
  };
}

for (const name of ['rename', 'link', 'rm', 'rmdir', 'mkdir', 'copyFile', 'unlink', 'utimes', 'chmod', 'truncate'])
  wrap(promises, name, (_, words) => change(`${name} ${String(words[0])}`));
wrap(promises, 'open', (_, words) =>
  words[1] === undefined || words[1] === 'r' || typeof words[1] === 'number'
    ? undefined
    : change(`open ${String(words[0])}`),
);
for (const name of ['renameSync', 'rmSync', 'chmodSync', 'fchmodSync'])
  wrap(fs, name, (_, words) => change(`${name} ${String(words[0])}`));
wrap(fs, 'openSync', (_, words) => (words[1] === 'wx' ? change(`openSync ${String(words[0])}`) : undefined));
wrap(fs, 'writeSync', (_, words) =>
  change('writeSync', () => {
    const bytes = words[1] as Uint8Array;
    writeSync(words[0] as number, bytes, 0, Math.floor(bytes.length / 2));
  }),
);
wrap(DatabaseSync.prototype, 'exec', (_, words) => change(`sqlite ${String(words[0]).slice(0, 40)}`));

const handle = await open(process.execPath);
const prototype = Object.getPrototypeOf(handle) as object;
await handle.close();
wrap(prototype, 'sync', () => change('sync'));
for (const name of ['write', 'writeFile'])
  wrap(prototype, name, (self, words) => change(name, () => tear(self as FileHandle, words[0])));

function tear({ fd }: FileHandle, content: unknown): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : (content as Uint8Array);
  writeSync(fd, bytes, 0, Math.floor(bytes.length / 2));
}

syncBuiltinESMExports();
const counted = process.env['KILL_COUNT'];
if (counted !== undefined) process.on('exit', () => writeFileSync(counted, String(changes)));
