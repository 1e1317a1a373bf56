import { LIMITS } from '../base/limits.ts';
import { startBudget } from './budget.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { attempt, beyond } from './problem.ts';
import { startTally, type Tally } from './tensors.ts';
import type { Findings, MetadataItem, NamedSource, Problem } from './types.ts';

const ARGUMENTS = [
  'dim',
  'ws',
  'epoch',
  'minCount',
  'neg',
  'wordNgrams',
  'loss',
  'model',
  'bucket',
  'minn',
  'maxn',
  'lrUpdateRate',
];
const WORD_BYTES = 1 << 16;

/**
 * A fastText model: arguments, dictionary, input and output matrix. Quantised ones (`.ftz`) are not counted.
 * @see https://github.com/facebookresearch/fastText/blob/main/src/fasttext.cc `saveModel`
 */
export async function readFastText({ source }: NamedSource): Promise<Findings> {
  const cursor = new Cursor(source, 4);
  const version = await cursor.i32le();
  const problems: Problem[] = [];
  const metadata: MetadataItem[] = [];
  let plain = true;
  const tally = startTally({ known: () => plain && problems.length === 0 });
  await attempt(problems, async () => {
    for (const key of ARGUMENTS) metadata.push({ key, value: await cursor.i32le(), place: `header:${key}` });
    cursor.skip(8);
    await skipDictionary(cursor, metadata);
    for (const name of ['input', 'output']) {
      plain &&= (await cursor.u8()) === 0;
      if (!plain) return;
      await addMatrix(cursor, tally, name);
    }
    if (cursor.remaining > 0)
      problems.push({ code: 'trailing', message: `${cursor.remaining} bytes after the model`, offset: cursor.offset });
  });
  return { format: 'fasttext', version: String(version), metadata, problems, ...tally.finish() };
}

/** Words end in NUL and are followed by a count and a type; pairs of pruned indices come last. */
async function skipDictionary(cursor: Cursor, metadata: MetadataItem[]): Promise<void> {
  const [size, words, labels] = [await cursor.i32le(), await cursor.i32le(), await cursor.i32le()];
  metadata.push(
    { key: 'words', value: words, place: 'header:nwords' },
    { key: 'labels', value: labels, place: 'header:nlabels' },
  );
  cursor.skip(8);
  const pruned = await cursor.i64le();
  const budget = startBudget(LIMITS.structureBytes, 'a dictionary');
  for (let index = 0; index < size; index++) {
    for (let length = 0; (await cursor.u8()) !== 0; length++)
      if (length > WORD_BYTES) throw beyond('a word without end');
    cursor.skip(9);
    budget.spend(16);
  }
  if (pruned > 0n) cursor.skip(safeNumber(pruned, 'a number of pruned words') * 8);
}

async function addMatrix(cursor: Cursor, tally: Tally, name: string): Promise<void> {
  const [rows, columns] = [safeNumber(await cursor.i64le(), 'rows'), safeNumber(await cursor.i64le(), 'columns')];
  const [offset, length] = [cursor.offset, rows * columns * 4];
  cursor.skip(length);
  tally.add({ name, dtype: 'F32', shape: [rows, columns], offset, length });
}
