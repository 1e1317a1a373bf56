import type { Source } from '../base/source.ts';
import { isUnsafePath } from './archive-path.ts';
import type { Budget } from './budget.ts';
import { note, quoted } from './problem.ts';
import type { Problem } from './types.ts';
import { descriptorLength, readLocalHeader, type ZipLocal } from './zip-local.ts';
import type { ZipCentral } from './zip-directory.ts';

/** One member: what the central directory says, and what stands in front of its data (absent if nothing does). */
export interface ZipEntry {
  readonly name: string;
  readonly central?: ZipCentral;
  readonly local?: ZipLocal;
  /** Absolute place of the compressed bytes. */
  readonly dataStart: number;
  /** Where the member ends, its data descriptor included. */
  readonly end: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly method: number;
  readonly encrypted: boolean;
}

export async function joinLocal(
  source: Source,
  place: { central: ZipCentral; shift: number; centralStart: number; headers: Budget },
  problems: Problem[],
): Promise<ZipEntry> {
  const { central, shift, centralStart, headers } = place;
  const offset = central.localOffset + shift;
  const { name, compressedSize, size, method } = central;
  const encrypted = (central.flags & 1) === 1;
  const bad = (code: Problem['code'], message: string): void =>
    note(problems, { code, message, offset, subject: name });
  const local = await readLocalHeader(source, offset);
  if (local === null) {
    bad('out-of-bounds', 'its central record points to no local header');
    return { name, central, dataStart: offset, end: offset, compressedSize, size, method, encrypted };
  }
  headers.spend(local.dataStart - local.offset);
  compare(central, local, bad);
  if (isUnsafePath(name) || isUnsafePath(local.name))
    bad('unsafe-path', 'its path leaves the folder, or is no plain path');
  if (central.madeBy === 3 && central.externalAttributes >>> 28 === 0xa) bad('link', 'is a symbolic link');
  if (encrypted || (local.flags & 1) === 1) bad('encrypted', 'is marked as encrypted');
  if (local.dataStart + compressedSize > centralStart) bad('out-of-bounds', 'its data runs into the central directory');
  const dataEnd = local.dataStart + compressedSize;
  const end = dataEnd + (await descriptorLength(source, local, dataEnd));
  return { name, central, local, dataStart: local.dataStart, end, compressedSize, size, method, encrypted };
}

function compare(central: ZipCentral, local: ZipLocal, bad: (code: Problem['code'], message: string) => void): void {
  if (central.name !== local.name) bad('name-mismatch', `its local header names it ${quoted(local.name)}`);
  if (central.method !== local.method)
    bad(
      'header-mismatch',
      `compression method ${central.method} in the directory, ${local.method} in its local header`,
    );
  if (central.flags !== local.flags)
    bad('header-mismatch', `flags ${central.flags} in the directory, ${local.flags} in its local header`);
  const later = (local.flags & 8) !== 0;
  if (later && local.crc32 === 0 && local.compressedSize === 0) return;
  if (central.crc32 !== local.crc32) bad('header-mismatch', 'CRC-32 in the directory and in its local header differ');
  if (central.compressedSize !== local.compressedSize || central.size !== local.size)
    bad('size-mismatch', 'sizes in the directory and in its local header differ');
}

/** A member known by its local header alone; where its size comes later, its data may reach to the end of the gap. */
export function entryOf(local: ZipLocal, gapEnd: number): ZipEntry {
  const { name, dataStart, size, method, flags } = local;
  const later = (flags & 8) !== 0 && local.compressedSize === 0;
  const compressedSize = later ? Math.max(0, gapEnd - dataStart) : local.compressedSize;
  return {
    name,
    local,
    dataStart,
    end: dataStart + compressedSize,
    compressedSize,
    size,
    method,
    encrypted: (flags & 1) === 1,
  };
}
