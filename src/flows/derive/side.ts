import { ByPath, pathOf } from '../../domain/base/by-path.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { cachedSource, type Source } from '../../domain/base/source.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { settingsOf, type Settings } from '../../domain/derive/settings.ts';
import { readFormat } from '../../domain/formats/index.ts';
import type { BomFile } from '../../domain/metadata/types.ts';
import { modelWeights } from '../../domain/metadata/model-weights.ts';
import { weightSets, type WeightSet } from '../../domain/metadata/weights.ts';
import { readWeights } from '../../domain/weights/read.ts';
import type { Beside, WeightTensor } from '../../domain/weights/types.ts';
import type { ArtifactFile } from '../bom/create.ts';
import { besideIn, withFile } from '../describe/weights.ts';
import { pushAll } from '../../domain/base/lists.ts';

/** An artifact as it was named, with its files. */
export interface SideInput {
  readonly shown: string;
  readonly files: readonly ArtifactFile[];
}

export interface OpenTensor {
  readonly tensor: WeightTensor;
  /** The file its bytes are in. */
  readonly source: Source;
}

/** The weights of one side, their files open. */
export interface Opened {
  readonly format: string;
  readonly tensors: readonly OpenTensor[];
  /** A file beside the weights, by its name. */
  readonly beside: (name: string) => ArtifactFile | undefined;
  readonly close: () => Promise<void>;
}

/** A file beside the weights, whole; null if there is none, or it is longer than it should be. */
export async function readBeside({ beside }: Opened, name: string, mostBytes: number): Promise<Uint8Array | null> {
  const file = beside(name);
  if (file === undefined || file.sizeBytes > mostBytes) return null;
  return withFile(file, (source) => source.read(0, source.size));
}

/** What config.json beside the weights says of how they are converted; null without one. */
export async function settingsBeside(side: Opened): Promise<Settings | null> {
  const config = await readBeside(side, 'config.json', LIMITS.documentBytes);
  return config === null ? null : settingsOf(config);
}

/**
 * Opens the one set of weights of an artifact: the model's own where there are several forms of it.
 * @throws WeighmarkError `not-found` where there are none, `usage` where there are several, `format-invalid` for weights that
 * cannot be examined whole.
 */
export async function openSide({ shown, files }: SideInput): Promise<Opened> {
  const described: BomFile[] = [];
  for (const file of files) described.push(await describe(file));
  return openDescribed({ shown, files }, described);
}

/** The same, of files whose headers were read already. */
export async function openDescribed({ shown, files }: SideInput, described: readonly BomFile[]): Promise<Opened> {
  const set = chosen(shown, weightSets(described));
  const byPath = new ByPath(files, pathOf);
  const beside = besideIn(byPath);
  const open: (Source & { close(): Promise<void> })[] = [];
  const sources = new Map<string, Source>();
  const sourceOf = async (path: string): Promise<Source> => {
    const known = sources.get(path);
    const file = byPath.get(path);
    if (known !== undefined) return known;
    if (file === undefined) throw new WeighmarkError('file-missing', `${path} is not there`, { subject: path });
    const source = await file.open();
    open.push(source);
    sources.set(path, source);
    return source;
  };
  const close = async (): Promise<void> => {
    for (const source of open) await source.close();
  };
  try {
    const tensors: OpenTensor[] = [];
    for (const { path, report } of set.index === undefined ? set.files : [set.index])
      pushAll(tensors, await tensorsIn({ shown, path, report }, { sourceOf, beside }));
    const folder = (set.files[0]?.path ?? '').replace(/[^/]*$/, '');
    return { format: set.format, tensors, beside: (name) => byPath.get(folder + name) ?? byPath.get(name), close };
  } catch (error) {
    for (const source of open) await source.close().catch(() => undefined);
    throw error;
  }
}

function describe(file: ArtifactFile): Promise<BomFile> {
  const { path, sizeBytes, digests } = file;
  return withFile(file, async (source) => {
    const report = await readFormat({ path, source: cachedSource(source) }, { countRows: false });
    return { path, sizeBytes, digests, report };
  });
}

function chosen(shown: string, sets: readonly WeightSet[]): WeightSet {
  const [only, ...others] = sets;
  if (only === undefined) throw new WeighmarkError('not-found', `${shown} holds no weights`, { subject: shown });
  const set = others.length === 0 ? only : modelWeights(sets);
  if (set !== null) return set;
  throw new WeighmarkError('usage', `${shown} holds ${sets.length} sets of weights`, {
    subject: shown,
    hint: 'name one file',
  });
}

async function tensorsIn(
  { shown, path, report }: { shown: string; path: string; report: BomFile['report'] },
  { sourceOf, beside }: { sourceOf: (path: string) => Promise<Source>; beside: Beside },
): Promise<OpenTensor[]> {
  const source = await sourceOf(path);
  const { tensors, undecided } =
    report === undefined
      ? { tensors: [], undecided: [{ why: 'it was not read' }] }
      : await readWeights({ path, source, beside }, report);
  const [first] = undecided;
  if (first !== undefined)
    throw new WeighmarkError('scan-incomplete', `${path} of ${shown} cannot be examined whole: ${first.why}`, {
      subject: path,
    });
  const found: OpenTensor[] = [];
  for (const tensor of tensors) {
    const { elements } = tensor;
    const named = elements.kind === 'stretch' ? elements.file : undefined;
    found.push({ tensor, source: named === undefined ? source : await sourceOf(named) });
  }
  return found;
}
