// Builds one self-contained executable for this platform with Node's own means (single executable applications): Node, the
// program, its packages and, where this checkout has it, the native kernel. `npm run build:executable`; the file lands in
// executable/dist. Needs npm's registry for postject.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { standalone } from '../standalone.mjs';

const POSTJECT = 'postject@1.0.0-alpha.6';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const folder = import.meta.dirname;
const root = resolve(folder, '..');
const isWindows = process.platform === 'win32';

/** The native kernel and the table of digests that lets it in, where prepare built it: else hashing is WebAssembly's. */
function addKernel(program) {
  const kernel = 'adapters/hasher/kernel';
  const addon = `kernel-${process.platform}-${process.arch}.node`;
  if (!existsSync(join(root, 'src', kernel, addon))) return;
  for (const name of [addon, 'addons.json'])
    copyFileSync(join(root, 'src', kernel, name), join(program, 'dist', kernel, name));
}

/** One file after the other, and the list of them with digests: what the launcher unpacks. */
function pack(program) {
  const paths = readdirSync(program, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(program, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .toSorted();
  const contents = paths.map((path) => readFileSync(join(program, path)));
  const index = paths.map((path, at) => ({
    path,
    size: contents[at].length,
    sha256: createHash('sha256').update(contents[at]).digest('hex'),
  }));
  const bytes = Buffer.concat(contents);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { index: JSON.stringify(index), bytes: brotliCompressSync(bytes, { params }) };
}

function inject(work, target) {
  const config = {
    main: join(folder, 'launch.cjs'),
    output: join(work, 'blob'),
    disableExperimentalSEAWarning: true,
    assets: { index: join(work, 'index'), program: join(work, 'program.br') },
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config));
  execFileSync(process.execPath, ['--experimental-sea-config', join(work, 'sea.json')], { stdio: 'inherit' });
  copyFileSync(process.execPath, target);
  chmodSync(target, 0o755);
  const macho = process.platform === 'darwin' ? ['--macho-segment-name', 'NODE_SEA'] : [];
  if (macho.length > 0) execFileSync('codesign', ['--remove-signature', target]);
  execFileSync(
    isWindows ? 'npx.cmd' : 'npx',
    ['--yes', POSTJECT, target, 'NODE_SEA_BLOB', join(work, 'blob'), '--sentinel-fuse', FUSE, ...macho],
    { stdio: ['ignore', 'ignore', 'inherit'], shell: isWindows },
  );
  if (macho.length > 0) execFileSync('codesign', ['--sign', '-', target]);
}

const work = mkdtempSync(join(tmpdir(), 'weighmark-executable-'));
try {
  const program = join(work, 'program');
  const version = standalone(program);
  addKernel(program);
  const { index, bytes } = pack(program);
  writeFileSync(join(work, 'index'), index);
  writeFileSync(join(work, 'program.br'), bytes);
  rmSync(join(folder, 'dist'), { recursive: true, force: true });
  mkdirSync(join(folder, 'dist'));
  const name = `weighmark-${version}-${process.platform}-${process.arch}${isWindows ? '.exe' : ''}`;
  inject(work, join(folder, 'dist', name));
  console.log(`executable/dist/${name}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
