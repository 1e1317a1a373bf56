import { WeighmarkError } from '../base/errors.ts';
import { windowSource, type Source } from '../base/source.ts';
import { sha256Hex } from '../digest/hex.ts';
import { Batch } from './batch.ts';
import { PLAIN, type BulkHasher } from './blake3.ts';
import { RECORD } from './keys.ts';
import { mediaFields, MemberRecords, type MemberField } from './members.ts';
import { equal } from './ordered.ts';
import { RECORD_BYTES } from './problem.ts';
import { BYS, type Reading } from './reading.ts';
import { readSamples } from './webdataset.ts';

export interface WantedFile {
  /** SHA-256 of a file's bytes, lower-case hex. */
  readonly sha256: string;
  /** The hash of its record in the open; null: only the bytes are known. */
  readonly logical: Uint8Array | null;
  readonly hasher: BulkHasher;
}

type Found = { readonly count: number } | { readonly why: string };

/** Whether an image or a sound is the wanted one, by its bytes or as a record, with its path or without. */
export async function isWantedFile(source: Source, path: string, wanted: WantedFile): Promise<Found> {
  const bytes = await bytesOf(source);
  if (bytes === null) return LARGE;
  if (sha256Hex(bytes) === wanted.sha256) return { count: 1 };
  const digest = blake3Of(bytes, wanted);
  const readings = BYS.map((by): Reading => ({ format: 'media', profile: 'typed', by }));
  return { count: readings.some((each) => isRecord(mediaFields(path, digest, each), each, wanted)) ? 1 : 0 };
}

/** The samples of a WebDataset tar that are the wanted record, or hold the wanted file. */
export async function findInSamples(source: Source, wanted: WantedFile): Promise<Found> {
  let count = 0;
  try {
    for (const { key, members } of await readSamples(source)) {
      const fields: MemberField[] = [['__key__', key]];
      let holds = false;
      for (const { extension, start, size } of members) {
        const bytes = await bytesOf(windowSource(source, start, size));
        if (bytes === null) return LARGE;
        holds ||= sha256Hex(bytes) === wanted.sha256;
        fields.push([extension, blake3Of(bytes, wanted)]);
      }
      if (holds || isRecord(fields, WEBDATASET, wanted)) count += 1;
    }
  } catch (error) {
    if (!(error instanceof WeighmarkError) || !UNREAD.has(error.code)) throw error;
    return { why: 'it does not read as a WebDataset tar' };
  }
  return { count };
}

const UNREAD: ReadonlySet<string> = new Set(['record-invalid', 'records-unsupported']);
const LARGE = { why: `a file of more than ${RECORD_BYTES >> 20} MiB` };
const WEBDATASET: Reading = { format: 'webdataset', profile: 'typed' };

async function bytesOf(source: Source): Promise<Uint8Array | null> {
  return source.size > RECORD_BYTES ? null : source.read(0, source.size);
}

function blake3Of(bytes: Uint8Array, { hasher, logical }: WantedFile): Uint8Array {
  return logical === null ? new Uint8Array(32) : hasher.hash(PLAIN, bytes, Uint32Array.of(bytes.length));
}

function isRecord(fields: readonly MemberField[], reading: Reading, { logical, hasher }: WantedFile): boolean {
  if (logical === null) return false;
  const batch = new Batch(fields.length * 64);
  new MemberRecords(reading, new Map()).record(fields, { byte: 0 }, batch);
  return equal(hasher.hash(RECORD, batch.view(), Uint32Array.of(batch.at)), logical);
}
