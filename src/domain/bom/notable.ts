import { LIMITS } from '../base/limits.ts';
import { holdsWeights } from '../metadata/weights.ts';
import type { BomFile, Fact } from '../metadata/types.ts';
import type { BomInput } from './build.ts';

/**
 * The files a BOM names each by itself, in their order: all, or of more than `LIMITS.bomFiles` the notable ones, for the
 * digest list names all. Notable are weights, what somebody says something of, and what is not as it should be.
 */
export function namedFiles({ files, facts, problems }: BomInput): readonly BomFile[] {
  if (files.length <= LIMITS.bomFiles) return files;
  const spoken = new Set(facts.flatMap(pathsOf));
  const wrong = new Set(problems.map(({ path }) => path));
  const rank = ({ path, report }: BomFile) =>
    holdsWeights(report) ? 0 : wrong.has(path) ? 1 : spoken.has(path) ? 2 : 3;
  const ranked = [0, 1, 2].flatMap((wanted) => files.filter((file) => rank(file) === wanted));
  const chosen = new Set(ranked.slice(0, LIMITS.bomNotableFiles));
  return files.filter((file) => chosen.has(file));
}

/** Where it is said, and of which file. */
function pathsOf({ value, source }: Fact): readonly string[] {
  const of = typeof value === 'object' && value !== null && 'path' in value ? value.path : undefined;
  return [of, source.file].filter((path) => typeof path === 'string');
}
