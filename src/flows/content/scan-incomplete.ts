import { readFormat } from '../../domain/formats/index.ts';
import type { FormatId, FormatReport } from '../../domain/formats/types.ts';
import { collect, readMetadata, type FileMetadata } from '../../domain/metadata/collect.ts';
import { findIncomplete } from '../../domain/metadata/incomplete.ts';
import type { BomFile } from '../../domain/metadata/types.ts';
import { RULES, type ScanFinding, type ScanResult } from '../../domain/scan/index.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';

const RULE = 'WM-FILE-008';

/** Formats that name other files, or are named as parts of a whole; their headers are read, never their elements. */
const PARTS: ReadonlySet<FormatId> = new Set([
  'safetensors',
  'safetensors-index',
  'gguf',
  'onnx',
  'openvino',
  'keras-index',
  'torch-dcp-index',
  'torch-dcp',
  'tf-checkpoint',
  'weights-manifest',
  'executorch',
  'executorch-data',
]);
/** What says which base an adapter is for. */
const ADAPTER = /(?:^|\/)(?:adapter_config\.json|README\.md)$/;
/** What says of how many ranks an engine is. */
const ENGINE_CONFIG = /(?:^|\/)config\.json$/;
const READ = 10_000;

/**
 * What is missing of a folder by what its own files say: shards, splits, external data, an adapter's base. One file by itself
 * is what was asked for, and no part of anything.
 */
export async function incompleteFindings(
  tree: Tree,
  files: Files,
  results: readonly ScanResult[],
): Promise<ScanFinding[]> {
  if (tree.kind === 'file') return [];
  const formats = new Map(results.map((result) => [result.path, result.formats]));
  const engines = results.some((result) => result.formats.includes('tensorrt-engine'));
  const isPart = ({ path }: TreeEntry): boolean =>
    formats.get(path)?.some((format) => PARTS.has(format)) === true || (engines && ENGINE_CONFIG.test(path));
  if (!tree.entries.some((entry) => isPart(entry) || ADAPTER.test(entry.path))) return [];
  const described: BomFile[] = [];
  const metadata: FileMetadata[] = [];
  let reads = 0;
  for (const entry of tree.entries) {
    const { path, sizeBytes } = entry;
    const known: BomFile = { path, sizeBytes, digests: {} };
    const looked = (isPart(entry) || ADAPTER.test(path)) && reads++ < READ ? await look(entry, tree, files) : null;
    described.push(looked === null ? known : { ...known, report: looked.report });
    if (looked !== null && ADAPTER.test(path)) metadata.push(looked.metadata);
  }
  const { facts } = collect(
    metadata,
    described.map(({ path }) => path),
  );
  return findIncomplete(described, facts).problems.map(({ path, message }) => ({
    rule: RULE,
    severity: RULES[RULE]?.severity ?? 'medium',
    message,
    place: { path },
  }));
}

async function look(
  { path, location }: TreeEntry,
  tree: Tree,
  files: Files,
): Promise<{ report: FormatReport; metadata: FileMetadata }> {
  const source = await files.open(location, { followLink: tree.followedLinks });
  try {
    const report = await readFormat({ path, source }, { countRows: false });
    return { report, metadata: await readMetadata(path, source, report) };
  } finally {
    await source.close();
  }
}
