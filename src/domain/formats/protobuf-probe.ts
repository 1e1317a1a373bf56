import { WeighmarkError } from '../base/errors.ts';
import type { Source } from '../base/source.ts';
import { fieldReader, type Field } from './protobuf.ts';

/** Top-level fields looked at before a file is judged not to be one of these. */
const FIELDS = 4096;

/** ModelProto: ir_version (1, varint) or opset_import (8), and a graph (7) or functions (25). Only known fields. */
export async function isOnnxModel(source: Source): Promise<boolean> {
  const fields = await topLevel(source);
  if (fields === null) return false;
  const wires: Readonly<Record<number, number>> = {
    1: 0,
    2: 2,
    3: 2,
    4: 2,
    5: 0,
    6: 2,
    7: 2,
    8: 2,
    14: 2,
    20: 2,
    25: 2,
    26: 2,
  };
  const known = fields.every(({ number, wire }) => wires[number] === wire);
  return (
    known && fields.some(({ number }) => number === 7) && fields.some(({ number }) => number === 1 || number === 8)
  );
}

/** SavedModel: saved_model_schema_version (1, varint) and meta_graphs (2) that hold a MetaInfoDef or a GraphDef. */
export async function isSavedModel(source: Source): Promise<boolean> {
  const fields = await topLevel(source);
  if (
    fields === null ||
    !fields.every(({ number, wire }) => (number === 1 && wire === 0) || (number === 2 && wire === 2))
  )
    return false;
  const [graph] = fields.filter(({ number }) => number === 2);
  if (graph === undefined) return false;
  const inner = await topLevel(source, graph);
  return (
    inner !== null && inner.length > 0 && inner.every(({ number, wire }) => number >= 1 && number <= 7 && wire === 2)
  );
}

/** GraphDef: nodes (1) whose name (1) and op (2) are text; versions (4), library (2). */
export async function isTensorflowGraph(source: Source): Promise<boolean> {
  const fields = await topLevel(source);
  if (
    fields === null ||
    !fields.every(({ number, wire }) => (number === 3 ? wire === 0 : wire === 2) && number >= 1 && number <= 5)
  )
    return false;
  const [node] = fields;
  if (node === undefined || node.number !== 1) return false;
  return isNode(source, node);
}

/** MetaGraphDef, as checkpoints keep it in `.meta`: only its own fields (1 to 7), and a GraphDef (2). */
export async function isMetaGraph(source: Source): Promise<boolean> {
  const fields = await topLevel(source);
  if (fields === null || !fields.every(({ number, wire }) => wire === 2 && number >= 1 && number <= 7)) return false;
  const graph = fields.find(({ number }) => number === 2);
  const [node] = (graph === undefined ? null : await topLevel(source, graph)) ?? [];
  if (node?.number !== 1 || node.wire !== 2) return false;
  return isNode(source, node);
}

/** NodeDef: a name (1), an operator (2), and nothing beyond its own fields. */
async function isNode(source: Source, node: Field): Promise<boolean> {
  const inner = await topLevel(source, node);
  return (
    inner !== null &&
    inner.length >= 2 &&
    inner.every(({ number, wire }) => number <= 7 && wire === 2) &&
    inner[1]?.number === 2
  );
}

/** Core ML Model: specificationVersion (1, varint), description (2), and one model type (200 and above). */
export async function isCoreMl(source: Source): Promise<boolean> {
  const fields = await topLevel(source);
  if (fields?.[0]?.number !== 1 || fields[0].wire !== 0) return false;
  const known = fields.every(({ number }) => number <= 10 || (number >= 200 && number <= 3000));
  return known && fields.some(({ number, wire }) => number >= 200 && wire === 2);
}

/** SentencePiece ModelProto: pieces (1), each a text (1) with a score (2, float). */
export async function isSentencePiece(source: Source): Promise<boolean> {
  const fields = await topLevel(source);
  const [piece] = fields ?? [];
  if (fields === null || piece?.number !== 1 || !fields.every(({ number, wire }) => wire === 2 && number <= 5))
    return false;
  const [text, score] = (await topLevel(source, piece)) ?? [];
  return text?.number === 1 && text.wire === 2 && score?.number === 2 && score.wire === 5;
}

/** The fields of a whole file, which each of these asks for. */
const WHOLE = new WeakMap<Source, Promise<Field[] | null>>();

function topLevel(source: Source, within?: Field): Promise<Field[] | null> {
  if (within !== undefined) return fieldsOf(source, within);
  const known = WHOLE.get(source) ?? fieldsOf(source);
  WHOLE.set(source, known);
  return known;
}

async function fieldsOf(source: Source, within?: Field): Promise<Field[] | null> {
  const fields: Field[] = [];
  try {
    for await (const field of fieldReader(source)(within)) {
      fields.push(field);
      if (fields.length >= FIELDS) break;
    }
  } catch (error) {
    if (error instanceof WeighmarkError && (error.code === 'format-invalid' || error.code === 'limit-exceeded'))
      return null;
    throw error;
  }
  return fields.length > 0 ? fields : null;
}
