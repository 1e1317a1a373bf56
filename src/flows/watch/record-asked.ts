import { WeighmarkError } from '../../domain/base/errors.ts';
import { isHex256 } from '../../domain/digest/hex.ts';
import { recordDigest } from '../../domain/report/record.ts';
import { hashText } from '../data/prove.ts';
import type { RecordImpactInput } from './impact-record.ts';

/** A record as somebody names it: by its line, its JSON, or a digest where it must not be told. @throws WeighmarkError `usage`. */
export function recordAsked(text: string): Pick<RecordImpactInput, 'record' | 'logical'> {
  return { record: recordOf(text), logical: logicalOf(text) };
}

/** What the text is as a record: `{"id":1}` is `{ "id": 1.0 }`. Null for what is no JSON object. */
function logicalOf(text: string): Uint8Array | null {
  const hash = text.replace(/^blake3:/, '');
  if (isHex256(hash)) return Buffer.from(hash, 'hex');
  if (!text.trimStart().startsWith('{')) return null;
  return hashText(text, { reading: { format: 'jsonl', profile: 'typed' }, hashing: 'open', key: null }, null).hash;
}

/** By digest where the record itself must not be told. */
function recordOf(text: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(text) ?? [];
  if (hex !== undefined) return hex;
  if (text === '' || /[\r\n]/.test(text))
    throw new WeighmarkError('usage', '--record is one line as it stands in its file, or sha256:… of that');
  return recordDigest(Buffer.from(text));
}
