import { verdictOfScan } from '../../domain/scan/index.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { scanWeights, type ArtifactScan, type ScanOptions } from '../content/scan.ts';
import { weighTree, type WeighPorts } from './weights.ts';

/**
 * The scan with what feeds know of the weights, in whatever container: these are read once more for it, so only where a feed
 * names weights. What cannot be examined whole might be one of them: it is said to be unexamined.
 */
export async function scanKnownWeights(
  { scan, tree, options }: { readonly scan: ArtifactScan; readonly tree: Tree; readonly options: ScanOptions },
  ports: WeighPorts & { readonly files: Files },
): Promise<ArtifactScan> {
  const { weighed } = await weighTree(tree, ports);
  const known = scanWeights(
    weighed.flatMap(({ identity }) => identity ?? []),
    options,
  );
  const open = Map.groupBy(
    weighed.flatMap(({ undecided }) => undecided),
    ({ file }) => file,
  );
  const files = scan.files.map((file) => {
    const more = (open.get(file.path) ?? []).map(({ why }) => ({
      place: { path: file.path },
      reason: `weights: ${why}`,
    }));
    if (more.length === 0) return file;
    const unexamined = [...file.unexamined, ...more];
    return { ...file, unexamined, verdict: verdictOfScan(file.findings, unexamined) };
  });
  const findings = [...scan.findings, ...known];
  const verdict = verdictOfScan(
    [...findings, ...files.flatMap((file) => file.findings)],
    files.flatMap((file) => file.unexamined),
  );
  return { ...scan, files, findings, verdict };
}
