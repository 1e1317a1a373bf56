import { Buffer } from 'node:buffer';
import { Batch, TAG } from './batch.ts';
import { csvReader } from './csv.ts';
import { JsonRecords } from './json-record.ts';
import { unsupported } from './problem.ts';
import { seeColumn, type Columns } from './struct.ts';
import type { Reading } from './reading.ts';
import type { Chunk, RecordReader } from './reader.ts';
import { checkUtf8, startOf } from './utf8.ts';

/**
 * The strict reader of one file of text: lines, JSON lines, CSV or TSV. A new one for each file; `columns` may be shared.
 * @throws WeighmarkError `records-unsupported` for formats that are not text.
 */
export function textReader(reading: Reading, columns: Columns): RecordReader {
  const { format } = reading;
  if (format === 'text') return lineReader(textLine(columns));
  if (format === 'jsonl') return lineReader(jsonLine(reading, columns));
  if (format === 'csv' || format === 'tsv') return csvReader(reading, columns);
  throw unsupported(`${format} files need the records addon (npm run build:records)`);
}

type Line = (chunk: Chunk, start: number, end: number, batch: Batch) => void;

/** Lines end with LF or CRLF; the last one may end with the file. */
function lineReader(line: Line): RecordReader {
  return {
    read(chunk, batch) {
      const { bytes, last } = chunk;
      let at = startOf(chunk);
      checkUtf8(chunk, at);
      while (at < bytes.length) {
        const newline = bytes.indexOf(0x0a, at);
        if (newline < 0 && !last) return at;
        const end = newline < 0 ? bytes.length : newline;
        line(chunk, at, end > at && bytes[end - 1] === 0x0d ? end - 1 : end, batch);
        at = newline < 0 ? end : newline + 1;
      }
      return at;
    },
  };
}

const TEXT_NAME = Buffer.from('\u0004text');

function textLine(columns: Columns): Line {
  return ({ bytes, base }, start, end, batch) => {
    if (columns.size === 0) seeColumn(columns, 'text', TAG.text);
    batch.byte(TAG.struct);
    batch.byte(1);
    batch.put(TEXT_NAME);
    batch.scalar(TAG.text, bytes, start, end);
    batch.close(base + start);
  };
}

function jsonLine(reading: Reading, columns: Columns): Line {
  const records = new JsonRecords(reading.profile === 'text', columns);
  return ({ bytes, base }, start, end, batch) => {
    if (isBlank(bytes, start, end)) return;
    records.record(bytes, [start, end], base, batch);
    batch.close(base + start);
  };
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0d)) at += 1;
  return at === end;
}
