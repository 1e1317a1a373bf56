import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { parseStrictJsonObject } from '../base/json.ts';
import { TAG, type Batch } from './batch.ts';
import { badRow, type Place } from './problem.ts';
import type { Reading } from './reading.ts';
import { Struct, type Columns } from './struct.ts';

/** A field of a record about files: a text, or the BLAKE3 of a file's bytes. */
export type MemberField = readonly [name: string, value: string | Uint8Array];

/** The record of an image or a sound: what it is, where it lies, and as its label the first folder on the way. */
export function mediaFields(path: string, digest: Uint8Array, { by }: Reading): readonly MemberField[] {
  const [label, ...rest] = path.split('/');
  return [
    ...(by === 'content' ? [] : [['path', path] as const]),
    ['bytes', digest],
    ...(rest.length === 0 || label === undefined ? [] : [['label', label] as const]),
  ];
}

/** Whether records tell of files rather than of what stands in them. */
export function isOfFiles({ format }: Reading): boolean {
  return format === 'media' || format === 'webdataset';
}

const DIGEST = /^(?:blake3:)?([0-9a-f]{64})$/;

/** A record about files as a person writes it: JSON, digests in hex. @throws WeighmarkError `usage`. */
export function memberFieldsOf(text: string, { format }: Reading): readonly MemberField[] {
  const json = parseStrictJsonObject(text, { refuseCaseDuplicates: false, subject: 'the record' });
  return Object.entries(json).map(([name, value]) => {
    const isText = format === 'webdataset' ? name === '__key__' : name !== 'bytes';
    const [, hex] = typeof value === 'string' ? (DIGEST.exec(value) ?? []) : [];
    if (isText && typeof value === 'string') return [name, value];
    if (!isText && hex !== undefined) return [name, Buffer.from(hex, 'hex')];
    throw new WeighmarkError('usage', `${JSON.stringify(name)} is no ${isText ? 'text' : 'BLAKE3 in hex'}`);
  });
}

/** Encodes records about files, in the order of their names as all are. */
export class MemberRecords {
  private readonly struct = new Struct();
  private readonly asText: boolean;
  private readonly columns: Columns;

  constructor({ profile }: Reading, columns: Columns) {
    this.asText = profile === 'text';
    this.columns = columns;
  }

  /** @throws WeighmarkError `record-invalid` if a name stands twice. */
  record(fields: readonly MemberField[], place: Place, batch: Batch): void {
    this.struct.begin();
    for (const [name, value] of fields) {
      const into = this.struct.name();
      const bytes = Buffer.from(name);
      into.length(bytes.length);
      into.put(bytes);
      this.value(value);
    }
    if (!this.struct.finish(batch, this.columns)) throw badRow('a name stands twice in a sample', place);
    batch.close(place.byte);
  }

  private value(value: string | Uint8Array): void {
    const out = this.struct.value();
    if (typeof value === 'string') out.scalar(TAG.text, Buffer.from(value));
    else if (this.asText) out.ascii(TAG.text, Buffer.from(value).toString('hex'));
    else out.scalar(TAG.bytes, value);
  }
}
