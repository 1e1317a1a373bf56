import { diffBoms, type BomChange } from '../../domain/bom/diff.ts';
import { readBom } from '../../domain/bom/read.ts';
import { summarize, type BomSummary } from '../../domain/bom/summary.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';

export interface BomDiffOutcome {
  readonly a: BomSummary;
  readonly b: BomSummary;
  readonly changes: readonly BomChange[];
}

/** What changed in meaning from one BOM file to another. @throws WeighmarkError `bom-invalid`, `not-found`. */
export async function bomDiff(
  input: { readonly a: string; readonly b: string },
  ports: { files: Files },
): Promise<BomDiffOutcome> {
  const read = async (path: string): Promise<BomSummary> =>
    summarize(readBom(await ports.files.read(path, LIMITS.bomBytes), path));
  const [a, b] = [await read(input.a), await read(input.b)];
  return { a, b, changes: diffBoms(a, b) };
}
