import { availableParallelism } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Addon } from '../hasher/native.ts';
import { systemError } from './errors.ts';
import type { Copied, Renamed, SmallCopy } from './small-copy.ts';

const HEAD_BYTES = 12;
const SIZE_BYTES = 8;
const ANSWER_BYTES = 40;
const DIGEST_AT = 8;

/** By all cores; `kernel/src/copies.rs` reads and writes the same. */
export async function copyNatively(
  addon: Addon,
  batch: readonly SmallCopy[],
  mode: number,
): Promise<readonly (Copied | undefined)[]> {
  const answers = await addon.copy?.(addon.create(), requestOf(batch, mode));
  if (answers?.length !== batch.length * ANSWER_BYTES)
    throw new WeighmarkError('internal', 'the native kernel refused a request');
  return batch.map((each, at) => copiedOf(each, answers.subarray(at * ANSWER_BYTES, (at + 1) * ANSWER_BYTES)));
}

function requestOf(batch: readonly SmallCopy[], mode: number): Buffer {
  const numbers = Buffer.alloc(HEAD_BYTES + batch.length * SIZE_BYTES);
  [mode, availableParallelism(), batch.length].forEach((number, at) => numbers.writeUInt32LE(number, 4 * at));
  for (const [at, { sizeBytes }] of batch.entries())
    numbers.writeBigUInt64LE(BigInt(sizeBytes), HEAD_BYTES + at * SIZE_BYTES);
  return Buffer.concat([numbers, pathsOf(batch.map(({ from, temporary }) => ({ from, to: temporary })))]);
}

function pathsOf(files: readonly Renamed[]): Buffer {
  return Buffer.from(files.map(({ from, to }) => `${from}\0${to}\0`).join(''));
}

/** Undefined for what was not begun. */
function copiedOf({ from, temporary }: SmallCopy, answer: Buffer): Copied | undefined {
  switch (answer.readUInt32LE(0)) {
    case 0:
      return undefined;
    case 1:
      return answer.toString('hex', DIGEST_AT);
    case 2:
      return null;
    case 3:
      return new WeighmarkError('special-file', `${from} is not a regular file`, { subject: from });
    case 4:
      return systemError(answer.readInt32LE(4), from);
    default:
      return systemError(answer.readInt32LE(4), temporary);
  }
}

/** One after the other, as their folders want it. @throws as Node does, at the first that cannot. */
export function renameNatively(addon: Addon, files: readonly Renamed[], mode = 0): void {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(mode);
  const answer = addon.rename?.(Buffer.concat([head, pathsOf(files)]));
  const done = answer?.readUInt32LE(0) ?? 0;
  if (done < files.length) throw errorOf(answer?.readInt32LE(4) ?? 0, files[done]?.from ?? '');
}

/** As Node throws it. */
function errorOf(errno: number, path: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}, ${path}`), { code, errno: -errno, path });
}
