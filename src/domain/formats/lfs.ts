import { invalid } from './problem.ts';
import { readAll } from '../base/source.ts';
import type { Findings, NamedSource } from './types.ts';

/** A Git LFS pointer: the file's real digest and size, which were not fetched. @see git-lfs docs/spec.md */
export async function readLfsPointer({ source }: NamedSource): Promise<Findings> {
  const text = Buffer.from(await readAll(source)).toString('utf8');
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})$/m.exec(text)?.[1];
  if (oid === undefined || size === undefined) throw invalid('a Git LFS pointer without oid and size');
  return {
    format: 'lfs-pointer',
    metadata: [
      { key: 'oid', value: `sha256:${oid}`, place: 'lfs:oid' },
      { key: 'size', value: Number(size), place: 'lfs:size' },
    ],
  };
}
