import { isJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { attempt, beyond, invalid } from './problem.ts';
import { fieldIntegers, fieldReader, signed } from './protobuf.ts';
import { startTally, elementsOf } from './tensors.ts';
import type { Dtype, Findings, NamedSource, Problem } from './types.ts';

/** A program in PaddlePaddle's intermediate representation: `{"base_code":{"magic":"pir",…},"program":…}`. */
export function isPaddleProgram(value: Json): boolean {
  const code = isJsonObject(value) ? value['base_code'] : undefined;
  return isJsonObject(code) && code['magic'] === 'pir';
}

export function paddleFindings(value: Json, path: string): Findings {
  const code = isJsonObject(value) && isJsonObject(value['base_code']) ? value['base_code'] : {};
  const version = code['version'];
  const target = `${path.slice(path.lastIndexOf('/') + 1).replace(/\.json$/, '')}.pdiparams`;
  return {
    format: 'paddle',
    references: [{ kind: 'weights', target }],
    ...(typeof version === 'number' ? { version: String(version) } : {}),
  };
}

/** `VarType.Type` by number: type and bytes of an element. */
const DTYPES: Readonly<Record<number, readonly [Dtype, number]>> = {
  0: ['BOOL', 1],
  1: ['I16', 2],
  2: ['I32', 4],
  3: ['I64', 8],
  4: ['F16', 2],
  5: ['F32', 4],
  6: ['F64', 8],
  20: ['U8', 1],
  21: ['I8', 1],
  22: ['BF16', 2],
  23: ['C64', 8],
  24: ['C128', 16],
};

/**
 * `.pdiparams`: tensors one after another, without names (the program has them, in its order). int8 may be float8, which
 * Paddle writes under the same number: then nobody counts.
 * @see https://github.com/PaddlePaddle/Paddle/blob/develop/paddle/phi/core/framework/dense_tensor_serialize.cc
 */
export async function readPaddleParams({ source }: NamedSource): Promise<Findings> {
  const cursor = new Cursor(source);
  const problems: Problem[] = [];
  let certain = true;
  const tally = startTally({ known: () => certain && problems.length === 0 });
  await attempt(problems, async () => {
    for (let index = 0; cursor.remaining > 0; index++) {
      if (index >= LIMITS.tensorsPerFile) throw beyond(`more than ${LIMITS.tensorsPerFile} tensors`);
      const { dtype, width, shape } = await readDescription(cursor);
      const [offset, length] = [cursor.offset, elementsOf(shape) * width];
      if (!Number.isSafeInteger(length)) throw invalid(`a tensor of an unknown type or size at byte ${offset}`);
      cursor.skip(length);
      certain &&= dtype !== 'I8';
      tally.add({ name: String(index), dtype, shape, offset, length });
    }
  });
  return { format: 'paddle-params', problems, ...tally.finish() };
}

async function readDescription(cursor: Cursor): Promise<{ dtype: Dtype; width: number; shape: number[] }> {
  if ((await cursor.u32le()) !== 0) throw invalid(`no tensor version 0 at byte ${cursor.offset - 4}`);
  const levels = safeNumber(await cursor.u64le(), 'a number of levels');
  for (let level = 0; level < Math.min(levels, 64); level++)
    cursor.skip(safeNumber(await cursor.u64le(), 'a level’s length'));
  if (levels > 64 || (await cursor.u32le()) !== 0) throw invalid(`no tensor at byte ${cursor.offset}`);
  const [length, start] = [await cursor.u32le(), cursor.offset];
  cursor.skip(length);
  const shape: number[] = [];
  let type = -1;
  const fields = fieldReader(cursor.source);
  for await (const field of fields({ start, end: start + length })) {
    if (field.number === 1 && field.wire === 0) type = Number(field.value);
    if (field.number === 2) for await (const size of fieldIntegers(cursor.source, field, 64)) shape.push(signed(size));
  }
  const [dtype, width] = DTYPES[type] ?? ['unknown', Number.NaN];
  return { dtype, width, shape };
}
