import { globSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesSource } from '../../src/domain/base/source.ts';
import { readFormat } from '../../src/domain/formats/index.ts';
import type { Target } from './targets.ts';

/** Everything small that the fixtures hold, and beside it the simplest texts of every kind: what adds coverage stays. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MOST_BYTES = 32 << 10;
const FEW = 6;

const PLAIN: readonly string[] = [
  '',
  '\0',
  '{}',
  '[]',
  '""',
  'a: b\n',
  'a,b\n1,2\n',
  '# a\n',
  '-----BEGIN PUBLIC KEY-----\n',
];

export interface Seed {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Read and looked at once, for all targets. */
let files: readonly Seed[] | undefined;
const formats = new WeakMap<Uint8Array, readonly string[]>();

/** Files, and of files of lines each of the first lines too, and what stands after blank lines, as a note after its proof. */
export async function seedsFor(target: Target): Promise<readonly Seed[]> {
  files ??= filesAndLines();
  const chosen: Seed[] = [...textsOf(target)];
  for (const file of files) if (await suits(target, file)) chosen.push(file);
  const plain = PLAIN.map((text) => ({ path: 'plain', bytes: Buffer.from(text) }));
  const starts = (target.starts ?? []).map((bytes) => ({ path: 'made', bytes }));
  return [...starts, ...plain, ...someOfEach(chosen)];
}

function filesAndLines(): readonly Seed[] {
  const whole = globSync('{fixtures,schemas,examples}/**/*', { cwd: ROOT })
    .filter((path) => isSmall(join(ROOT, path)))
    .toSorted()
    .map((path) => ({ path, bytes: new Uint8Array(readFileSync(join(ROOT, path))) }));
  return [...whole, ...whole.filter(({ path }) => /jsonl$|files$|checkpoint|proof/.test(path)).flatMap(linesOf)];
}

/** Of each folder and ending a few, evenly spread: what is learnt from the hundredth of a kind costs as much as from the first. */
function someOfEach(seeds: readonly Seed[]): readonly Seed[] {
  return [
    ...Map.groupBy(seeds, ({ path }) => `${path.split('/').slice(0, 3).join('/')} ${extname(path)}`).values(),
  ].flatMap((kind) =>
    kind.filter(
      (_, index) => Math.floor((index * FEW) / kind.length) !== Math.floor(((index - 1) * FEW) / kind.length),
    ),
  );
}

function isSmall(path: string): boolean {
  const stat = statSync(path);
  return stat.isFile() && stat.size <= MOST_BYTES;
}

function linesOf({ path, bytes }: Seed): readonly Seed[] {
  const lines = Buffer.from(bytes).toString('latin1').split('\n').slice(0, 20);
  const [, ...after] = Buffer.from(bytes).toString('latin1').split('\n\n');
  return [...lines, after.join('\n\n')].map((text) => ({ path, bytes: Buffer.from(text, 'latin1') }));
}

/** What the tests of a room hold between quotes: notes, keys, names, patterns. */
function textsOf({ room }: Target): readonly Seed[] {
  if (room === undefined) return [];
  return globSync(`test/domain/${room}/*.test.ts`, { cwd: ROOT }).flatMap((path) => {
    const source = readFileSync(join(ROOT, path), 'utf8');
    const texts = [...source.matchAll(/'((?:[^'\\\n]|\\.){6,})'|`((?:[^`\\]|\\.){6,})`/g)];
    return texts.map(([, one, other]) => ({ path, bytes: Buffer.from(unescaped(one ?? other ?? '')) }));
  });
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => ({ n: '\n', t: '\t', 0: '\0' })[char] ?? char);
}

async function suits({ seeds }: Target, { path, bytes }: Seed): Promise<boolean> {
  if (seeds === undefined) return true;
  const found = formats.get(bytes) ?? (await readFormat({ path, source: bytesSource(bytes) })).matches;
  formats.set(bytes, found);
  return seeds(path, found);
}
