import { WeighmarkError } from '../../errors.ts';
import { fieldText, readFields, type Field } from '../../formats/protobuf.ts';
import type { Source } from '../../ports.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import type { Severity } from '../types.ts';

const FIELDS = 5_000_000;

/**
 * Operators with effects outside the graph. Checkpoint (RestoreV2, SaveV2) and table operators belong to every SavedModel.
 * Source: tensorflow/core/ops/{io,script,dataset,summary}_ops.cc, modelscan 0.8.8 settings.
 */
const ACTING_OPS: ReadonlyMap<string, Severity> = new Map([
  ...words('ReadFile WriteFile MatchingFiles PyFunc PyFuncStateless EagerPyFunc DatasetToTFRecord ExperimentalDatasetToTFRecord ImmutableConst SqlDataset').map((name) => [name, 'high'] as const),
  ...words('FileSystemSetConfiguration WriteRawProtoSummary CreateSummaryFileWriter CreateSummaryDbWriter RpcCall RpcClient TryRpc Rpc LoadDataset SaveDataset SaveDatasetV2 DumpTensor').map((name) => [name, 'high'] as const),
  ...words('PrintV2 Print TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 WholeFileReader WholeFileReaderV2 TextLineReader TextLineReaderV2 TFRecordReader TFRecordReaderV2 LMDBReader LMDBDataset DebugIdentity DebugIdentityV2 DebugIdentityV3').map((name) => [name, 'medium'] as const),
]);

interface Walk {
  readonly spot: Spot;
  readonly source: Source;
  fields: number;
}

/** Field numbers that lead from a message to its NodeDefs. @see tensorflow/core/protobuf/{saved_model,meta_graph}.proto */
const SAVED_MODEL = { metaGraph: 2, graph: 2 };

/** Reports the operators of a SavedModel, its function libraries included. */
export async function judgeSavedModel(spot: Spot, source: Source): Promise<void> {
  const walk: Walk = { spot, source, fields: 0 };
  await guarded(walk, async () => {
    for await (const meta of fieldsOf(walk)) {
      if (meta.number !== SAVED_MODEL.metaGraph || meta.wire !== 2) continue;
      for await (const graph of fieldsOf(walk, meta)) if (graph.number === SAVED_MODEL.graph && graph.wire === 2) await walkGraph(walk, graph);
    }
  });
}

/** The same for a bare GraphDef. */
export async function judgeGraphDef(spot: Spot, source: Source): Promise<void> {
  const walk: Walk = { spot, source, fields: 0 };
  await guarded(walk, () => walkGraph(walk));
}

/** Severity of a TensorFlow operator, also when TFLite runs it as a Flex operator. */
export function severityOfOp(name: string): Severity | undefined {
  return ACTING_OPS.get(name);
}

async function guarded({ spot }: Walk, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.code !== 'format-invalid' && error.code !== 'limit-exceeded')) throw error;
    report(spot, 'WM-FILE-006', error.message);
    leaveOut(spot, error.message);
  }
}

/** GraphDef: node (1), library (2) → function (1) → node_def (3). */
async function walkGraph(walk: Walk, graph?: Field): Promise<void> {
  for await (const field of fieldsOf(walk, graph)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) await walkNode(walk, field);
    if (field.number === 2) for await (const made of fieldsOf(walk, field)) if (made.number === 1 && made.wire === 2) await walkFunction(walk, made);
  }
}

async function walkFunction(walk: Walk, within: Field): Promise<void> {
  for await (const field of fieldsOf(walk, within)) if (field.number === 3 && field.wire === 2) await walkNode(walk, field);
}

/** NodeDef: name (1), op (2). */
async function walkNode(walk: Walk, node: Field): Promise<void> {
  let [name, op] = ['', ''];
  for await (const field of fieldsOf(walk, node)) {
    if (field.wire !== 2 || field.number > 2) continue;
    const value = await fieldText(walk.source, field, 256);
    [name, op] = field.number === 1 ? [value, op] : [name, value];
  }
  const severity = ACTING_OPS.get(op);
  if (severity !== undefined) report(walk.spot, 'WM-TF-001', `operator ${op} at ${name}`, { severity, offset: node.start });
  else if (op.includes('>')) report(walk.spot, 'WM-TF-002', `custom operator ${op}`, { offset: node.start });
}

async function* fieldsOf(walk: Walk, within?: Field): AsyncGenerator<Field, void> {
  for await (const field of readFields(walk.source, within)) {
    if (++walk.fields > FIELDS) throw new WeighmarkError('limit-exceeded', `more than ${FIELDS} protobuf fields`);
    yield field;
  }
}

function words(text: string): string[] {
  return text.split(' ');
}
