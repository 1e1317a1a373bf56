// Builds the Python wheel: the command line as npm packs it, with the packages it needs and nothing that a run never reads,
// beside a small Python module. `npm run build:python`; needs Python 3.10 with pip. The wheel lands in python/dist.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { standalone } from '../standalone.mjs';

const folder = import.meta.dirname;
const version = standalone(join(folder, 'weighmark', '_node'));
writeFileSync(join(folder, 'weighmark', '_version.py'), `__version__ = "${version}"\n`);
rmSync(join(folder, 'dist'), { recursive: true, force: true });
const python = process.env.PYTHON ?? 'python3';
execFileSync(python, ['-m', 'pip', 'wheel', '--quiet', '--no-deps', '-w', 'dist', '.'], {
  cwd: folder,
  stdio: 'inherit',
});
console.log(`python/dist/${basename(readdirSync(join(folder, 'dist'))[0] ?? '')}`);
