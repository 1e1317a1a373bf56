// node release.mjs ADDONS OUT: for the release workflow, after every platform has built its addon. Makes one npm package an
// addon in OUT, writes the table of their digests, and adds them to package.json as optional dependencies (only now: they
// must be published for `npm ci` to work).
import { createHash } from 'node:crypto';
import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [addons, out] = process.argv.slice(2);
if (addons === undefined || out === undefined) throw new Error('usage: node release.mjs ADDONS OUT');
const root = fileURLToPath(new URL('../../../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { version, license, repository } = manifest;

/** The C library of the runners that build; elsewhere there is only one. */
const LIBC = { linux: { suffix: '-gnu', npm: ['glibc'] } };

const table = {};
manifest.optionalDependencies ??= {};
for (const file of globSync('**/kernel-*.node', { cwd: addons }).sort()) {
  const [, platform, arch] = /^kernel-([a-z0-9]+)-([a-z0-9]+)\.node$/.exec(basename(file)) ?? [];
  if (platform === undefined) throw new Error(`${file} is no addon's name`);
  const libc = LIBC[platform];
  const base = `kernel-${platform}-${arch}${libc?.suffix ?? ''}`;
  const name = `weighmark-${base}`;
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(addons, file), join(folder, `${base}.node`));
  const own = {
    name,
    version,
    description: `Native hashing for weighmark on ${platform} ${arch}`,
    license,
    repository,
    os: [platform],
    cpu: [arch],
    ...(libc === undefined ? {} : { libc: libc.npm }),
    files: [`${base}.node`],
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  table[`${base}.node`] = {
    sha256: createHash('sha256')
      .update(readFileSync(join(folder, `${base}.node`)))
      .digest('hex'),
  };
  manifest.optionalDependencies[name] = version;
}
if (Object.keys(table).length === 0) throw new Error(`there is no addon in ${addons}`);
writeFileSync(fileURLToPath(new URL('./addons.json', import.meta.url)), `${JSON.stringify(table, null, 2)}\n`);
writeFileSync(join(root, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(Object.keys(table).join('\n'));
