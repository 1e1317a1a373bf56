// Compiles src to dist, copies what is not TypeScript beside it, writes the manual pages from the command tree, and links
// what the commands that people wait for always need. `node build.mjs FOLDER` puts dist and man there.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { link } from './link.ts';

const target = resolve(process.argv[2] ?? '.');
const [dist, man] = [join(target, 'dist'), join(target, 'man')];
rmSync(dist, { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', dist], { stdio: 'inherit', shell: process.platform === 'win32' });
const shipped = (path) => !/\.(ts|rs|toml|lock|node|sh|gitignore)$|(prepare|release)\.mjs$/.test(path) && !/[\\/](target|\.cargo)([\\/]|$)/.test(path);
cpSync('src', dist, { recursive: true, filter: shipped });

const built = (path) => import(pathToFileURL(join(dist, path)).href);
const [{ allCommands }, { manualPages }] = await Promise.all([built('cli/main.js'), built('cli/views/manual.js')]);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
rmSync(man, { recursive: true, force: true });
mkdirSync(man);
for (const { name, text } of manualPages(await allCommands(version, () => async () => undefined), version)) writeFileSync(join(man, name), text);

// Commander is linked too: as a package it loads node:child_process, for sub-commands that are programs of their own.
for (const path of ['index.js', 'lib', 'LICENSE']) cpSync(join('node_modules', 'commander', path), join(dist, 'commander', path), { recursive: true });
mkdirSync(join(dist, 'linked'));
link(dist, {
  'linked/hash.js': ['cli/main.js', 'cli/program.js', 'cli/commands/hash.js', 'adapters/hasher/index.js', 'adapters/files/index.js', 'cli/memory.js'],
  'linked/verify.js': ['cli/commands/verify.js', 'domain/json.js'],
  'linked/hook.js': ['cli/commands/hook.js', 'adapters/git.js', 'adapters/config/index.js', 'adapters/stat-cache.js', 'domain/scan/index.js'],
}, { commander: 'commander/index.js' });
