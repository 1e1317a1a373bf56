import { windowSource } from '../base/source.ts';
import { readGguf } from './gguf.ts';
import { attempt, note } from './problem.ts';
import { startTally, type Tally } from './tensors.ts';
import { readTflite } from './tflite.ts';
import { readTorchZip, torchPrefix } from './torch.ts';
import type { Findings, FormatId, NamedSource, Problem, TensorInfo } from './types.ts';
import { readZip, type ZipArchive } from './zip.ts';

/** A model that lies uncompressed in an archive, and how it is read. */
export interface PackedModel {
  readonly name: string;
  readonly start: number;
  readonly size: number;
}

type Inner = (file: NamedSource) => Promise<Findings>;

const INNER: readonly (readonly [RegExp, Inner])[] = [
  [/\.gguf$/i, readGguf],
  [/\.tflite$/i, readTflite],
  [/\.(ckpt|pt|pth|bin)$/i, readTorchMember],
];

/** What these members hold, in places of the whole file; one that cannot be read makes the count unknown. */
export async function readPacked(
  file: NamedSource,
  format: FormatId,
  { models, problems }: { models: readonly PackedModel[]; problems: Problem[] },
): Promise<Pick<Findings, 'tensors' | 'parameters'>> {
  let certain = models.length > 0;
  const tally = startTally({ known: () => certain });
  for (const model of models) {
    const whole = await attempt(problems, async () => {
      const read = INNER.find(([pattern]) => pattern.test(model.name))?.[1];
      const source = windowSource(file.source, model.start, model.size);
      const found = await read?.({ path: model.name, source });
      if (found?.parameters === undefined || found.tensors?.truncated === true) certain = false;
      note(problems, ...(found?.problems ?? []).map((problem) => ({ ...problem, subject: model.name })));
      addTensors(tally, found, { ...model, prefix: models.length > 1 });
    });
    certain &&= whole;
  }
  const finished = tally.finish();
  return format === 'zip' || finished.tensors.count === 0 ? {} : finished;
}

function addTensors(tally: Tally, found: Findings | undefined, model: PackedModel & { prefix: boolean }): void {
  for (const { location: _inner, ...tensor } of found?.tensors?.items ?? []) {
    const place: Partial<TensorInfo> = tensor.offset === undefined ? {} : { offset: model.start + tensor.offset };
    const name = model.prefix ? `${model.name}/${tensor.name}` : tensor.name;
    tally.add({ ...tensor, ...place, name, location: model.name });
  }
}

async function readTorchMember(file: NamedSource): Promise<Findings> {
  const archive = await readZip(file.source);
  const prefix = torchPrefix(archive);
  return prefix === null ? { format: 'zip' } : readTorchZip(file, archive, prefix);
}

/** Stored members of a zip whose names match. */
export function storedModels(archive: ZipArchive, names: RegExp): PackedModel[] {
  return archive.entries
    .filter(({ name, method }) => method === 0 && names.test(name))
    .map(({ name, dataStart, compressedSize }) => ({ name, start: dataStart, size: compressedSize }));
}

const MEMBERS = 1000;

/** Models kept uncompressed in an archive, so that they can be mapped in place. */
export async function readBundle(file: NamedSource, archive: ZipArchive, format: FormatId): Promise<Findings> {
  const problems = archive.problems.filter(({ code }) => code !== 'prefix');
  const models = storedModels(archive, /\.(gguf|tflite)$/i);
  return { format, problems, ...(await readPacked(file, format, { models, problems })) };
}

/** A program with models in the zip at its end; one without is just a program. @see https://github.com/mozilla-ai/llamafile */
export async function readLlamafile(file: NamedSource): Promise<Findings> {
  const archive = await readZip(file.source);
  if (storedModels(archive, /\.gguf$/i).length === 0) return { format: 'executable' };
  const members = archive.entries.slice(0, MEMBERS).map(({ name, size }) => ({ name, sizeBytes: size }));
  return { members, ...(await readBundle(file, archive, 'llamafile')) };
}
