import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure } from './measure.ts';
import type { Tools } from './tools.ts';

/** Files of 1 KiB, each size ten times the one before: what grows faster than its work shows. */
const SIZES = [300, 3000, 30_000] as const;
const FILE_BYTES = 1024;
const FILES_A_FOLDER = 500;

type Words = (tree: string, keys: Keys) => readonly string[];

/** In an order in which each finds what it needs: `bom validate` what `bom create` wrote, `diff` what `seal` laid down. */
const WORKS: readonly (readonly [name: string, words: Words, env?: Readonly<Record<string, string>>])[] = [
  ['hash', (tree) => ['hash', tree]],
  ['hash, WebAssembly', (tree) => ['hash', tree], { WEIGHMARK_KERNEL: 'wasm' }],
  ['hash --part', (tree) => ['hash', tree, '--part', '1/1', ...BOTH, '-o', `${tree}.part`]],
  ['hash --join', (tree) => ['hash', '--join', `${tree}.part`]],
  ['scan', (tree) => ['scan', tree]],
  ['inspect', (tree) => ['inspect', tree]],
  ['bom create', (tree) => ['bom', 'create', tree, '-o', `${tree}.cdx.json`]],
  ['bom validate', (tree) => ['bom', 'validate', `${tree}.cdx.json`]],
  ['seal', (tree, { key }) => ['seal', tree, '--key', key]],
  ['verify', (tree, { publicKey }) => ['verify', tree, '--key', publicKey]],
  ['diff', (tree) => ['diff', tree, tree]],
];
const BOTH = ['--algorithm', 'sha256', '--algorithm', 'blake3'];

interface Keys {
  readonly key: string;
  readonly publicKey: string;
}

/** A table of CPU seconds at three sizes, and of the exponent from the second to the third: 1 is linear, 2 quadratic. */
export function printGrowth(folder: string, { rounds, scale, only }: Asked, { weighmark }: Tools, keys: Keys): void {
  const sizes = SIZES.map((size) => Math.max(10, Math.round(size * scale)));
  console.log(
    `\n| growth, files of 1 KiB | ${sizes.map((size) => `${size}: CPU s (RSS MB)`).join(' | ')} | exponent |`,
  );
  console.log('|---|---|---|---|---|');
  for (const [name, words, env = {}] of WORKS) {
    if (only !== '' && !only.split(',').some((word) => `growth ${name}`.includes(word))) continue;
    const measured = sizes.map((size) => {
      const argv = [...weighmark, ...words(treeOf(folder, size), keys)];
      const work = { name, bytes: size * FILE_BYTES, files: [], contenders: [{ label: name, argv, env }] };
      return measure(work, rounds)[0];
    });
    const cells = measured.map((each) => `${each?.cpuSeconds.toFixed(2)} (${each?.rssMb.toFixed(0)})`);
    console.log(`| ${name} | ${cells.join(' | ')} | ${exponent(sizes, measured)} |`);
  }
}

export interface Asked {
  readonly rounds: number;
  readonly scale: number;
  readonly only: string;
}

/** Below it a difference is the noise of starting. */
const LEAST_SECONDS = 0.03;

/** Of what is above the cost of the smallest, which is mostly starting; `-` where that is too little to tell. */
function exponent(
  sizes: readonly number[],
  measured: readonly ({ readonly cpuSeconds: number } | undefined)[],
): string {
  const [least = 0, middle = 0, most = 0] = measured.map((each) => each?.cpuSeconds);
  const [few = 1, some = 1, many = 1] = sizes;
  if (middle - least < LEAST_SECONDS) return '-';
  return (Math.log((most - least) / (middle - least)) / Math.log((many - few) / (some - few))).toFixed(2);
}

/** Made once, kept with the other data. */
function treeOf(folder: string, size: number): string {
  const tree = join(folder, `growth-${size}`);
  if (existsSync(`${tree}.whole`)) return tree;
  for (let at = 0; at < size; at += 1) {
    const below = join(tree, String(Math.floor(at / FILES_A_FOLDER)));
    if (at % FILES_A_FOLDER === 0) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `${at}.txt`), `row ${at}\n`.repeat(FILE_BYTES).slice(0, FILE_BYTES));
  }
  spawnSync('sync', ['-f', tree]);
  writeFileSync(`${tree}.whole`, '');
  return tree;
}
