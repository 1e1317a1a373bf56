import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { canonicalJson, isJsonObject, type Json } from '../base/json.ts';
import { contextKey, digest } from './blake3.ts';

export const FORMATS = ['text', 'jsonl', 'csv', 'tsv', 'parquet', 'arrow', 'webdataset', 'media'] as const;
export type Format = (typeof FORMATS)[number];

/** What a cell of a text table can be declared to be; undeclared cells are text. */
export const CELL_TYPES = ['text', 'number', 'boolean', 'date', 'time', 'timestamp', 'instant'] as const;
export type CellType = (typeof CELL_TYPES)[number];

/**
 * How bytes are read as records: part of a dataset's signed identity, always declared, never guessed from content.
 * Members that a format does not know are refused, those with their default are left out.
 */
export interface Reading {
  readonly format: Format;
  /** `typed` tells 1 from "1"; `text` takes each scalar by its canonical text, to compare with a table without types. */
  readonly profile: 'typed' | 'text';
  /** Columns of csv and tsv that are no text. */
  readonly types?: Readonly<Record<string, CellType>>;
  /** csv and tsv: false where the first row is a record; columns are then `0`, `1`, … Default true. */
  readonly header?: boolean;
  /** csv: one ASCII character. Default `,`; a tab for tsv. */
  readonly delimiter?: string;
  /** csv and tsv: what an empty cell without quotes is. Default null. */
  readonly empty?: 'null' | 'text';
  /** media: `content` leaves a file's path out of its record, so that a moved file is the same record. Default `path`. */
  readonly by?: By;
}

export const BYS = ['path', 'content'] as const;
export type By = (typeof BYS)[number];

const MEMBERS: Readonly<Record<Format, readonly string[]>> = {
  text: [],
  jsonl: [],
  csv: ['types', 'header', 'delimiter', 'empty'],
  tsv: ['types', 'header', 'empty'],
  parquet: [],
  arrow: [],
  webdataset: [],
  media: ['by'],
};

const ENDINGS: Readonly<Record<Format, RegExp>> = {
  text: /\.txt$/,
  jsonl: /\.(?:jsonl|ndjson)$/,
  csv: /\.csv$/,
  tsv: /\.tsv$/,
  parquet: /\.parquet$/,
  arrow: /\.(?:arrow|feather|ipc)$/,
  webdataset: /\.tar$/,
  media:
    /\.(?:jpe?g|jpe|jfif|png|apng|gif|webp|bmp|tiff?|ico|avif|hei[cf]|jxl|jp2|ppm|pgm|pbm|pnm|wav|flac|mp3|ogg|oga|opus|m4a|aac|aiff?|au|wma|amr)$/i,
};

/**
 * Formats that stand back where files of an earlier one are there: a table beside images describes them, a text beside either
 * is its licence.
 */
const STAND_BACK: readonly Format[] = ['webdataset', 'media', 'text'];

/** What a folder is read as, by the formats of its files' names: one of them, or those between which the user must choose. */
export function chooseFormat(formats: readonly Format[]): readonly Format[] {
  const tables = formats.filter((format) => !STAND_BACK.includes(format));
  const [next] = STAND_BACK.filter((format) => formats.includes(format));
  return tables.length > 0 || next === undefined ? tables : [next];
}

/** The formats a file name stands for: by a fixed table, never by what is in the file. */
export function formatOfName(path: string): Format | null {
  return FORMATS.find((format) => ENDINGS[format].test(path)) ?? null;
}

/** RFC 8785 text of a reading, as roots state it. */
export function formatReading(reading: Reading): string {
  return canonicalJson(lean(reading));
}

/** BLAKE3 of a reading, lower-case hex. */
export function readingDigest(reading: Reading): string {
  return Buffer.from(digest(READING, Buffer.from(formatReading(reading)))).toString('hex');
}

const READING = contextKey('weighmark 2026 dataset reading v1');

/** Without what goes without saying, so that one way to read has one text. */
function lean({ format, profile, types, header, delimiter, empty, by }: Reading): Record<string, Json> {
  return {
    format,
    ...(profile === 'typed' ? {} : { profile }),
    ...(types === undefined || Object.keys(types).length === 0 ? {} : { types: { ...types } }),
    ...(header === false ? { header } : {}),
    ...(delimiter === undefined || delimiter === ',' ? {} : { delimiter }),
    ...(empty === 'text' ? { empty } : {}),
    ...(by === 'content' ? { by } : {}),
  };
}

/** @throws WeighmarkError `format-invalid` for anything that `formatReading` does not write. */
export function parseReading(json: Json | undefined): Reading {
  if (!isJsonObject(json)) throw invalid('it is not an object');
  const { format, profile = 'typed', types, header, delimiter, empty, by } = json;
  const known = FORMATS.find((each) => each === format);
  if (known === undefined || (profile !== 'typed' && profile !== 'text')) throw invalid('unknown format or profile');
  const reading = {
    format: known,
    profile,
    ...(types === undefined ? {} : { types: typesOf(types) }),
    ...(header === undefined ? {} : { header: header === true }),
    ...(typeof delimiter === 'string' ? { delimiter } : {}),
    ...(empty === undefined ? {} : { empty: empty === 'text' ? ('text' as const) : ('null' as const) }),
    ...(by === undefined ? {} : { by: by === 'content' ? ('content' as const) : ('path' as const) }),
  } satisfies Reading;
  checkReading(reading);
  if (formatReading(reading) !== canonicalJson(json)) throw invalid('members that its format does not have');
  return reading;
}

/** @throws WeighmarkError `format-invalid` for members that the format does not have, or a delimiter that is none. */
export function checkReading(reading: Reading): void {
  const allowed = ['format', 'profile', ...MEMBERS[reading.format]];
  const [foreign] = Object.keys(lean(reading)).filter((member) => !allowed.includes(member));
  if (foreign !== undefined) throw invalid(`${reading.format} has no ${foreign}`);
  const { delimiter = ',' } = reading;
  if (!/^[\t !#-&(-~]$/.test(delimiter)) throw invalid('a delimiter is one ASCII character, and no quote');
}

function typesOf(json: Json): Readonly<Record<string, CellType>> {
  if (!isJsonObject(json)) throw invalid('types are no object');
  return Object.fromEntries(
    Object.entries(json).map(([name, type]) => {
      const known = CELL_TYPES.find((each) => each === type);
      if (known === undefined) throw invalid(`${JSON.stringify(type)} is no type of a cell`);
      return [name, known];
    }),
  );
}

function invalid(why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `the reading of the records is not usable: ${why}`);
}
