import type { Severity } from '../types.ts';

/**
 * Operators with effects outside the graph. Checkpoint (RestoreV2, SaveV2) and table operators belong to every SavedModel.
 * Source: tensorflow/core/ops/{io,script,dataset,summary}_ops.cc, modelscan 0.8.8 settings.
 */
const ACTING_OPS: ReadonlyMap<string, Severity> = new Map([
  ...words(
    'ReadFile WriteFile MatchingFiles PyFunc PyFuncStateless EagerPyFunc DatasetToTFRecord ExperimentalDatasetToTFRecord ImmutableConst SqlDataset',
  ).map((name) => [name, 'high'] as const),
  ...words(
    'FileSystemSetConfiguration WriteRawProtoSummary CreateSummaryFileWriter CreateSummaryDbWriter RpcCall RpcClient TryRpc Rpc LoadDataset SaveDataset SaveDatasetV2 DumpTensor',
  ).map((name) => [name, 'high'] as const),
  ...words(
    'PrintV2 Print TextLineDataset TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2 WholeFileReader WholeFileReaderV2 TextLineReader TextLineReaderV2 TFRecordReader TFRecordReaderV2 LMDBReader LMDBDataset DebugIdentity DebugIdentityV2 DebugIdentityV3',
  ).map((name) => [name, 'medium'] as const),
]);

/** Severity of a TensorFlow operator, also when TFLite runs it as a Flex operator; undefined for one that only computes. */
export function severityOfOp(name: string): Severity | undefined {
  return ACTING_OPS.get(name);
}

function words(text: string): string[] {
  return text.split(' ');
}
