import { readKerasZip } from './keras.ts';
import { nestedProblem } from './nested.ts';
import { npyTensor, readNpyHeader } from './numpy.ts';
import { attempt, note } from './problem.ts';
import { startTally } from './tensors.ts';
import { readTorchZip, torchPrefix } from './torch.ts';
import type { Findings, NamedSource, Problem } from './types.ts';
import { memberSource } from './zip-member.ts';
import { readZip, type ZipArchive } from './zip.ts';

const MEMBERS = 1000;

/** A zip file by what is in it: PyTorch, Keras, NumPy arrays, or just an archive. */
export async function readZipFile(file: NamedSource): Promise<Findings> {
  const archive = await readZip(file.source);
  const members = archive.entries.slice(0, MEMBERS).map(({ name, size }) => ({ name, sizeBytes: size }));
  return { members, ...(await readByContent(file, archive)) };
}

/** What only an archive of `torch.export` has, in the layout of 2.8 and later, and in that before. */
const EXPORTED = /^[^/]+\/archive_format$|(^|\/)serialized_exported_program\.json$/;

/** A skops file keeps its objects as `schema.json` and its arrays as `.npy` members named by address. */
function isSkops(names: ReadonlySet<string>): boolean {
  return (
    names.has('schema.json') && [...names].every((name) => /^(schema\.json|[^/]+\.(npy|npz|json|bin))$/.test(name))
  );
}

async function readByContent(file: NamedSource, archive: ZipArchive): Promise<Findings> {
  const names = new Set(archive.entries.map(({ name }) => name));
  if (archive.entries.some(({ name }) => EXPORTED.test(name)))
    return (await import('./torch-export.ts')).readTorchExport(file, archive);
  const prefix = torchPrefix(archive);
  if (prefix !== null) return readTorchZip(file, archive, prefix);
  if (
    names.has('config.json') &&
    names.has('metadata.json') &&
    [...names].some((name) => name.startsWith('model.weights'))
  )
    return readKerasZip(file, archive);
  if (isSkops(names)) return (await import('./skops.ts')).readSkops(file, archive);
  if (/\.task$/i.test(file.path) && [...names].some((name) => name.endsWith('.tflite')))
    return (await import('./packed-models.ts')).readBundle(file, archive, 'mediapipe-task');
  if (names.size > 0 && [...names].every((name) => name.endsWith('.npy'))) return readNpz(file, archive);
  return { format: 'zip', problems: [...archive.problems, ...nestedProblem(archive.entries.map(({ name }) => name))] };
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
