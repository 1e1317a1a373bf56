import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Data } from './data.ts';
import type { Tools } from './tools.ts';

export interface Contender {
  readonly label: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Case {
  readonly name: string;
  /** What is read. */
  readonly bytes: number;
  /** The files are driven out of the page cache before every run. */
  readonly cold?: boolean;
  readonly rounds?: number;
  /** Files to drive out. */
  readonly files: readonly string[];
  /** The first is what the others are compared with. */
  readonly contenders: readonly Contender[];
}

const WASM = { WEIGHMARK_KERNEL: 'wasm' };

export function casesOf(data: Data, tools: Tools): readonly Case[] {
  const shards = readdirSync(data.shards)
    .filter((name) => name.endsWith('.bin'))
    .map((name) => join(data.shards, name));
  const small = readdirSync(data.small, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.bin'))
    .map((name) => join(data.small, name));
  const weighmark = (
    label: string,
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Contender => ({ label, argv: [...tools.weighmark, ...words], env });
  const tool = (path: string | undefined, label: string, words: readonly string[]): readonly Contender[] =>
    path === undefined ? [] : [{ label, argv: [path, ...words] }];
  const b3sum = (files: readonly string[]) => tool(tools.b3sum, 'b3sum', files);
  const openssl = (files: readonly string[]) => tool(tools.openssl, 'openssl', ['dgst', '-sha256', ...files]);
  const signed = (folder: string) => ['verify', 'key', folder, '--signature', join(folder, 'model.sig')];
  const signing = (folder: string) => [
    ...tool(tools.modelSigning, 'model_signing', [
      ...signed(folder),
      '--public_key',
      data.publicKey,
      '--ignore_unsigned_files',
    ]),
    ...tool(tools.modelSigningGo, 'model-signing (Go)', [
      ...signed(folder),
      '--public-key',
      data.publicKey,
      '--ignore-unsigned-files',
    ]),
  ];
  const hugeFolder = join(data.huge, '..');
  const trust = ['--key', data.publicKey];
  return [
    {
      name: 'hash one file, warm',
      bytes: data.hugeBytes,
      files: [data.huge],
      contenders: [...b3sum([data.huge]), weighmark('weighmark', ['hash', data.huge])],
    },
    {
      name: 'hash one file, WebAssembly',
      bytes: data.hugeBytes,
      files: [data.huge],
      contenders: [...b3sum([data.huge]), weighmark('weighmark wasm', ['hash', data.huge], WASM)],
    },
    {
      name: 'hash one file, WebAssembly and SHA-256',
      bytes: data.hugeBytes,
      files: [data.huge],
      contenders: [
        ...openssl([data.huge]),
        weighmark('weighmark wasm', ['hash', data.huge], WASM),
        ...tool(tools.sha256sum, 'sha256sum', [data.huge]),
      ],
    },
    {
      name: 'hash one file, cold',
      bytes: data.hugeBytes,
      files: [data.huge],
      cold: true,
      rounds: 9,
      contenders: [...b3sum([data.huge]), weighmark('weighmark', ['hash', data.huge])],
    },
    {
      name: 'hash 8 files, warm',
      bytes: 8 * data.shardBytes,
      files: shards,
      contenders: [...b3sum(shards), weighmark('weighmark', ['hash', ...shards])],
    },
    {
      name: `hash ${small.length} x 4 KiB`,
      bytes: small.length * 4096,
      files: small,
      contenders: [...b3sum(small), weighmark('weighmark', ['hash', ...small])],
    },
    {
      name: 'verify one file, warm',
      bytes: data.hugeBytes,
      files: [data.huge],
      contenders: [
        ...b3sum([data.huge]),
        weighmark('weighmark', ['verify', hugeFolder, ...trust]),
        ...signing(hugeFolder),
      ],
    },
    {
      name: 'verify 8 files, warm',
      bytes: 8 * data.shardBytes,
      files: shards,
      contenders: [
        ...b3sum(shards),
        weighmark('weighmark', ['verify', data.shards, ...trust]),
        ...signing(data.shards),
      ],
    },
    {
      name: `verify ${Math.ceil(data.smallCount / 2)} x 4 KiB`,
      bytes: Math.ceil(data.smallCount / 2) * 4096,
      files: [],
      contenders: [weighmark('weighmark', ['verify', data.sealedSmall, ...trust]), ...signing(data.sealedSmall)],
    },
    {
      name: 'verify one tensor of 1 MiB',
      bytes: 1 << 20,
      files: [data.huge],
      contenders: [
        weighmark('weighmark', ['verify', hugeFolder, ...trust, '--only', 'model.safetensors#layers.7.weight']),
      ],
    },
    {
      name: 'seal one file, warm',
      bytes: data.hugeBytes,
      files: [data.huge],
      contenders: [...openssl([data.huge]), weighmark('weighmark', ['seal', hugeFolder, '--key', data.key])],
    },
    {
      name: 'seal 8 files, warm',
      bytes: 8 * data.shardBytes,
      files: shards,
      contenders: [...openssl(shards), weighmark('weighmark', ['seal', data.shards, '--key', data.key])],
    },
    {
      name: 'seal one file, cold',
      bytes: data.hugeBytes,
      files: [data.huge],
      cold: true,
      rounds: 3,
      contenders: [...openssl([data.huge]), weighmark('weighmark', ['seal', hugeFolder, '--key', data.key])],
    },
  ];
}
