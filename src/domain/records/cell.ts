import { Bytes, TAG } from './batch.ts';
import { canonicalNumber } from './number.ts';
import { canonicalDate, canonicalTime, canonicalTimestamp } from './time.ts';
import type { CellType } from './reading.ts';

const NOT_FINITE: Readonly<Record<string, string>> = {
  nan: 'nan',
  NaN: 'nan',
  inf: 'inf',
  Infinity: 'inf',
  '-inf': '-inf',
  '-Infinity': '-inf',
};

/** Encodes a cell as what its column is declared to hold. False: it is not that. */
export function encodeCell(text: string, type: CellType, asText: boolean, out: Bytes): boolean {
  if (type === 'boolean') {
    if (text !== 'true' && text !== 'false') return false;
    if (asText) out.ascii(TAG.text, text);
    else out.byte(text === 'true' ? TAG.true : TAG.false);
    return true;
  }
  const value = canonicalCell(text, type);
  if (value === null) return false;
  out.ascii(asText ? TAG.text : TAG[type], value);
  return true;
}

function canonicalCell(text: string, type: Exclude<CellType, 'boolean'>): string | null {
  if (type === 'number') return NOT_FINITE[text] ?? canonicalNumber(text);
  if (type === 'date') return canonicalDate(text);
  if (type === 'time') return canonicalTime(text);
  if (type === 'text') return text;
  return canonicalTimestamp(text, type === 'instant');
}
