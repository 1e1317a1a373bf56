import { Buffer } from 'node:buffer';
import { Batch, Bytes, TAG } from './batch.ts';
import { encodeCell } from './cell.ts';
import { badRow } from './problem.ts';
import type { Chunk, RecordReader } from './reader.ts';
import type { CellType, Reading } from './reading.ts';
import { checkUtf8, startOf } from './utf8.ts';
import { seeColumn, Struct, type Columns } from './struct.ts';

const [QUOTE, LF, CR] = [0x22, 0x0a, 0x0d];

/**
 * CSV as RFC 4180 has it, and TSV the same with a tab. Refused: ragged rows, a quote inside a cell without quotes, text
 * after a closing quote, a CR alone, NUL, columns without a name or with the same.
 */
export function csvReader(reading: Reading, columns: Columns): RecordReader {
  const table = new Table(reading, columns);
  return {
    read(chunk, batch) {
      let at = startOf(chunk);
      checkUtf8(chunk, at);
      while (at < chunk.bytes.length) {
        const next = table.row(chunk, at, batch);
        if (next < 0) return at;
        at = next;
      }
      return at;
    },
  };
}

interface Cell {
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
  /** Quotes inside are doubled. */
  readonly doubled: boolean;
}

class Table {
  private names: readonly Buffer[] | null = null;
  private types: readonly CellType[] = [];
  private readonly struct = new Struct();
  private readonly cells: Cell[] = [];
  private readonly reading: Reading;
  private readonly columns: Columns;
  private readonly delimiter: number;

  constructor(reading: Reading, columns: Columns) {
    this.reading = reading;
    this.columns = columns;
    this.delimiter = reading.format === 'tsv' ? 0x09 : (reading.delimiter ?? ',').charCodeAt(0);
  }

  /** Where the row that begins at `at` ends; -1 if it may go on in the next chunk. */
  row(chunk: Chunk, at: number, batch: Batch): number {
    this.cells.length = 0;
    let place = at;
    for (let more = true; more;) {
      const cell = this.cell(chunk, place);
      if (cell === null) return -1;
      this.cells.push(cell);
      place = cell.quoted ? cell.end + 1 : cell.end;
      more = chunk.bytes[place] === this.delimiter;
      if (more) place += 1;
    }
    const next = this.endOfRow(chunk, place);
    if (next >= 0) this.take(chunk, at, batch);
    return next;
  }

  private cell(chunk: Chunk, start: number): Cell | null {
    const { bytes } = chunk;
    if (bytes[start] === QUOTE) return this.quotedCell(chunk, start);
    let at = start;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === this.delimiter || byte === LF || byte === CR) break;
      if (byte === QUOTE) throw badRow('a quote inside a cell without quotes', { byte: chunk.base + at });
      if (byte === 0) throw badRow('a NUL', { byte: chunk.base + at });
    }
    if (at === bytes.length && !chunk.last) return null;
    return { start, end: at, quoted: false, doubled: false };
  }

  private quotedCell({ bytes, base, last }: Chunk, start: number): Cell | null {
    let doubled = false;
    for (let at = start + 1; ; at += 1) {
      at = bytes.indexOf(QUOTE, at);
      if (at < 0 || (at + 1 === bytes.length && !last)) {
        if (last) throw badRow('a quoted cell does not end', { byte: base + start });
        return null;
      }
      if (bytes[at + 1] !== QUOTE) {
        const nul = bytes.subarray(start, at).indexOf(0);
        if (nul >= 0) throw badRow('a NUL', { byte: base + start + nul });
        return { start: start + 1, end: at, quoted: true, doubled };
      }
      doubled = true;
      at += 1;
    }
  }

  private endOfRow({ bytes, base, last }: Chunk, at: number): number {
    if (at === bytes.length) return last ? at : -1;
    if (bytes[at] === LF) return at + 1;
    if (bytes[at] !== CR) throw badRow('something follows a closing quote', { byte: base + at });
    if (at + 1 === bytes.length && !last) return -1;
    if (bytes[at + 1] === LF) return at + 2;
    throw badRow('a carriage return without a line feed', { byte: base + at });
  }

  private take(chunk: Chunk, start: number, batch: Batch): void {
    if (this.names === null && this.header(chunk, start)) return;
    const names = this.names ?? [];
    if (this.cells.length !== names.length)
      throw badRow(`${this.cells.length} cells where the table has ${names.length} columns`, {
        byte: chunk.base + start,
      });
    this.struct.begin();
    this.cells.forEach((cell, index) => {
      const name = names[index] as Buffer;
      const into = this.struct.name();
      into.length(name.length);
      into.put(name);
      this.encode(chunk, cell, index, this.struct.value());
    });
    this.struct.finish(batch, this.columns);
    batch.close(chunk.base + start);
  }

  /** True if the row was the header. */
  private header(chunk: Chunk, start: number): boolean {
    const isHeader = this.reading.header !== false;
    const texts = this.cells.map((cell, index) => (isHeader ? textOf(chunk.bytes, cell).toString() : String(index)));
    const place = { byte: chunk.base + start };
    if (texts.some((text) => text === '')) throw badRow('a column without a name', place);
    if (new Set(texts).size !== texts.length) throw badRow('two columns have the same name', place);
    const declared = this.reading.types ?? {};
    const [missing] = Object.keys(declared).filter((name) => !texts.includes(name));
    if (missing !== undefined) throw badRow('a declared column is not in the table', { ...place, column: missing });
    this.names = texts.map((text) => Buffer.from(text));
    this.types = texts.map((text) => declared[text] ?? 'text');
    for (const text of texts) seeColumn(this.columns, text, TAG.null);
    return isHeader;
  }

  private encode({ bytes, base }: Chunk, cell: Cell, index: number, out: Bytes): void {
    const type = this.types[index] ?? 'text';
    if (cell.start === cell.end && !cell.quoted && (type !== 'text' || this.reading.empty !== 'text'))
      return out.byte(TAG.null);
    if (type === 'text' && !cell.doubled) return out.scalar(TAG.text, bytes, cell.start, cell.end);
    const text = textOf(bytes, cell);
    if (type === 'text') return out.scalar(TAG.text, text);
    if (!encodeCell(text.toString(), type, this.reading.profile === 'text', out))
      throw badRow(`not a ${type}`, { byte: base + cell.start, column: (this.names?.[index] ?? '').toString() });
  }
}

function textOf(bytes: Uint8Array, { start, end, doubled }: Cell): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return doubled ? Buffer.from(text.toString().replaceAll('""', '"')) : text;
}
