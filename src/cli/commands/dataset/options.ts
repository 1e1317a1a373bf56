import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { BYS, CELL_TYPES, FORMATS, type By, type CellType } from '../../../domain/records/reading.ts';
import type { DataPorts, Declared } from '../../../flows/data/locate.ts';
import type { Context } from '../../context.ts';
import { forShell } from '../../../domain/base/text.ts';

export interface ReadingOptions {
  readonly as?: (typeof FORMATS)[number];
  readonly types?: string;
  readonly header?: boolean;
  readonly delimiter?: string;
  readonly empty?: 'null' | 'text';
  readonly by?: By;
  readonly asText?: boolean;
}

/** How records are read: declared here or by file names, never guessed from content. */
export function addReadingOptions(command: Command): Command {
  const group = (option: Option): Option => option.helpGroup('Reading:');
  return command
    .addOption(group(new Option('--as <format>', 'how the files are read; default: by their names').choices(FORMATS)))
    .addOption(
      group(new Option('--types <column=type,…>', `csv, tsv: columns that are no text (${CELL_TYPES.join(', ')})`)),
    )
    .addOption(group(new Option('--no-header', 'csv, tsv: the first row is a record')))
    .addOption(group(new Option('--delimiter <character>', 'csv: between cells; default a comma')))
    .addOption(group(new Option('--empty <what>', 'csv, tsv: what an empty cell is').choices(['null', 'text'])))
    .addOption(
      group(new Option('--by <what>', 'media: whether a record tells the path too; default path').choices(BYS)),
    )
    .addOption(group(new Option('--as-text', 'each scalar by its text: to compare with tables without types')));
}

export function declaredFrom(options: ReadingOptions): Declared {
  return {
    ...(options.as === undefined ? {} : { format: options.as }),
    ...(options.types === undefined ? {} : { types: typesFrom(options.types) }),
    ...(options.header === false ? { header: false } : {}),
    ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter }),
    ...(options.empty === undefined ? {} : { empty: options.empty }),
    ...(options.by === undefined ? {} : { by: options.by }),
    ...(options.asText === true ? { profile: 'text' as const } : {}),
  };
}

function typesFrom(text: string): Readonly<Record<string, CellType>> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const equals = pair.lastIndexOf('=');
      const type = CELL_TYPES.find((each) => each === pair.slice(equals + 1));
      if (equals < 1 || type === undefined)
        throw new WeighmarkError('usage', `${pair} is not COLUMN=TYPE`, { hint: `types are ${CELL_TYPES.join(', ')}` });
      return [pair.slice(0, equals), type];
    }),
  );
}

const SECRET_BYTES = 32;

export function secretOption(): Option {
  return new Option('--secret <file>', "the organisation's key, 32 bytes: records are hashed under it").env(
    'WEIGHMARK_RECORDS_SECRET',
  );
}

/** @throws WeighmarkError `key-unusable` for a file of another size. */
export async function secretFrom(context: Context, file: string | undefined): Promise<Uint8Array | null> {
  if (file === undefined) return null;
  const bytes = await (await context.files()).read(resolve(context.cwd, file), SECRET_BYTES + 1);
  if (bytes.length === SECRET_BYTES) return bytes;
  throw new WeighmarkError('key-unusable', `${file} is not a secret of 32 bytes`, {
    hint: '`head -c 32 /dev/urandom > records.key && chmod 600 records.key` makes one',
  });
}

export async function dataPorts(context: Context): Promise<DataPorts> {
  const { progress, signal } = context;
  return {
    files: await context.files(),
    records: await context.records(),
    progress,
    signal,
    ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
  };
}

/** Roots came along with a copy, or the index was not kept: what they are of is not known to be these files. */
export function unseenText(path: string): string {
  return `note: this is of what was indexed: whether ${path} is still that is not known here (\`weighmark dataset index ${forShell(path)}\` reads it)\n`;
}
