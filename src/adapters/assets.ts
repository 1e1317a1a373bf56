import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Assets } from '../domain/ports/outside.ts';

/** Finds what ships beside the program; the layout is the same from `src/` in a checkout and `dist/` in a package. */
export function createAssets(): Assets {
  const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
  return { path, schema: (name) => readSchema(path(`schemas/${name}`)) };
}

async function readSchema(location: string): Promise<string> {
  try {
    return await readFile(location, 'utf8');
  } catch (cause) {
    throw new WeighmarkError('internal', `a schema is missing from the installation: ${location}`, { cause });
  }
}
