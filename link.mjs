/**
 * Links the command line into few files with Rollup: Node spends 0.1 to 0.2 ms on each module file, and more on
 * `import … from 'node:fs'`, which runs every getter of that module: streams, promises and all.
 */
import { rollup } from '@rollup/wasm-node';
import { builtinModules } from 'node:module';
import { isAbsolute, join, relative } from 'node:path';

/** File → the modules it is for, with all they import. A module of several is in the first. */
const FILES = {
  start: ['cli/main.js'],
  hash: [
    'cli/program.js',
    'cli/commands/hash.js',
    'adapters/hasher/index.js',
    'adapters/files/index.js',
    'cli/memory.js',
  ],
  verify: ['cli/commands/verify.js', 'domain/base/json.js', 'adapters/time-memory.js', 'flows/content/stores.js'],
  hook: [
    'cli/commands/hook.js',
    'adapters/git.js',
    'adapters/config/index.js',
    'adapters/stat-cache.js',
    'domain/scan/index.js',
  ],
};

/** Node's modules that take milliseconds to load and that most runs never use. */
const SELDOM = new Set(['node:child_process', 'node:fs/promises', 'node:v8', 'node:worker_threads']);

/** @param dist the folder of the modules; `linked/main.js` in it becomes the program. */
export async function link(dist) {
  const linked = join(dist, 'linked');
  // Commander is linked too: as a package it loads node:child_process, for sub-commands that are programs of their own.
  const packages = new Map([['commander', join(import.meta.dirname, 'node_modules/commander/index.js')]]);
  const isLinked = (id) => /^[.\0]/.test(id) || isAbsolute(id) || packages.has(id) || nodeModule(id) !== null;
  const bundle = await rollup({
    input: { main: join(dist, 'cli/main.js') },
    external: (id) => !isLinked(id),
    plugins: [leanBuiltins(packages), ownPlace(dist, linked)],
    onwarn: (warning) => {
      if (warning.code !== 'THIS_IS_UNDEFINED') throw new Error(warning.message);
    },
  });
  await bundle.write({
    dir: linked,
    format: 'esm',
    chunkFileNames: '[name].js',
    hoistTransitiveImports: false,
    importAttributesKey: 'with',
    manualChunks: filesOf(dist),
  });
}

function nodeModule(id) {
  const name = id.replace(/^node:/, '');
  return builtinModules.includes(name) || builtinModules.includes(`node:${name}`) ? `node:${name}` : null;
}

/** Node's modules without what hangs at them behind getters. */
function leanBuiltins(packages) {
  return {
    name: 'lean-builtins',
    resolveId: (id) => packages.get(id) ?? (nodeModule(id) === null ? null : `\0${nodeModule(id)}`),
    load(id) {
      if (!id.startsWith('\0node:')) return null;
      const get = `globalThis.process.getBuiltinModule('${id.slice(1)}')`;
      return {
        code: `export default ${SELDOM.has(id.slice(1)) ? `new Proxy({}, { get: (_, key) => ${get}[key] })` : get};`,
        syntheticNamedExports: true,
      };
    },
  };
}

/** A module goes on finding what lies beside it, wherever it is linked into. */
function ownPlace(dist, linked) {
  return {
    name: 'own-place',
    transform: (code, id) =>
      code.includes('import.meta.url') && id.startsWith(dist)
        ? {
            code: code.replaceAll(
              'import.meta.url',
              `new URL('${relative(linked, id).replaceAll('\\', '/')}', import.meta.url).href`,
            ),
            map: null,
          }
        : null,
  };
}

function filesOf(dist) {
  let files;
  return (id, { getModuleInfo }) => {
    files ??= gather(dist, getModuleInfo);
    return files.get(id);
  };
}

function gather(dist, getModuleInfo) {
  const files = new Map();
  const add = (id, file) => {
    const info = getModuleInfo(id);
    if (files.has(id) || info === null || info.isExternal) return;
    files.set(id, file);
    for (const imported of info.importedIds) add(imported, file);
  };
  for (const [file, modules] of Object.entries(FILES)) for (const module of modules) add(join(dist, module), file);
  return files;
}
