/**
 * Links the modules that a command always needs into one file. Node spends 0.1 to 0.2 ms on each file, and more on
 * `import … from 'node:fs'`, which runs every getter of that module: streams, promises and all. What a module says stays
 * as tsc wrote it, but for its imports and exports; it becomes a function that runs when first asked for. In its place
 * a file stays that asks for it, so that the rest of dist finds it where it was. What is not understood ends the build.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

interface Module {
  /** Within dist, as all paths here. */
  readonly path: string;
  /** The file it goes into. */
  readonly group: string;
  readonly id: string;
  readonly text: string;
}

interface Linking {
  readonly dist: string;
  readonly modules: ReadonlyMap<string, Module>;
  /** Where an import leads; undefined: out of dist. */
  locate(specifier: string, path: string): string | undefined;
}

const IMPORT = /^import (\{[^}]*\}|[\w$]+) from '([^']+)';$/gm;
const EXPORT_FROM = /^export \{([^}]+)\} from '([^']+)';$/gm;
const EXPORT_LIST = /^export \{([^}]*)\};$/gm;
const EXPORT = /^export (?=(?:(?:async )?function\*?|class) (\w+)|const (\w+) = )/gm;
const IMPORT_LATER = /\bimport\('(\.[^']+)'\)/g;
/** What must not be left of these; a comment may speak of them. */
const STRANGE = /^(?:import|export)\b.*$|^(?! *\*).*\bimport\.meta\.(?!url\b).*$/m;

/** Node's modules that take milliseconds to load and that most runs never use. */
const SELDOM = new Set(['node:child_process']);

/**
 * @param dist the folder of the modules.
 * @param groups file to write → the modules it is for, with all they import. A module of several is in the first.
 * @param packages name → module in dist that stands for the package.
 */
export function link(dist: string, groups: Readonly<Record<string, readonly string[]>>, packages: Readonly<Record<string, string>>): void {
  const locate = (specifier: string, path: string) => packages[specifier] ?? (specifier.startsWith('.') ? join(dirname(path), specifier) : undefined);
  const linking = { dist, modules: gather(dist, groups, locate), locate };
  const loose = modulesBelow(dist).filter((path) => !linking.modules.has(path));
  const files = [
    ...Object.keys(groups).map((group) => [group, groupText(group, linking)] as const),
    ...[...linking.modules.values()].map((module) => [module.path, standInText(module)] as const),
    ...loose.map((path) => [path, looseText(path, readFileSync(join(dist, path), 'utf8'), packages)] as const),
  ];
  for (const [path, text] of files) writeFileSync(join(dist, path), text);
}

/** Each after those it imports. */
function gather(dist: string, groups: Readonly<Record<string, readonly string[]>>, locate: Linking['locate']): ReadonlyMap<string, Module> {
  const modules = new Map<string, Module>();
  const add = (path: string, group: string, above: readonly string[]): void => {
    if (above.includes(path)) throw new Error(`a circle of imports: ${[...above, path].join(' > ')}`);
    if (modules.has(path)) return;
    const text = readFileSync(join(dist, path), 'utf8');
    for (const [, , specifier = ''] of [...text.matchAll(IMPORT), ...text.matchAll(EXPORT_FROM)]) {
      const target = locate(specifier, path);
      if (target !== undefined) add(target, group, [...above, path]);
    }
    modules.set(path, { path, group, id: `m${modules.size}`, text });
  };
  for (const [group, entries] of Object.entries(groups)) for (const entry of entries) add(entry, group, []);
  return modules;
}

function groupText(group: string, linking: Linking): string {
  const own = [...linking.modules.values()].filter((module) => module.group === group);
  const imports = new Set<string>();
  const ask = (module: Module) => {
    if (module.group !== group) imports.add(`import { ${module.id} } from '${pathTo(module.group, group)}';\n`);
    return `${module.id}()`;
  };
  const askPackage = (name: string) => {
    const id = `package_${name.replace(/\W/g, '_')}`;
    imports.add(`import * as ${id} from '${name}';\n`);
    return id;
  };
  const bodies = own.map((module) => functionText(module, linking, { ask, askPackage }));
  return `${[...imports].join('')}const once = (make) => { let made; return () => (made ??= make()); };\n${bodies.join('')}export { ${own.map(({ id }) => id).join(', ')} };\n`;
}

interface Asking {
  ask(module: Module): string;
  askPackage(name: string): string;
}

/** `const m7 = once((() => { …; return { its exports }; }));`: in brackets V8 compiles it with the file, for the compile cache. */
function functionText(module: Module, linking: Linking, { ask, askPackage }: Asking): string {
  const at = (specifier: string) => linking.modules.get(linking.locate(specifier, module.path) ?? '');
  const origin = (specifier: string, names: string) => {
    const target = at(specifier);
    if (target !== undefined) return ask(target);
    return specifier.startsWith('node:') ? builtin(specifier, names) : `${askPackage(specifier)}${names.startsWith('{') ? '' : '.default'}`;
  };
  const exported = exportsOf(module.text).map(({ name, local, from }) => `${name}: ${from === undefined ? '' : `${origin(from, '{}')}.`}${local}`);
  const body = module.text
    .replace(IMPORT, (_, names: string, specifier: string) => `const ${pattern(names)} = ${origin(specifier, names)};`)
    .replace(EXPORT_FROM, '').replace(EXPORT_LIST, '').replace(EXPORT, '')
    .replace(IMPORT_LATER, (_, specifier: string) => laterText(join(dirname(module.path), specifier), module, linking))
    .replaceAll('import.meta.url', `new URL('${pathTo(module.path, module.group)}', import.meta.url).href`);
  const strange = STRANGE.exec(body);
  if (strange !== null) throw new Error(`${module.path}: cannot link ${strange[0]}`);
  return `// ${module.path}\nconst ${module.id} = once((() => {\n${body}return { ${exported.join(', ')} };\n}));\n`;
}

function laterText(path: string, from: Module, { dist, modules }: Linking): string {
  if (!existsSync(join(dist, path))) throw new Error(`${from.path}: there is no ${path}`);
  const target = modules.get(path);
  return target?.group === from.group ? `Promise.resolve().then(${target.id})` : `import('${pathTo(path, from.group)}')`;
}

interface Exported {
  readonly name: string;
  readonly local: string;
  /** Exported on, from there. */
  readonly from?: string;
}

function exportsOf(text: string): readonly Exported[] {
  const listed = (names: string) => names.split(',').flatMap((each) => {
    const [local = '', name = local] = each.trim().split(' as ');
    return local === '' ? [] : [{ name, local }];
  });
  return [
    ...[...text.matchAll(EXPORT_FROM)].flatMap(([, names = '', from = '']) => listed(names).map((each) => ({ ...each, from }))),
    ...[...text.matchAll(EXPORT_LIST)].flatMap(([, names = '']) => listed(names)),
    ...[...text.matchAll(EXPORT)].map(([, name, variable = '']) => ({ name: name ?? variable, local: name ?? variable })),
  ];
}

/** What stays in the place of a linked module. */
function standInText({ path, group, id, text }: Module): string {
  const names = exportsOf(text).map(({ name }) => name);
  return names.length === 0 ? 'export {};\n' : `import { ${id} } from '${pathTo(group, path)}';\nexport const { ${names.join(', ')} } = ${id}();\n`;
}

/** A module that is not linked stays as it is, but for what the imports of Node's modules drag along. */
function looseText(path: string, text: string, packages: Readonly<Record<string, string>>): string {
  return text.replace(IMPORT, (line, names: string, specifier: string) => {
    const stands = packages[specifier];
    if (stands !== undefined) return `import ${names} from '${pathTo(stands, path)}';`;
    return specifier.startsWith('node:') ? `const ${pattern(names)} = ${builtin(specifier, names)};` : line;
  });
}

/** `{ a as b }` of an import, as a pattern. */
function pattern(names: string): string {
  return names.replaceAll(' as ', ': ');
}

function builtin(name: string, names: string): string {
  const load = `globalThis.process.getBuiltinModule('${name}')`;
  return SELDOM.has(name) && !names.startsWith('{') ? `new Proxy({}, { get: (_, key) => ${load}[key] })` : load;
}

function pathTo(target: string, from: string): string {
  const path = relative(dirname(from), target).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

function modulesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
}
