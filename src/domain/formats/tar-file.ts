import { nestedProblem } from './nested.ts';
import { readPacked } from './packed-models.ts';
import { readTar } from './tar.ts';
import type { Findings, NamedSource } from './types.ts';

const MEMBERS = 1000;
const NEMO_WEIGHTS = /(^|\/)[^/]+\.ckpt$/;

/** A tar file: a NeMo model if it holds the configuration and weights of one, else an archive. */
export async function readTarFile(file: NamedSource): Promise<Findings> {
  const { entries, problems } = await readTar(file.source);
  const members = entries.slice(0, MEMBERS).map(({ name, size }) => ({ name, sizeBytes: size }));
  const weights = entries.filter(({ name, type, sparse }) => type === 'file' && !sparse && NEMO_WEIGHTS.test(name));
  if (weights.length > 0 && entries.some(({ name }) => /(^|\/)model_config\.ya?ml$/.test(name))) {
    const models = weights.map(({ name, dataStart, size }) => ({ name, start: dataStart, size }));
    const all = [...problems];
    return { format: 'nemo', members, problems: all, ...(await readPacked(file, 'nemo', { models, problems: all })) };
  }
  return { format: 'tar', problems: [...problems, ...nestedProblem(entries.map(({ name }) => name))], members };
}
