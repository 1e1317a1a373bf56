/**
 * Links the command line into few files with Rollup: Node spends 0.1 to 0.2 ms on each module file, and more on
 * `import … from 'node:fs'`, which runs every getter of that module: streams, promises and all.
 */
import { rollup } from '@rollup/wasm-node';
import { builtinModules } from 'node:module';
import { isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODULES = join(import.meta.dirname, 'node_modules');

/** File → the modules it is for, with all they import. A module of several is in the first. */
const FILES = {
  start: ['cli/main.js'],
  hash: [
    'cli/program.js',
    'cli/commands/hash.js',
    'adapters/hasher/index.js',
    'adapters/files/index.js',
    'cli/memory.js',
    'domain/base/source.js',
  ],
  verify: [
    'cli/commands/verify.js',
    'domain/base/json.js',
    'adapters/registries/setup.js',
    'adapters/time-memory.js',
    'flows/content/stores.js',
  ],
  trust: [
    'adapters/trust-store/index.js',
    'adapters/keys/index.js',
    'adapters/config/index.js',
    'adapters/version-memory.js',
  ],
  gate: [
    'cli/commands/promote.js',
    'cli/policy-options.js',
    'flows/gate/environment.js',
    'flows/gate/policy-load.js',
    'adapters/registries/index.js',
    'adapters/log-store/memory.js',
  ],
  hook: ['cli/commands/hook.js', 'adapters/git/index.js', 'adapters/stat-cache.js'],
  scan: ['domain/scan/index.js'],
};

/** Linked too: as a package Commander loads node:child_process, for sub-commands that are programs of their own. */
const PACKAGES = { commander: 'index.js' };

/**
 * Packages whose one file is read and run at the first call into them: most policies have no CEL, most folders no template, and a
 * key that is named needs no trust store. YAML is 70 files, each with a price; the build for browsers, which has the same code,
 * is of modules, and becomes one.
 */
const AT_FIRST_CALL = {
  yaml: 'browser/dist/index.js',
  '@bufbuild/cel': 'dist/esm/index.js',
  '@bufbuild/re2': 'dist/esm/index.js',
  '@huggingface/jinja': 'dist/index.js',
};

export const LINKED = [...Object.keys(PACKAGES), ...Object.keys(AT_FIRST_CALL)];

/** Node's modules that take milliseconds to load and that most runs never use. */
const SELDOM = new Set([
  'node:child_process',
  'node:fs/promises',
  'node:sqlite',
  'node:v8',
  'node:worker_threads',
  'node:zlib',
]);

/** @param dist the folder of the modules; `linked/main.js` in it becomes the program. */
export async function link(dist) {
  const linked = join(dist, 'linked');
  const isLinked = (id, from = '') =>
    /^[.\0]/.test(id) || isAbsolute(id) || nodeModule(id) !== null || packageFile(id, from) !== null;
  const bundle = await rollup({
    input: { main: join(dist, 'cli/main.js') },
    external: (id, from) => !isLinked(id, from),
    plugins: [leanBuiltins(), leanPackages(), ownPlace(dist, linked)],
    onwarn: (warning) => {
      const theirs = warning.code === 'CIRCULAR_DEPENDENCY' && warning.ids.every(isOfPackage);
      if (warning.code !== 'THIS_IS_UNDEFINED' && !theirs) throw new Error(warning.message);
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
function leanBuiltins() {
  return {
    name: 'lean-builtins',
    resolveId: (id) => (nodeModule(id) === null ? null : `\0${nodeModule(id)}`),
    // What is loaded when it is needed stays so: Rollup would copy what a module has, and of these it sees nothing.
    resolveDynamicImport: (id) =>
      typeof id === 'string' && nodeModule(id) !== null ? { id: nodeModule(id), external: true } : null,
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

/** Whether a file is a package's; the tests build into `node_modules/.cache`, which is none. */
function isOfPackage(file) {
  return file.startsWith(join(MODULES, sep)) && !file.startsWith(join(MODULES, '.cache', sep));
}

/** The file of a package that is linked; what such a package imports is linked with it. */
function packageFile(id, from) {
  const file = PACKAGES[id] ?? AT_FIRST_CALL[id];
  if (file !== undefined) return join(MODULES, id, file);
  return isOfPackage(from) && /^@?[a-z]/.test(id) ? fileURLToPath(import.meta.resolve(id)) : null;
}

/** `import { parse } from 'package'` as `parse` of a file that is read when it is asked for. */
function leanPackages() {
  const late = (id) => `\0late:${id}`;
  return {
    name: 'lean-packages',
    resolveId: (id, from = '') =>
      Object.hasOwn(AT_FIRST_CALL, id) && !isOfPackage(from) && !from.startsWith('\0')
        ? late(id)
        : packageFile(id, from),
    load(id) {
      if (!id.startsWith(late(''))) return null;
      const file = this.emitFile({ type: 'chunk', id: packageFile(id.slice(late('').length), '') });
      return {
        code: `import { createRequire } from 'node:module';
          import { fileURLToPath } from 'node:url';
          let loaded;
          const load = () => (loaded ??= createRequire(import.meta.url)(fileURLToPath(import.meta.ROLLUP_FILE_URL_${file})));
          export default new Proxy({}, { get: (_, key) => load()[key] });`,
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
