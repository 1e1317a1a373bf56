// Compiles src to dist, copies what is not TypeScript beside it, and writes the manual pages from the command tree.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit', shell: process.platform === 'win32' });
const shipped = (path) => !/\.(ts|rs|toml|lock|node|sh|gitignore)$|(prepare|release)\.mjs$/.test(path) && !/[\\/](target|\.cargo)([\\/]|$)/.test(path);
cpSync('src', 'dist', { recursive: true, filter: shipped });

const { allCommands } = await import('./dist/cli/main.js');
const { manualPages } = await import('./dist/cli/views/manual.js');
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
rmSync('man', { recursive: true, force: true });
mkdirSync('man');
for (const { name, text } of manualPages(await allCommands(version, () => async () => undefined), version)) writeFileSync(`man/${name}`, text);
