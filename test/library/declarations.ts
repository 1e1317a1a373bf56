import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One top-level statement of a declaration file, and the docstring above it. */
interface Declaration {
  readonly name: string;
  readonly doc: string;
  readonly text: string;
}

/** What users of the package can name, in the order of `src/index.ts`, as the compiler declares it. */
export function publicDeclarations(folder: string): readonly Declaration[] {
  execFileSync('tsc', ['-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', folder], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const index = join(folder, 'index.d.ts');
  const statements = statementsOf(readFileSync(index, 'utf8'));
  const imported = new Map(statements.flatMap(({ text }) => namesIn(text, 'import')));
  const own = statements.filter(({ name }) => name !== '');
  const handedOn = statements.flatMap(({ text }) => namesIn(text, 'export'));
  const others = handedOn.flatMap(([name, from]) => {
    const module = from === '' ? (imported.get(name) ?? '') : from;
    const path = join(dirname(index), module.replace(/\.ts$/, '.d.ts'));
    const found = statementsOf(readFileSync(path, 'utf8')).filter((each) => each.name === name);
    if (found.length === 0) throw new Error(`${name} is not declared in ${path}`);
    return found;
  });
  return [...own, ...others];
}

function namesIn(text: string, word: 'import' | 'export'): readonly (readonly [name: string, from: string])[] {
  const [, names = '', from = ''] =
    new RegExp(`^${word} (?:type )?\\{([^}]*)\\}(?: from '([^']+)')?;$`).exec(text) ?? [];
  return names
    .split(',')
    .map((each) => each.trim().replace(/^type /, ''))
    .filter((each) => each !== '')
    .map((each) => [each, from] as const);
}

/** Statements begin in the first column, and end there or in their own line. */
function statementsOf(source: string): readonly Declaration[] {
  const parts =
    source.match(
      /^(?:\/\*\*[^]*?\*\/\n)?^(?:export|import|declare|interface|type)\b[^]*?(?:;|\})$(?=\n(?:export|import|declare|interface|type|\/\*\*)|\n?$(?![^]))/gm,
    ) ?? [];
  return parts.map((part) => {
    const [, doc = ''] = /^\/\*\*([^]*?)\*\//.exec(part) ?? [];
    const text = part.replace(/^\/\*\*[^]*?\*\/\n/, '');
    const [, name = ''] =
      /^(?:export )?(?:declare )?(?:function|interface|type|const|class) ([A-Za-z_$][\w$]*)/.exec(text) ?? [];
    return { name, doc: proseOf(doc), text };
  });
}

function proseOf(doc: string): string {
  return doc
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join('\n')
    .trim();
}

/** All of them without prose: what semantic versioning is about. */
export function declarationsText(declarations: readonly Declaration[]): string {
  const sorted = declarations.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return sorted.map(({ text }) => `${withoutProse(text)}\n`).join('\n');
}

function withoutProse(text: string): string {
  return text.replace(/^\s*\/\*\*[^]*?\*\/\n/gm, '');
}

/** The page `docs/library.md`. */
export function libraryPage(declarations: readonly Declaration[]): string {
  const functions = declarations.filter(({ text }) => /\bfunction\b/.test(text));
  const rest = declarations.filter((each) => !functions.includes(each));
  return `# The library

<!-- Generated from the docstrings of src/index.ts and what it hands on; \`UPDATE=1 node --test test/library/declarations.test.ts\` writes it. -->

What the commands can, with the caller's own trust, signer, progress and abort signal: \`import { verify } from 'weighmark'\`. Nothing is read
from the environment unless it is handed over, and every failure is a \`WeighmarkError\` with a code of [these](errors.md); \`CODES[error.code]\`
is the exit code the command would end with. A runnable example: [examples/library/verify.ts](../examples/library/verify.ts).

## Functions

${functions.map(section).join('\n')}
## Types and constants

${rest.map(section).join('\n')}`
    .trimEnd()
    .concat('\n');
}

function section({ name, doc, text }: Declaration): string {
  const [prose = '', ...tags] = doc.split(/^(?=@)|(?<=[.)\s])(?=@(?:throws|param|returns) )/m);
  const lines = [prose.replaceAll('\n', ' ').trim(), ...tags.map(tagLine)].filter((line) => line !== '');
  const code = text.replace(/^export (?:declare )?/, '').replaceAll('    ', '  ');
  return `### ${name}\n\n${lines.map((line) => `${line}\n\n`).join('')}\`\`\`ts\n${code}\n\`\`\`\n`;
}

function tagLine(tag: string): string {
  const [, word = '', rest = ''] = /^@(\w+) ([^]*)$/.exec(tag) ?? [];
  const text = rest.replaceAll('\n', ' ').trim();
  if (word === 'throws') return `Throws ${text}`;
  return word === 'returns' ? `Returns ${text}` : text.replace(/^(\w+)/, '`$1`:');
}
