import { LIMITS } from '../base/limits.ts';
import { Cursor } from './cursor.ts';
import { jsonIntegers, jsonString, membersOf, objectMembers, type Member } from './json-members.ts';
import { beyond, invalid, note } from './problem.ts';
import { elementsOf, startTally, tilingProblems, type Extent } from './tensors.ts';
import type { Findings, MetadataItem, NamedSource, Problem, TensorInfo } from './types.ts';

/** Bits an element takes. @see https://github.com/huggingface/safetensors, safetensors/src/tensor.rs `Dtype` */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};
const MEMBER_BYTES = 16 << 20;
/** Problems after which nobody can say how many parameters there are. */
const UNCOUNTABLE: ReadonlySet<Problem['code']> = new Set(['duplicate-key', 'bad-value', 'overflow']);

interface State {
  readonly dataStart: number;
  readonly problems: Problem[];
  readonly metadata: MetadataItem[];
  readonly extents: Extent[];
  readonly names: Set<string>;
}

/**
 * The header of a safetensors file: 8-byte little-endian length, JSON, then the tensors' bytes without holes.
 * Reads the header only, in windows; every rule of the format that is broken becomes a problem.
 * @see https://huggingface.co/docs/safetensors/index#format
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function readSafetensors({ source }: NamedSource): Promise<Findings> {
  const cursor = new Cursor(source);
  const length = await cursor.u64le();
  checkLength(length, source.size);
  const dataStart = 8 + Number(length);
  const state: State = { dataStart, problems: [], metadata: [], extents: [], names: new Set() };
  const tally = startTally({ known: () => !state.problems.some(({ code }) => UNCOUNTABLE.has(code)) });
  for await (const member of objectMembers(source, { start: 8, end: dataStart, memberBytes: MEMBER_BYTES })) {
    noteDuplicate(state, member);
    if (member.key === '__metadata__') readMetadata(state, member);
    else {
      const tensor = tensorOf(state, member);
      if (tensor !== null) tally.add(tensor);
    }
  }
  note(state.problems, ...tilingProblems(state.extents, { from: dataStart, to: source.size }));
  const { metadata, problems } = state;
  return { format: 'safetensors', headerLength: dataStart, metadata, problems, ...tally.finish() };
}

function checkLength(length: bigint, size: number): void {
  if (length > BigInt(size - 8))
    throw invalid(`ends early: the header says it has ${length} bytes, the file has ${size}`);
  if (length > BigInt(LIMITS.safetensorsHeaderBytes)) {
    throw beyond(`a header of ${length} bytes; the format allows ${LIMITS.safetensorsHeaderBytes}`);
  }
}

function noteDuplicate({ names, problems }: State, { key, offset }: Member): void {
  if (names.has(key))
    note(problems, {
      code: 'duplicate-key',
      message: 'stands twice in the header; readers differ on which one counts',
      offset,
      subject: key,
    });
  names.add(key);
  if (names.size > LIMITS.tensorsPerFile) throw beyond(`more than ${LIMITS.tensorsPerFile} tensors`);
}

/** `null` (MLX writes it) is as good as absent, to the format's own library too. */
function readMetadata({ metadata, problems }: State, { value, offset }: Member): void {
  if (Buffer.from(value).toString('latin1') === 'null') return;
  const members = membersOf(value);
  if (members === null) return note(problems, { code: 'bad-value', message: '__metadata__ is not an object', offset });
  const seen = new Set<string>();
  for (const { key, value: text, offset: at } of members) {
    if (seen.has(key))
      note(problems, {
        code: 'duplicate-key',
        message: 'stands twice in __metadata__',
        offset: offset + at,
        subject: key,
      });
    seen.add(key);
    const string = jsonString(text);
    if (string === null)
      note(problems, {
        code: 'bad-value',
        message: 'a value in __metadata__ is not a string',
        offset: offset + at,
        subject: key,
      });
    metadata.push({ key, value: string ?? Buffer.from(text).toString('utf8'), place: `header:__metadata__.${key}` });
  }
}

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** One entry of the header; null if it cannot be used, with the problem that says why. */
function tensorOf(
  { problems, extents, dataStart }: State,
  { key: name, value, offset: at }: Member,
): TensorInfo | null {
  const bad = (code: Problem['code'], message: string): null => {
    note(problems, { code, message, offset: at, subject: name });
    return null;
  };
  const entry = usualEntry(value) ?? anyEntry(value, bad);
  if (entry === null) return null;
  const { dtype, shape, begin, end } = entry;
  if (end < begin) return bad('bad-value', 'the tensor ends before it begins');
  if (![...shape, end].every(Number.isSafeInteger))
    return bad('overflow', 'a dimension or offset is too large to be true');
  const tensor = { name, dtype, shape, offset: dataStart + begin, length: end - begin };
  checkSize(tensor, bad);
  extents.push({ start: tensor.offset, end: tensor.offset + tensor.length, subject: name });
  return tensor;
}

const INTEGER = '(?:0|[1-9]\\d{0,14})';
const USUAL = new RegExp(
  `^\\{"dtype":"(\\w{1,20})","shape":\\[((?:${INTEGER}(?:,${INTEGER})*)?)\\],"data_offsets":\\[(${INTEGER}),(${INTEGER})\\]\\}$`,
);

/** An entry in the one form that all known writers use: five times faster than reading it as JSON, nothing else is accepted. */
function usualEntry(value: Uint8Array): Entry | null {
  if (value.length > 500) return null;
  const match = USUAL.exec(Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1'));
  const [, dtype = '', sizes = '', begin = '', end = ''] = match ?? [];
  if (match === null) return null;
  return { dtype, shape: sizes === '' ? [] : sizes.split(',').map(Number), begin: Number(begin), end: Number(end) };
}

/** An entry as JSON of any form; integers of any size, exactly. */
function anyEntry(text: Uint8Array, bad: (code: Problem['code'], message: string) => null): Entry | null {
  const members = membersOf(text);
  const keys = new Set(members?.map(({ key }) => key));
  if (members !== null && keys.size !== members.length)
    bad('duplicate-key', 'a key stands twice in the tensor’s entry');
  const value = (key: string): Uint8Array => members?.find((member) => member.key === key)?.value ?? new Uint8Array(0);
  const dtype = jsonString(value('dtype'));
  const shape = jsonIntegers(value('shape'));
  const [begin, end, ...more] = jsonIntegers(value('data_offsets')) ?? [];
  if (dtype === null || shape === null || begin === undefined || end === undefined || more.length > 0) {
    return bad('bad-value', 'the tensor’s entry is not dtype, shape and two data_offsets');
  }
  if (keys.size !== 3) bad('bad-value', 'the tensor’s entry holds more than dtype, shape and data_offsets');
  return { dtype, shape: shape.map(Number), begin: Number(begin), end: Number(end) };
}

function checkSize(
  { dtype, shape, length }: Required<Pick<TensorInfo, 'dtype' | 'shape' | 'length'>>,
  bad: (code: Problem['code'], message: string) => null,
): void {
  const bits = Object.hasOwn(BITS, dtype) ? BITS[dtype] : undefined;
  if (bits === undefined) bad('bad-value', `the dtype ${dtype.slice(0, 40)} is unknown`);
  const needed = (elementsOf(shape) * (bits ?? 0)) / 8;
  if (bits === undefined) return;
  if (!Number.isSafeInteger(Math.ceil(needed)))
    bad('overflow', 'the product of the dimensions is too large to be true');
  else if (needed !== length) bad('size-mismatch', `shape and dtype make ${needed} bytes, data_offsets ${length}`);
}
