import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Reading } from '../../domain/records/reading.ts';
import type { ReadRecord, Records, ReadSource } from '../../domain/ports/records.ts';
import { batchesOf } from './batches.ts';
import { cutsOf } from './cuts.ts';
import { cacheOfOne, createIndexCache, openIndexFile, type Env } from './cache.ts';
import { loadNative } from '../hasher/native.ts';
import { indexByAddon, NATIVE_FORMATS, type Addon } from './native.ts';
import { rowsByAddon } from './native-rows.ts';
import { indexByScript } from './script-engine.ts';
import { createWasmKernel } from './wasm-kernel.ts';

export interface RecordsOptions {
  readonly env: Env;
  /** Default: the addon if it is there. */
  readonly kernel?: 'wasm' | 'native';
}

const KERNEL = new URL('./kernel/', import.meta.url);

export function createRecords({ env, kernel }: RecordsOptions): Records {
  const cache = createIndexCache(env);
  const wasm = createWasmKernel();
  const addon = kernel === 'wasm' ? null : (loadNative(KERNEL, 'records') as Addon | null);
  return {
    kernel: addon === null ? 'wasm' : 'native',
    hasher: wasm,
    index: (job, watch) => {
      const own = { ...job, cache: job.into === undefined ? cache : cacheOfOne(job.into) };
      return addon !== null && NATIVE_FORMATS.includes(job.reading.format)
        ? indexByAddon(own, watch, addon)
        : indexByScript(own, watch, wasm);
    },
    cuts: cutsOf,
    open: (roots) => cache.open(roots),
    openAt: openIndexFile,
    locationOf: (roots) => cache.locationOf(roots),
    seen: (roots, root) => cache.seen(roots, root),
    remember: (roots, root, files) => cache.remember(roots, root, files),
    removeIndexes: (which) => cache.remove(which),
    read: (source, positions) => readRecords(source, positions, addon),
  };
}

/** Of each file only from the last offset known before a record that is wanted. */
async function* readRecords(
  source: ReadSource,
  positions: readonly number[],
  addon: Addon | null,
): AsyncGenerator<ReadRecord> {
  let [first, at] = [0, 0];
  for (const [index, { records }] of source.roots.parts.entries()) {
    const begun = at;
    while ((positions[at] ?? Number.POSITIVE_INFINITY) < first + records) at += 1;
    const wanted = positions.slice(begun, at);
    const file = source.files[index];
    if (wanted.length > 0 && file === undefined) throw missing(source.roots.parts[index]?.path ?? '');
    if (wanted.length > 0 && file !== undefined) yield* readPart(source, { file, first, wanted, addon });
    first += records;
  }
}

interface Wanted {
  readonly file: ReadSource['files'][number];
  /** Position of the file's first record. */
  readonly first: number;
  readonly wanted: readonly number[];
  readonly addon: Addon | null;
}

/** Near ones are read in one go; far ones each from their own offset. */
async function* readPart(source: ReadSource, { file, first, wanted, addon }: Wanted): AsyncGenerator<ReadRecord> {
  const { reading } = source.roots;
  const isColumnar = isOfColumns(reading);
  for (let index = 0; index < wanted.length;) {
    const begun = index;
    const start = startOf(source, wanted[index] as number, first);
    let { position } = start;
    const options = { reading, columns: new Map(), ...start.at };
    const batches = isColumnar && addon !== null ? rowsByAddon(file, options, addon) : batchesOf(file, options);
    reading: for await (const batch of batches) {
      for (let at = 0; at < batch.ends.length; at += 1, position += 1) {
        if (position !== wanted[index]) continue;
        yield { position, encoding: batch.data.slice(at === 0 ? 0 : batch.ends[at - 1], batch.ends[at]) };
        index += 1;
        const next = wanted[index];
        if (next === undefined || next - position > FAR) break reading;
      }
    }
    if (index === begun) throw missing(file.path);
  }
}

/** Where reading begins for a wanted position: a table of columns has rows, other files bytes. */
function startOf({ roots, offsetBefore }: ReadSource, wanted: number, first: number) {
  if (isOfColumns(roots.reading)) return { position: wanted, at: { row: wanted - first } };
  const near = offsetBefore?.(wanted);
  if (near === undefined || near.position < first) return { position: first, at: {} };
  return { position: near.position, at: { from: near.offset } };
}

function isOfColumns({ format }: Reading): boolean {
  return format === 'parquet' || format === 'arrow';
}

/** Records that it is quicker to read over than to begin anew behind. */
const FAR = 4096;

function missing(path: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${path} no longer holds the records that were indexed`, { subject: path });
}
