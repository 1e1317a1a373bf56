// node release.mjs ADDONS OUT: for the release workflow, after every platform has built its addon. Makes one npm package an
// addon in OUT, writes the tables of their digests, one a crate, and adds them to package.json as optional dependencies (only now:
// they must be published for `npm ci` to work).
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

/** By the first part of their names: where each crate is, whose table lists its addons, and what they are for. */
const CRATES = {
  kernel: { at: './', does: 'Native hashing' },
  records: { at: '../../records/kernel/', does: 'Datasets read natively' },
};

const tables = { kernel: {}, records: {} };
manifest.optionalDependencies ??= {};
for (const file of globSync('**/{kernel,records}-*.node', { cwd: addons }).sort()) {
  const [, stem, platform, arch] = /^(kernel|records)-([a-z0-9]+)-([a-z0-9]+)\.node$/.exec(basename(file)) ?? [];
  if (platform === undefined) throw new Error(`${file} is no addon's name`);
  const libc = LIBC[platform];
  const base = `${stem}-${platform}-${arch}${libc?.suffix ?? ''}`;
  const name = `weighmark-${base}`;
  const folder = join(out, name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(addons, file), join(folder, `${base}.node`));
  const own = {
    name,
    version,
    description: `${CRATES[stem].does} for weighmark on ${platform} ${arch}`,
    license,
    repository,
    os: [platform],
    cpu: [arch],
    ...(libc === undefined ? {} : { libc: libc.npm }),
    files: [`${base}.node`],
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  tables[stem][`${base}.node`] = {
    sha256: createHash('sha256')
      .update(readFileSync(join(folder, `${base}.node`)))
      .digest('hex'),
  };
  manifest.optionalDependencies[name] = version;
}
for (const [stem, table] of Object.entries(tables)) {
  if (Object.keys(table).length === 0) throw new Error(`there is no addon of ${stem} in ${addons}`);
  const place = new URL(`${CRATES[stem].at}addons.json`, import.meta.url);
  writeFileSync(place, `${JSON.stringify(table, null, 2)}\n`);
  console.log(Object.keys(table).join('\n'));
}
writeFileSync(join(root, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
