import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { attempt, beyond, note } from './problem.ts';
import { fieldReader, fieldText, type FieldReader } from './protobuf.ts';
import { startTally } from './tensors.ts';
import type { Dtype, Findings, MetadataItem, NamedSource, Problem } from './types.ts';

/** Model.proto `Metadata`, by field number. */
const FACTS: Readonly<Record<number, string>> = { 1: 'description', 2: 'version', 3: 'author', 4: 'license' };
const TYPES: Readonly<Record<number, string>> = {
  500: 'neuralNetwork',
  502: 'mlProgram',
  200: 'pipelineClassifier',
  201: 'pipelineRegressor',
  202: 'pipeline',
  300: 'glmRegressor',
  302: 'treeEnsembleRegressor',
  402: 'treeEnsembleClassifier',
  403: 'neuralNetworkClassifier',
};

/**
 * A Core ML specification: its version, what its author says of it, and which kind of model it is.
 * @see https://apple.github.io/coremltools/mlmodel/Format/Model.html
 */
export async function readCoreMl({ source }: NamedSource): Promise<Findings> {
  const fields = fieldReader(source);
  const problems: Problem[] = [];
  const metadata: MetadataItem[] = [];
  let version = '';
  await attempt(problems, async () => {
    for await (const field of fields()) {
      if (field.number === 1 && field.wire === 0) version = String(field.value);
      const type = TYPES[field.number];
      if (type !== undefined && field.wire === 2)
        metadata.push({ key: 'type', value: type, place: `coreml:${field.number}` });
      if (field.number === 2 && field.wire === 2)
        for await (const part of fields(field))
          if (part.number === 100 && part.wire === 2) await readFacts({ source, fields, metadata }, part);
    }
  });
  return { format: 'coreml', version: `specification ${version}`, metadata, problems };
}

type Within = { readonly start: number; readonly end: number };

async function readFacts(
  { source, fields, metadata }: { source: Source; fields: FieldReader; metadata: MetadataItem[] },
  within: Within,
): Promise<void> {
  for await (const field of fields(within)) {
    const key = FACTS[field.number];
    if (key !== undefined && field.wire === 2)
      metadata.push({ key, value: await fieldText(source, field), place: `coreml:description.metadata.${key}` });
    if (field.number !== 100 || field.wire !== 2 || metadata.length >= 1000) continue;
    let [name, value] = ['', ''];
    for await (const part of fields(field)) {
      if (part.number === 1 && part.wire === 2) name = await fieldText(source, part, 4096);
      if (part.number === 2 && part.wire === 2) value = await fieldText(source, part);
    }
    metadata.push({ key: name, value, place: `coreml:description.metadata.userDefined.${name}` });
  }
}

const BLOB = 0xdead_beef;
const ALIGNMENT = 64;
/** `BlobDataType` by number; sub-byte ones hold several values a byte. */
const DTYPES: Readonly<Record<number, readonly [dtype: Dtype, bits: number]>> = {
  1: ['F16', 16],
  2: ['F32', 32],
  3: ['U8', 8],
  4: ['I8', 8],
  5: ['BF16', 16],
  6: ['I16', 16],
  7: ['U16', 16],
  8: ['I4', 4],
  14: ['I32', 32],
  15: ['U32', 32],
};

/**
 * `weight.bin` of a Core ML program: blobs behind records of 64 bytes, named by where their record lies. Palettes and
 * quantised weights are told apart by the program alone, so only blobs that are all floats are counted.
 * @see https://github.com/apple/coremltools/blob/main/mlmodel/src/MILBlob/Blob/StorageFormat.hpp
 */
export async function readCoreMlWeights({ source }: NamedSource): Promise<Findings> {
  const problems: Problem[] = [];
  let floats = true;
  const tally = startTally({ known: () => floats && problems.length === 0 });
  const count = await new Cursor(source).u32le();
  if (count > LIMITS.tensorsPerFile) throw beyond(`${count} blobs`);
  await attempt(problems, async () => {
    for (let index = 0, at = ALIGNMENT; index < count; index++) {
      const cursor = new Cursor(source, at);
      if ((await cursor.u32le()) !== BLOB)
        return note(problems, { code: 'malformed', message: `blob ${index} has no record`, offset: at });
      const [dtype, bits] = DTYPES[await cursor.u32le()] ?? ['unknown', Number.NaN];
      const length = safeNumber(await cursor.u64le(), 'a blob’s length');
      const offset = safeNumber(await cursor.u64le(), 'a blob’s offset');
      new Cursor(source, offset).skip(length);
      floats &&= /^(F|BF)\d/.test(dtype);
      tally.add({ name: `@${at}`, dtype, shape: [Math.floor((length * 8) / bits)], offset, length });
      at = Math.ceil((offset + length) / ALIGNMENT) * ALIGNMENT;
    }
  });
  return { format: 'coreml-weights', version: '2', problems, ...tally.finish() };
}
