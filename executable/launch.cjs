// What runs first in the executable. Workers, WebAssembly and the native kernel are loaded from files, which Node cannot take
// out of an executable: the program is unpacked once into the user's own cache, under the digest of its bytes.
const { createHash, randomBytes } = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const { homedir } = require('node:os');
const { dirname, isAbsolute, join } = require('node:path');
const { getAsset } = require('node:sea');
const { brotliDecompressSync } = require('node:zlib');

function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'weighmark', 'program');
}

/** What lies there will run: nobody else may write to it. */
function refuseShared(folder) {
  const { uid, mode } = fs.lstatSync(folder);
  if (process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o022) !== 0))
    throw new Error(`${folder} is open to other users: remove it, or set XDG_CACHE_HOME to a folder of your own`);
}

/** Whole or not at all: a folder gets its name when everything is in it. */
function unpack(index, folder) {
  const bytes = brotliDecompressSync(Buffer.from(getAsset('program')));
  const beside = `${folder}.${randomBytes(6).toString('hex')}`;
  let at = 0;
  for (const { path, size } of index) {
    fs.mkdirSync(dirname(join(beside, path)), { recursive: true, mode: 0o700 });
    fs.writeFileSync(join(beside, path), bytes.subarray(at, at + size), { mode: 0o600 });
    at += size;
  }
  try {
    fs.renameSync(beside, folder);
  } catch (error) {
    fs.rmSync(beside, { recursive: true, force: true });
    if (!fs.existsSync(folder)) throw error;
  }
}

/** A cleaner of caches may have taken some: sizes are compared, and what is not whole is unpacked anew. */
function isWhole(index, folder) {
  return index.every(({ path, size }) => fs.statSync(join(folder, path), { throwIfNoEntry: false })?.size === size);
}

function place() {
  const text = getAsset('index', 'utf8');
  const index = JSON.parse(text);
  const parent = cacheFolder();
  fs.mkdirSync(parent, { recursive: true, mode: 0o700 });
  refuseShared(parent);
  const folder = join(parent, createHash('sha256').update(text).digest('hex').slice(0, 32));
  if (fs.existsSync(folder)) {
    refuseShared(folder);
    if (isWhole(index, folder)) return folder;
    fs.renameSync(folder, `${folder}.${randomBytes(6).toString('hex')}.old`);
  }
  unpack(index, folder);
  return folder;
}

try {
  const start = join(place(), 'bin', 'weighmark.js');
  createRequire(start)(start);
} catch (error) {
  console.error(`weighmark: error[internal]: the executable could not be unpacked: ${error.message}`);
  process.exitCode = 70;
}
