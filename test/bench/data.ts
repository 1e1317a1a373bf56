import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Tools } from './tools.ts';

export interface Data {
  readonly folder: string;
  /** One safetensors file with tensors of 1 MiB. */
  readonly huge: string;
  readonly hugeBytes: number;
  /** Folder of eight files. */
  readonly shards: string;
  readonly shardBytes: number;
  /** Folder of files of 4 KiB. */
  readonly small: string;
  readonly smallCount: number;
  /** Half as many, sealed. */
  readonly sealedSmall: string;
  readonly key: string;
  readonly publicKey: string;
}

const MIB = 1 << 20;

/** Generates what is not there yet, and seals what `verify` needs sealed. */
export function prepareData(folder: string, scale: number, tools: Tools): Data {
  const tensors = Math.max(2, Math.round(4096 * scale));
  const shardBytes = Math.max(1, Math.round(512 * scale)) * MIB;
  const smallCount = Math.max(10, Math.round(20_000 * scale));
  const place = (name: string) => join(folder, `${name}-${scale}`);
  const data: Data = {
    folder,
    huge: join(place('huge'), 'model.safetensors'),
    hugeBytes: tensors * MIB,
    shards: place('shards'),
    shardBytes,
    small: place('small'),
    smallCount,
    sealedSmall: place('sealed-small'),
    key: join(folder, 'bench.key'),
    publicKey: join(folder, 'bench.pub'),
  };
  mkdirSync(folder, { recursive: true });
  if (!existsSync(data.key)) weighmark(tools, ['keygen', join(folder, 'bench'), '--no-password']);
  make(place('huge'), () => writeSafetensors(data.huge, tensors), tools, data.key);
  make(
    data.shards,
    () => range(8).forEach((index) => writeRandom(join(data.shards, `model-0000${index}.bin`), shardBytes)),
    tools,
    data.key,
  );
  make(data.small, () => writeSmall(data.small, smallCount), tools, null);
  make(data.sealedSmall, () => writeSmall(data.sealedSmall, Math.ceil(smallCount / 2)), tools, data.key);
  return data;
}

function make(folder: string, write: () => void, tools: Tools, key: string | null): void {
  if (existsSync(join(folder, '.made'))) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  write();
  writeFileSync(join(folder, '.made'), '');
  if (key !== null) weighmark(tools, ['seal', folder, '--key', key]);
}

function weighmark({ weighmark: [node = '', ...args] }: Tools, words: readonly string[]): void {
  const { status, stderr } = spawnSync(node, [...args, ...words], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`weighmark ${words.join(' ')}: ${stderr}`);
}

function writeSmall(folder: string, count: number): void {
  const block = Buffer.alloc(4096);
  for (const index of range(count)) {
    const sub = join(folder, String(index % 100));
    if (index < 100) mkdirSync(sub, { recursive: true });
    writeFileSync(join(sub, `${index}.bin`), randomFillSync(block));
  }
}

function writeSafetensors(path: string, tensors: number): void {
  const entries = range(tensors).map((index) => [
    `layers.${index}.weight`,
    { dtype: 'U8', shape: [MIB], data_offsets: [index * MIB, (index + 1) * MIB] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeRandom(path, tensors * MIB, Buffer.concat([length, header]));
}

function writeRandom(path: string, sizeBytes: number, head: Uint8Array = new Uint8Array()): void {
  const block = Buffer.alloc(8 * MIB);
  const fd = openSync(path, 'w');
  writeSync(fd, head);
  for (let at = 0; at < sizeBytes; at += block.length)
    writeSync(fd, randomFillSync(block), 0, Math.min(block.length, sizeBytes - at));
  closeSync(fd);
  if (statSync(path).size !== sizeBytes + head.length) throw new Error(`${path} was not written whole`);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
