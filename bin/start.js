// Node's own modules are asked for in this way because `import … from 'node:fs'` also runs what hangs at them behind
// getters: streams, promises and more, 2 ms that `weighmark --version` has no use for.
const { existsSync, lstatSync, mkdirSync } = process.getBuiltinModule('node:fs');
const { enableCompileCache } = process.getBuiltinModule('node:module');
const { homedir } = process.getBuiltinModule('node:os');
const { isAbsolute, join } = process.getBuiltinModule('node:path');

// The cache holds code that will run: it lies in the user's own folder, never in a shared temporary one.
function ownCache() {
  const base = process.env.XDG_CACHE_HOME ?? '';
  const folder = join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'weighmark', 'compile');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  const own =
    stat.isDirectory() &&
    (process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o077) === 0));
  return own ? folder : null;
}

try {
  const folder = ownCache();
  if (folder !== null) enableCompileCache(folder);
} catch {
  // Only speed is lost.
}

// `node:sqlite` is called experimental in Node 22; that is ours to know, not the user's. Other warnings stay.
const listeners = process.listeners('warning');
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') for (const listener of listeners) listener.call(process, warning);
});

const inCheckout = existsSync(new URL('../src/cli/main.ts', import.meta.url));
try {
  const { main } = await import(inCheckout ? '../src/cli/main.ts' : '../dist/linked/main.js');
  await main(process.argv.slice(2));
} catch (error) {
  // Exit code 1 means that a check said no; a fault of the program itself must never look like one.
  console.error(error);
  process.exitCode = 70;
}
