import { windowSource } from '../base/source.ts';
import { openFlatBuffer, scalar, subTable, tables, text, type FlatTable } from './flatbuffer.ts';
import { attempt, note } from './problem.ts';
import { startTally } from './tensors.ts';
import { readTflite } from './tflite.ts';
import type { Findings, MetadataItem, NamedSource, Problem, TensorInfo } from './types.ts';
import { u32, u64 } from './zip-fields.ts';
import { pushAll } from '../base/lists.ts';

/** `AnySectionDataType` by number. */
const SECTIONS: readonly string[] = [
  'none',
  'data',
  'deprecated',
  'tflite',
  'sentencepiece',
  'llm-metadata',
  'tokenizer',
  'tflite-weights',
  'embedding-metadata',
  'executor-metadata',
  'tts-metadata',
  'asr-metadata',
];
const TFLITE = 3;
/** Weights apart from their graph: what they are, only the graph knows. */
const WEIGHTS = 7;
const HEADER = 32;
const SECTIONS_KEPT = 1000;

/**
 * A LiteRT-LM bundle: a header that says where which section lies; TFLite models among them are read.
 * @see https://github.com/google-ai-edge/LiteRT-LM/blob/main/schema/core/litertlm_header_schema.fbs
 */
export async function readLiteRtLm({ path, source }: NamedSource): Promise<Findings> {
  const problems: Problem[] = [];
  const head = await source.read(0, HEADER);
  const version = [8, 12, 16].map((at) => u32(head, at)).join('.');
  const members: { name: string; sizeBytes: number }[] = [];
  let certain = true;
  const tally = startTally({ known: () => certain && problems.length === 0 });
  const metadata: MetadataItem[] = [];
  await attempt(problems, async () => {
    const root = await openFlatBuffer(source, HEADER, Math.min(source.size, u64(head, 24)));
    const [system, sections] = [await subTable(root, 0), await subTable(root, 1)];
    if (system !== null) pushAll(metadata, await texts(system));
    if (sections === null) return;
    for await (const section of tables(sections, 0)) {
      const [start, end, kind] = [
        await scalar(section, 1, 8),
        await scalar(section, 2, 8),
        await scalar(section, 3, 1),
      ];
      const name = `${SECTIONS[kind] ?? `section-${kind}`}@${start}`;
      if (members.length < SECTIONS_KEPT) members.push({ name, sizeBytes: Math.max(0, end - start) });
      else certain = false;
      if (start > end || end > source.size)
        note(problems, { code: 'out-of-bounds', message: 'a section outside the file', offset: start, subject: name });
      else if (kind === TFLITE) {
        const inner = { path, source: windowSource(source, start, end - start) };
        const found = await readTflite(inner);
        note(problems, ...(found.problems ?? []));
        if (found.tensors?.truncated === true) certain = false;
        for (const tensor of found.tensors?.items ?? []) tally.add(shifted(tensor, start));
      } else if (kind === WEIGHTS) certain = false;
    }
  });
  return { format: 'litert-lm', version, metadata, members, problems, ...tally.finish() };
}

function shifted(tensor: TensorInfo, by: number): TensorInfo {
  return tensor.offset === undefined ? tensor : { ...tensor, offset: tensor.offset + by };
}

/** Key-value pairs whose values are texts (a union: type at 1, value at 2). */
async function texts(system: FlatTable): Promise<MetadataItem[]> {
  const items: MetadataItem[] = [];
  for await (const pair of tables(system, 0)) {
    const key = await text(pair, 0);
    const value = (await scalar(pair, 1, 1)) === STRING_VALUE ? await subTable(pair, 2) : null;
    const said = value === null ? null : await text(value, 0);
    if (key !== null && said !== null && items.length < 1000)
      items.push({ key, value: said.slice(0, 4096), place: `litertlm:${key}` });
  }
  return items;
}

/** `StringValue` in the union `VData`. */
const STRING_VALUE = 9;
