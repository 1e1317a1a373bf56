import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { READERS } from '../../../src/domain/formats/readers.ts';
import { JUDGES } from '../../../src/domain/scan/judges.ts';

/** Judged by their bytes or text, or refused because they are not opened: nothing else about them is worth reading. */
const JUDGED_ONLY = [
  '7z',
  'ar',
  'brotli',
  'cab',
  'compress',
  'executable',
  'html',
  'iso',
  'jinja',
  'joblib',
  'lzip',
  'markdown',
  'marshal',
  'python',
  'r-data',
  'rar',
  'script',
  'spacy',
  'tensorrt-engine',
  'text',
  'xml',
  'yaml',
];

test('a format that is read is judged, and one that is judged is read or known to have no reader', () => {
  const [read, judged] = [Object.keys(READERS), Object.keys(JUDGES)];
  assert.deepEqual(
    read.filter((format) => !judged.includes(format)),
    [],
    'read in formats/readers.ts, not judged in scan/judges.ts',
  );
  assert.deepEqual(
    judged.filter((format) => !read.includes(format)).toSorted(),
    JUDGED_ONLY,
    'judged in scan/judges.ts, not read in formats/readers.ts',
  );
});

/** Judges of what many formats have in common. */
const SHARED = ['structure', 'text'];

test('a format is two files of one name: its reader and its judge', () => {
  const readers = filesOf('src/domain/formats/readers.ts', READERS);
  const judges = filesOf('src/domain/scan/judges.ts', JUDGES);
  const pairs = [...readers].map(([format, reader]) => ({ format, reader, judge: judges.get(format) }));
  assert.ok(pairs.some(({ reader }) => reader === 'gguf'));
  assert.deepEqual(
    pairs.filter(({ reader, judge }) => judge !== reader && !SHARED.includes(judge ?? '')),
    [],
  );
});

/** Name of the file each entry of a table is imported from, by the name of its function; wrapped readers are made in place. */
function filesOf(path: string, table: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const text = readFileSync(path, 'utf8');
  const imports = [...text.matchAll(/import \{([^}]*)\} from '[^']*?([\w-]+)\.ts'/g)];
  const entries = Object.keys(table).flatMap((format) => {
    const [, name = '', loaded] =
      new RegExp(`^  '?${format}'?: (\\w+)(?:\\(async \\(\\) => \\(await import\\('\\./([\\w-]+)\\.ts)?`, 'm').exec(
        text,
      ) ?? [];
    const file = loaded ?? imports.find(([, names = '']) => names.split(',').some((each) => each.trim() === name))?.[2];
    assert.ok(file !== undefined, `${format} is in ${path}, by ${name}`);
    return [[format, file] as const];
  });
  return new Map(entries);
}
