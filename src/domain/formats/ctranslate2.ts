import { LIMITS } from '../base/limits.ts';
import { Cursor } from './cursor.ts';
import { attempt, beyond, invalid, note } from './problem.ts';
import { startTally, tilingProblems, type Extent, type Tally } from './tensors.ts';
import type { Dtype, Findings, NamedSource, Problem } from './types.ts';

/** `DataType` by number. */
const DTYPES: readonly Dtype[] = ['F32', 'I8', 'I16', 'I32', 'F16', 'BF16'];
/**
 * `model.bin` of CTranslate2: every variable's name, shape and type before its bytes, then second names for some. Where a
 * weight has scales beside it, it is quantised and nobody counts.
 * @see https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py
 */
export async function readCtranslate2({ source }: NamedSource): Promise<Findings> {
  const cursor = new Cursor(source);
  const problems: Problem[] = [];
  let quantised = false;
  const tally = startTally({ known: () => !quantised && problems.length === 0 });
  const version = await cursor.u32le();
  const spec = await readName(cursor);
  const revision = await cursor.u32le();
  await attempt(problems, async () => {
    const extents: Extent[] = [];
    const count = await cursor.u32le();
    if (count > LIMITS.tensorsPerFile) throw beyond(`${count} variables`);
    for (let index = 0; index < count; index++) {
      const { name, start, end } = await readVariable(cursor, tally);
      quantised ||= /(^|\/)weight_(scale|zero)$/.test(name);
      extents.push({ start, end, subject: name });
    }
    const aliases = cursor.remaining === 0 ? 0 : await cursor.u32le();
    for (let index = 0; index < Math.min(aliases, LIMITS.tensorsPerFile); index++)
      for (const _ of ['alias', 'variable']) await readName(cursor);
    if (cursor.remaining > 0)
      note(problems, { code: 'trailing', message: `${cursor.remaining} bytes after the last`, offset: cursor.offset });
    note(problems, ...tilingProblems(extents, { from: 0, to: source.size, slack: source.size }).filter(isOverlap));
  });
  const metadata = [
    { key: 'spec', value: spec, place: 'header:spec' },
    { key: 'revision', value: revision, place: 'header:revision' },
  ];
  return { format: 'ctranslate2', version: String(version), metadata, problems, ...tally.finish() };
}

function isOverlap({ code }: Problem): boolean {
  return code === 'overlap';
}

async function readVariable(cursor: Cursor, tally: Tally): Promise<{ name: string; start: number; end: number }> {
  const name = await readName(cursor);
  const rank = await cursor.u8();
  const shape: number[] = [];
  for (let index = 0; index < rank; index++) shape.push(await cursor.u32le());
  const type = await cursor.u8();
  const length = await cursor.u32le();
  const start = cursor.offset;
  cursor.skip(length);
  tally.add({ name, dtype: DTYPES[type] ?? `CTRANSLATE2_${type}`, shape, offset: start, length });
  return { name, start, end: cursor.offset };
}

/** A length of two bytes, the text, and the NUL that it counts. */
async function readName(cursor: Cursor): Promise<string> {
  const length = await cursor.u16le();
  if (length === 0) throw invalid(`a name without its NUL at byte ${cursor.offset}`);
  return (await cursor.text(length)).slice(0, -1);
}
