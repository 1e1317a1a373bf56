// Compiles src to dist, copies what is not TypeScript beside it, writes the manual pages from the command tree, and links
// the command line. `node build.mjs FOLDER` puts dist and man there.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { link, LINKED } from './link.mjs';

const target = resolve(process.argv[2] ?? '.');
const [dist, man] = [join(target, 'dist'), join(target, 'man')];
rmSync(dist, { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', dist], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
const shipped = (path) =>
  !/\.(ts|rs|toml|lock|node|sh|md|gitignore)$|(prepare|release|build)\.mjs$/.test(path) &&
  !/[\\/](target|\.cargo)([\\/]|$)/.test(path);
cpSync('src', dist, { recursive: true, filter: shipped });

const built = (path) => import(pathToFileURL(join(dist, path)).href);
const [{ allCommands }, { manualPages }] = await Promise.all([built('cli/main.js'), built('cli/views/manual.js')]);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
rmSync(man, { recursive: true, force: true });
mkdirSync(man);
for (const { name, text } of manualPages(await allCommands(version, () => async () => undefined), version))
  writeFileSync(join(man, name), text);

await link(dist);
rmSync(join(dist, 'cli'), { recursive: true });
// What is linked keeps its licence: a file of the package, or, where it has none, the head of each of its files.
for (const name of LINKED) {
  const licence = join('node_modules', name, 'LICENSE');
  if (existsSync(licence)) cpSync(licence, join(dist, 'linked', `${name.replace('/', '+')}.LICENSE`));
}
