import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPacked } from '../packed.ts';

export interface Tools {
  readonly weighmark: readonly string[];
  /** The others by name, where they are installed. */
  readonly b3sum?: string;
  readonly openssl?: string;
  readonly sha256sum?: string;
  readonly modelSigning?: string;
  /** model-transparency-go. */
  readonly modelSigningGo?: string;
  /** A Python that has what `requirements.txt` names. */
  readonly python?: string;
  readonly missing: readonly string[];
}

/** weighmark as users install it, built into the folder. `B3SUM`, `MODEL_SIGNING`, `MODEL_SIGNING_GO` and `BENCH_PYTHON` name tools that are not on the path. */
export function findTools(folder: string): Tools {
  const found = {
    b3sum: first([process.env['B3SUM'], 'b3sum'], ['--version']),
    openssl: first(['openssl'], ['version']),
    sha256sum: first(['sha256sum'], ['--version']),
    modelSigning: first([process.env['MODEL_SIGNING'], 'model_signing'], ['--help']),
    python: first([process.env['BENCH_PYTHON'], 'python3'], ['-c', 'import blake3, duckdb, pandas, pyarrow']),
    modelSigningGo: first([process.env['MODEL_SIGNING_GO'], 'model-signing'], ['--help']),
  };
  const missing = Object.entries(found).flatMap(([name, path]) => (path === undefined ? [name] : []));
  const present = Object.fromEntries(Object.entries(found).filter(([, path]) => path !== undefined));
  return { weighmark: [process.execPath, withRecords(join(folder, 'weighmark'))], ...present, missing };
}

/** What users install, and the records addon, which is a package of its own, if this checkout has built it. */
function withRecords(folder: string): string {
  const bin = installPacked(folder);
  const addon = `adapters/records/kernel/records-${process.platform}-${process.arch}.node`;
  if (existsSync(join('src', addon))) cpSync(join('src', addon), join(folder, 'dist', addon));
  return bin;
}

function first(names: readonly (string | undefined)[], args: readonly string[]): string | undefined {
  return names.find(
    (name) => name !== undefined && name !== '' && spawnSync(name, args, { stdio: 'ignore' }).status === 0,
  );
}
