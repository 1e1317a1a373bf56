import { readKerasZip } from './keras.ts';
import { nestedProblem } from './nested.ts';
import { npyTensor, readNpyHeader } from './numpy.ts';
import { attempt, note } from './problem.ts';
import { startTally } from './tensors.ts';
import { readPacked, storedModels } from './packed-models.ts';
import { isSkops, readSkops } from './skops.ts';
import { exportPrefix, readTorchExport } from './torch-export.ts';
import { readTorchZip, torchPrefix } from './torch.ts';
import type { Findings, FormatId, NamedSource, Problem } from './types.ts';
import { memberSource } from './zip-member.ts';
import { readZip, type ZipArchive } from './zip.ts';

const MEMBERS = 1000;

/** A zip file by what is in it: PyTorch, Keras, NumPy arrays, or just an archive. */
export async function readZipFile(file: NamedSource): Promise<Findings> {
  const archive = await readZip(file.source);
  const members = archive.entries.slice(0, MEMBERS).map(({ name, size }) => ({ name, sizeBytes: size }));
  return { members, ...(await readByContent(file, archive)) };
}

async function readByContent(file: NamedSource, archive: ZipArchive): Promise<Findings> {
  const names = new Set(archive.entries.map(({ name }) => name));
  const exported = exportPrefix(archive);
  if (exported !== null) return readTorchExport(file, archive, exported);
  const prefix = torchPrefix(archive);
  if (prefix !== null) return readTorchZip(file, archive, prefix);
  if (
    names.has('config.json') &&
    names.has('metadata.json') &&
    [...names].some((name) => name.startsWith('model.weights'))
  )
    return readKerasZip(file, archive);
  if (isSkops(names)) return readSkops(file, archive);
  if (/\.task$/i.test(file.path) && [...names].some((name) => name.endsWith('.tflite')))
    return readBundle(file, archive, 'mediapipe-task');
  if (names.size > 0 && [...names].every((name) => name.endsWith('.npy'))) return readNpz(file, archive);
  return { format: 'zip', problems: [...archive.problems, ...nestedProblem(archive.entries.map(({ name }) => name))] };
}

/** Models kept uncompressed in an archive, so that they can be mapped in place. */
async function readBundle(file: NamedSource, archive: ZipArchive, format: FormatId): Promise<Findings> {
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

async function readNpz({ source }: NamedSource, archive: ZipArchive): Promise<Findings> {
  const problems: Problem[] = [...archive.problems];
  const tally = startTally();
  for (const entry of archive.entries) {
    await attempt(problems, async () => {
      const header = await readNpyHeader(memberSource(source, entry));
      const base = entry.method === 0 ? { base: entry.dataStart } : {};
      const read = npyTensor(entry.name.slice(0, -'.npy'.length), header, {
        size: entry.size,
        location: entry.name,
        ...base,
      });
      tally.add(read.tensor);
      note(problems, ...read.problems);
    });
  }
  return { format: 'npz', problems, ...tally.finish() };
}
