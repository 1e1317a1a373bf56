import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// A command lives for a second and makes much short-lived garbage: a young generation that stays small halves its memory
// and costs no time (scan of 10,000 files: 195 MB and 1.35 s without, 110 MB and 1.16 s with it).
setFlagsFromString('--semi-space-growth-factor=1');

// The cache holds code that will run: it lies in the user's own folder, never in a shared temporary one.
function ownCache() {
  const base = process.env.XDG_CACHE_HOME ?? '';
  const folder = join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'weighmark', 'compile');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  const own = stat.isDirectory() && (process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o077) === 0));
  return own ? folder : null;
}

try {
  const folder = ownCache();
  if (folder !== null) enableCompileCache(folder);
} catch {
  // Only speed is lost.
}

const inCheckout = existsSync(new URL('../src/cli/main.ts', import.meta.url));
try {
  const { main } = await import(inCheckout ? '../src/cli/main.ts' : '../dist/cli/main.js');
  await main(process.argv.slice(2));
} catch (error) {
  // Exit code 1 means that a check said no; a fault of the program itself must never look like one.
  console.error(error);
  process.exitCode = 70;
}
