import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { create, replace } from 'tar';
import type { EvidencePacker } from '../domain/ports/outside.ts';
import { fileError } from './files/errors.ts';

/** Of a folder registry: what is evidence. Its index, locks and keys are not. */
const REGISTRY_PARTS = ['registry.json', 'log'];

export function createEvidencePacker(): EvidencePacker {
  return {
    pack: async (evidence) =>
      pack(evidence).catch((cause: unknown) => Promise.reject(fileError(cause, evidence.target))),
  };
}

async function pack({ registry, models, files, target }: Parameters<EvidencePacker['pack']>[0]): Promise<void> {
  const scratch = await mkdtemp(join(dirname(target), `.${basename(target)}.`));
  const file = join(scratch, 'tar');
  try {
    const parts = [...REGISTRY_PARTS, ...models.map((name) => `models/${name}`)].filter((part) =>
      existsSync(join(registry, part)),
    );
    await create({ file, cwd: registry, prefix: 'evidence/registry', portable: true, noMtime: true }, parts);
    for (const { path, content } of files) await writeFile(join(scratch, path), content);
    await replace(
      { file, cwd: scratch, prefix: 'evidence', portable: true, noMtime: true },
      files.map(({ path }) => path),
    );
    await rename(file, target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
