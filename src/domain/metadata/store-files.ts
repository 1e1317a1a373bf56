import { Buffer } from 'node:buffer';
import { isJsonObject, type Json } from '../base/json.ts';
import { pushAll } from '../base/lists.ts';
import { fact, field, folderOf, jsonOf, textOf, words, type MetadataFile } from './read.ts';
import type { Fact, FactSource, StatedDigest } from './types.ts';
import { parseYaml } from './yaml.ts';

const DVC = 'DVC';
const MOST = 200_000;

/** `x.dvc` and `dvc.lock`: MD5 and size of what DVC tracks. @see https://dvc.org/doc/user-guide/project-structure/dvc-files */
export function readDvc(file: MetadataFile): readonly Fact[] {
  return outsOf(file)
    .filter(({ md5 }) => /^[0-9a-f]{32}$/.test(md5))
    .map(({ pointer, ...out }) => recorded(file, { ...out, by: DVC, pointer: `${pointer}/md5` }));
}

/** A folder that DVC tracks: its digest is that of a list of its files, which lies in DVC's cache. */
export interface DvcFolder {
  /** Artifact path. */
  readonly path: string;
  /** MD5 of the list's bytes, in hex. */
  readonly md5: string;
  /** How its files were hashed. */
  readonly algorithm: Out['algorithm'];
  readonly source: FactSource;
}

export function readDvcFolders(file: MetadataFile): readonly DvcFolder[] {
  return outsOf(file)
    .filter(({ md5 }) => /^[0-9a-f]{32}\.dir$/.test(md5))
    .map(({ path, md5, algorithm, pointer }) => ({
      algorithm,
      path: inFolder(folderOf(file.path), path),
      md5: md5.slice(0, 32),
      source: { file: file.path, pointer: `${pointer}/md5` },
    }));
}

/** The list of a tracked folder: `[{"md5": …, "relpath": …}]`. What is no such list says nothing. */
export function readDvcList(bytes: Uint8Array, { path: folder, source, algorithm }: DvcFolder): readonly Fact[] {
  const list = jsonOf({ path: source.file ?? folder, bytes });
  if (!Array.isArray(list)) return [];
  return list.slice(0, MOST).flatMap((item: Json) => {
    const [relpath, md5] = isJsonObject(item) ? [words(item['relpath']), words(item['md5'])] : [];
    if (relpath === undefined || md5 === undefined || !/^[0-9a-f]{32}$/.test(md5)) return [];
    const value: StatedDigest = { path: `${folder}/${relpath}`, algorithm, hex: md5, recordedBy: DVC };
    return [fact('digest', value, source)];
  });
}

interface Out {
  readonly path: string;
  readonly md5: string;
  readonly algorithm: 'md5' | 'md5-dos2unix';
  readonly size: Json | undefined;
  readonly pointer: string;
}

/**
 * Each of the `outs`, at any place: single stages and `dvc.lock` differ in where they are. What a stage depends on (`deps`) is
 * what it was when the stage ran, or lies in another repository: it may have changed since.
 */
function outsOf(file: MetadataFile): readonly Out[] {
  const outs: Out[] = [];
  const walk = (value: Json, { pointer, depth, folder }: { pointer: string; depth: number; folder: string }): void => {
    if (depth > 8 || outs.length >= MOST) return;
    if (Array.isArray(value))
      value.forEach((item: Json, index) => walk(item, { pointer: `${pointer}/${index}`, depth: depth + 1, folder }));
    if (!isJsonObject(value)) return;
    const below = words(value['wdir']) ?? folder;
    if (/\/outs\/\d+$/.test(pointer)) pushAll(outs, outOf(value, pointer, below));
    for (const [key, child] of Object.entries(value))
      if (key !== 'deps') walk(child, { pointer: `${pointer}/${key}`, depth: depth + 1, folder: below });
  };
  walk(parseYaml(textOf(file), file.path), { pointer: '', depth: 0, folder: '' });
  return outs;
}

/** One out, and the files that a folder in a versioned store names one by one. Without `hash` it is from before DVC 3. */
function outOf(value: { readonly [key: string]: Json }, pointer: string, folder: string): Out[] {
  const [path, md5] = [words(value['path']), words(value['md5'])];
  if (path === undefined || /^(?:[/\\]|[A-Za-z]:|\w+:\/\/)/.test(path)) return [];
  const algorithm = value['hash'] === undefined ? 'md5-dos2unix' : 'md5';
  const whole = inFolder(folder, path);
  const listed = Array.isArray(value['files']) ? value['files'] : [];
  const files = listed.slice(0, MOST).flatMap((each: Json, index) => {
    const [below, own] = isJsonObject(each) ? [words(each['relpath']), words(each['md5'])] : [];
    if (!isJsonObject(each) || below === undefined || own === undefined) return [];
    return [
      {
        path: `${whole}/${below}`,
        md5: own,
        algorithm,
        size: each['size'],
        pointer: `${pointer}/files/${index}`,
      } as const,
    ];
  });
  return md5 === undefined ? files : [{ path: whole, md5, algorithm, size: value['size'], pointer }, ...files];
}

/** Paths are those of the folder that a stage works in (`wdir`), which may lie above. */
function inFolder(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${folder}/${path}`.split('/'))
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  return parts.join('/');
}

/**
 * A manifest of wandb: `contents` by path, with MD5 in base64; where an entry names another algorithm (XXH128, as long), it says
 * nothing here. @see https://docs.wandb.ai/guides/artifacts
 */
export function readWandbManifest(file: MetadataFile): readonly Fact[] {
  const value = jsonOf(file);
  if (!isJsonObject(value) || typeof value['storagePolicy'] !== 'string' || !isJsonObject(value['contents'])) return [];
  return Object.entries(value['contents'])
    .slice(0, MOST)
    .flatMap(([path, about]) => {
      const digest = isJsonObject(about) ? words(about['digest']) : undefined;
      const md5 = Buffer.from(digest ?? '', 'base64');
      if (!isJsonObject(about) || md5.length !== 16 || !isMd5(about)) return [];
      const pointer = `/contents/${path}/digest`;
      return [recorded(file, { path, md5: md5.toString('hex'), size: about['size'], by: 'wandb', pointer })];
    });
}

function isMd5(about: Json): boolean {
  const algorithm = field(field(about, 'extra'), 'alg');
  return algorithm === undefined || algorithm === 'MD5';
}

interface Said {
  readonly path: string;
  readonly md5: string;
  readonly algorithm?: Out['algorithm'];
  readonly size: Json | undefined;
  readonly by: string;
  readonly pointer: string;
}

function recorded(file: MetadataFile, { path, md5, algorithm = 'md5', size, by, pointer }: Said): Fact {
  const sizeBytes = typeof size === 'number' && Number.isSafeInteger(size) ? { sizeBytes: size } : {};
  const source: FactSource = { file: file.path, pointer };
  const value: StatedDigest = {
    path: inFolder(folderOf(file.path), path),
    algorithm,
    hex: md5,
    recordedBy: by,
    ...sizeBytes,
  };
  return fact('digest', value, source);
}
