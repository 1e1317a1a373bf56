import { escapeToken } from '../base/pointer.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { fact, folderOf, jsonOf, textOf, words, type MetadataFile } from './read.ts';
import type { Fact, FactSource } from './types.ts';

const SUMS_LINE = /^\\?([0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}) [ *](.{1,4096})$/;
const BSD_LINE = /^(MD5|SHA1|SHA256|BLAKE3) \((.{1,4096})\) = ([0-9a-fA-F]{32,64})$/;
const BY_LENGTH = { 32: 'md5', 40: 'sha1', 64: 'sha256' } as const;
const BSD_NAMES = { MD5: 'md5', SHA1: 'sha1', SHA256: 'sha256', BLAKE3: 'blake3' } as const;

/** `SHA256SUMS` and its kin, in coreutils' and BSD's form; paths are relative to the list's folder. */
export function readSums(file: MetadataFile): readonly Fact[] {
  const folder = folderOf(file.path);
  const blake3 = /(?:^|\/)[^/]*(?:b3sum|blake3)[^/]*$/i.test(file.path);
  return textOf(file)
    .split(/\r?\n/)
    .slice(0, 200_000)
    .flatMap((line, index) => {
      const source: FactSource = { file: file.path, pointer: `line ${index + 1}` };
      const [, hex, name] = SUMS_LINE.exec(line) ?? [];
      if (hex !== undefined && name !== undefined) {
        const algorithm = blake3 && hex.length === 64 ? 'blake3' : BY_LENGTH[hex.length as 32 | 40 | 64];
        return [
          fact('digest', { path: folder + name.replace(/^\.\//, ''), algorithm, hex: hex.toLowerCase() }, source),
        ];
      }
      const [, kind, path, bsd] = BSD_LINE.exec(line) ?? [];
      if (kind === undefined || path === undefined || bsd === undefined) return [];
      return [
        fact(
          'digest',
          {
            path: folder + path.replace(/^\.\//, ''),
            algorithm: BSD_NAMES[kind as keyof typeof BSD_NAMES],
            hex: bsd.toLowerCase(),
          },
          source,
        ),
      ];
    });
}

/** `weights.bin.sha256`: one digest, with or without a name, of the file it is named after. */
export function readSidecarSum(file: MetadataFile): readonly Fact[] {
  const target = file.path.replace(/\.(?:sha256(?:sum)?|b3)$/i, '');
  const hex = /^\s*\\?([0-9a-fA-F]{64})(?:\s|$)/.exec(textOf(file))?.[1]?.toLowerCase();
  if (hex === undefined) return [];
  const algorithm = /\.b3$/i.test(file.path) ? 'blake3' : 'sha256';
  return [fact('digest', { path: target, algorithm, hex }, { file: file.path, pointer: 'line 1' })];
}

const NAME_KEYS = ['path', 'file', 'filename', 'file_name', 'name'];
const DEPTH = 8;
const MOST = 20_000;

/**
 * SHA-256 digests that a publisher's own JSON states (`export.json`, `release.json`, a download manifest). A digest is
 * tied to a file only where the JSON ties it: as `{"model.onnx": {"sha256": …}}`, `{"path": …, "sha256": …}`, or
 * `x` beside `x_sha256`.
 */
export function readJsonDigests(file: MetadataFile): readonly Fact[] {
  const facts: Fact[] = [];
  const walk = (value: Json, pointer: string, owner: string | undefined, depth: number): void => {
    if (depth > DEPTH || facts.length >= MOST) return;
    if (Array.isArray(value))
      value.forEach((item: Json, index) => walk(item, `${pointer}/${index}`, undefined, depth + 1));
    if (!isJsonObject(value)) return;
    for (const [key, child] of Object.entries(value)) {
      const source: FactSource = { file: file.path, pointer: `${pointer}/${escapeToken(key)}` };
      const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(typeof child === 'string' ? child.toLowerCase() : '')?.[1];
      if (hex !== undefined && /sha-?256$/i.test(key))
        facts.push(
          fact(
            'digest',
            { ...pathOf(value, key, owner, file.path), algorithm: 'sha256', hex, ...sizeOf(value, key) },
            source,
          ),
        );
      else walk(child, source.pointer ?? '', key, depth + 1);
    }
  };
  walk(jsonOf(file), '', undefined, 0);
  return facts;
}

function pathOf(
  holder: { readonly [key: string]: Json },
  key: string,
  owner: string | undefined,
  from: string,
): { path?: string } {
  const stem = /^(.+?)[_-]sha-?256$/i.exec(key)?.[1];
  const named =
    stem === undefined
      ? NAME_KEYS.map((name) => words(holder[name])).find((name) => name !== undefined)
      : words(holder[stem]);
  const name = named ?? (stem === undefined && owner !== undefined && /\.\w{1,20}$/.test(owner) ? owner : undefined);
  return name === undefined || !/\.\w{1,20}$/.test(name) || name.includes('://')
    ? {}
    : { path: folderOf(from) + name.replace(/^\.\//, '') };
}

function sizeOf(holder: { readonly [key: string]: Json }, key: string): { sizeBytes?: number } {
  const size = /^sha-?256$/i.test(key) ? (holder['bytes'] ?? holder['size'] ?? holder['size_bytes']) : undefined;
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? { sizeBytes: size } : {};
}
