// Compiles src to dist and copies what is not TypeScript beside it.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit', shell: process.platform === 'win32' });
const shipped = (path) => !/\.(ts|rs|toml|lock|node|sh|gitignore)$|(prepare|release)\.mjs$/.test(path) && !/[\\/](target|\.cargo)([\\/]|$)/.test(path);
cpSync('src', 'dist', { recursive: true, filter: shipped });
