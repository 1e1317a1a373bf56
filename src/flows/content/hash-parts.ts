import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import { listDigest, unitsOf, type HashPart, type PartNumber } from '../../domain/digest/parts.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { pushAll } from '../../domain/base/lists.ts';
import type { TreeEntry } from '../../domain/ports/files.ts';
import type { HashPorts } from './hash.ts';

export interface PartRequest extends PartNumber {
  readonly names: readonly string[];
  readonly algorithms: readonly HashAlgorithm[];
  readonly allowSymlinks?: boolean;
  readonly jobs?: number;
}

type Listed = TreeEntry & { readonly name: string };

/**
 * The share of one worker in the hashing of files and folders. BLAKE3 alone cuts large files; with SHA-256 a file is one
 * worker's. The first failure ends it: a part is whole or not there.
 * @throws WeighmarkError what reading throws; `nothing-to-verify` where there is no file.
 */
export async function hashPart(request: PartRequest, ports: HashPorts): Promise<HashPart> {
  const { names, algorithms, part, of } = request;
  const files: Listed[] = [];
  for (const name of names) pushAll(files, await listed(name, request, ports));
  if (files.length === 0) throw new WeighmarkError('nothing-to-verify', 'there is no file to hash');
  const units = unitsOf(files, { part, of }, algorithms.join() === 'blake3');
  const work = units.map((unit) => ({ unit, entry: files[unit.file] as Listed }));
  const results = await ports.hasher.hash(
    work.map(({ unit: { start, sizeBytes }, entry }) => ({
      location: entry.location,
      stamp: entry.stamp,
      followLink: true,
      sizeBytes,
      ...(sizeBytes === entry.sizeBytes ? {} : { part: { start, fileBytes: entry.sizeBytes, subtree: true } }),
    })),
    { algorithms, signal: ports.signal, ...(request.jobs === undefined ? {} : { jobs: request.jobs }) },
  );
  const found = work.map(({ unit, entry: { name, sizeBytes: fileBytes } }, at) => ({
    ...unit,
    name,
    fileBytes,
    digests: results[at]?.digests ?? {},
  }));
  return { part, of, algorithms, list: listDigest(files), files: files.length, found };
}

/** In the order of `hash`: names as given, files of a folder by path. */
async function listed(name: string, { allowSymlinks }: PartRequest, ports: HashPorts): Promise<readonly Listed[]> {
  const files = await ports.files();
  const tree = await files.walk(ports.locate(name), { allowSymlinks: allowSymlinks === true });
  const folder = name.replace(/\/+$/, '');
  return tree.entries.map(({ path, location, sizeBytes, stamp }) => {
    return { path, location, sizeBytes, stamp, name: tree.kind === 'file' ? name : `${folder}/${path}` };
  });
}
