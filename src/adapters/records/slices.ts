import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IndexJob, RecordFile, Slice } from '../../domain/ports/records.ts';
import { isCuttable } from '../../domain/records/plan.ts';
import { fileError } from '../files/errors.ts';
import { writeError } from '../files/write.ts';

const CHUNK = 4 << 20;

/**
 * The addon reads whole files of lines: what is to be read of one is copied out, for the owner's eyes, for as long as it takes.
 * Of a table of columns it reads a slice itself. The files are held to their stamps by the caller, before and after.
 */
export async function cutSlices<T>(
  { files, reading }: Pick<IndexJob, 'files' | 'reading'>,
  act: (files: readonly RecordFile[]) => Promise<T>,
): Promise<T> {
  const copies: string[] = [];
  try {
    return await act(
      files.map((file) => {
        if (file.slice === undefined || !isCuttable(reading)) return file;
        const location = join(tmpdir(), `.weighmark-slice.${randomBytes(6).toString('hex')}.tmp`);
        copies.push(location);
        copySlice(file.location, file.slice, location);
        const { slice: _, ...whole } = file;
        return { ...whole, location };
      }),
    );
  } finally {
    for (const location of copies) rmSync(location, { force: true });
  }
}

function copySlice(from: string, { start, end }: Slice, to: string): void {
  const [source, target] = [openOr(from, 'r', fileError), openOr(to, 'wx', writeError)];
  const bytes = Buffer.allocUnsafe(CHUNK);
  try {
    for (let at = start; at < end;) {
      const count = readSync(source, bytes, 0, Math.min(CHUNK, end - at), at);
      if (count === 0) return;
      for (let done = 0; done < count;) done += writeSync(target, bytes, done, count - done);
      at += count;
    }
  } catch (cause) {
    throw writeError(cause, to);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

function openOr(location: string, flags: string, error: (cause: unknown, location: string) => Error): number {
  try {
    return openSync(location, flags, 0o600);
  } catch (cause) {
    throw error(cause, location);
  }
}
