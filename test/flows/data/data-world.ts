import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { indexDataset, type IndexOutcome } from '../../../src/flows/data/index-dataset.ts';
import type { DataPorts, Declared } from '../../../src/flows/data/locate.ts';

export interface DataWorld {
  readonly folder: string;
  readonly ports: DataPorts;
  /** Writes a dataset of JSON lines and indexes it. @returns its path. */
  make(name: string, rows: readonly object[], declared?: Declared): Promise<string>;
  index(root: string, declared?: Declared): Promise<IndexOutcome>;
}

/** A folder, real files, and the engine there is on this machine. */
export function dataWorld(): DataWorld {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-data-'));
  const ports: DataPorts = {
    files: createFiles(),
    records: createRecords({ env: { XDG_CACHE_HOME: join(folder, 'cache') } }),
    progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
    signal: new AbortController().signal,
  };
  const index = (root: string, declared: Declared = {}): Promise<IndexOutcome> =>
    indexDataset({ root, declared, secret: null, keep: true }, ports);
  const make = async (name: string, rows: readonly object[], declared?: Declared): Promise<string> => {
    const root = join(folder, name);
    writeFileSync(root, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await index(root, declared);
    return root;
  };
  return { folder, ports, make, index };
}
