import { folderOf } from '../metadata/read.ts';
import { UNKNOWN_WEIGHTS } from './mismatch.ts';
import { verdictOfScan, type ScanResult, type Unexamined } from './types.ts';

/** What the files of an artifact say of one another. */
export interface Described {
  add(result: Pick<ScanResult, 'path' | 'formats'>): void;
  /** What stays unexamined. */
  left(unexamined: readonly Unexamined[]): Unexamined[];
}

/**
 * Raw numbers have no format that could be known; their place and shape are in another file: OpenVINO's `NAME.bin` belongs to
 * `NAME.xml`, TensorFlow.js's to the manifest in its folder. By its own name such a file is weights of no known format.
 */
export function describedNumbers(): Described {
  const [names, folders] = [new Set<string>(), new Set<string>()];
  const isDescribed = (path: string): boolean =>
    /\.bin$/i.test(path) && (names.has(path.slice(0, -'.bin'.length)) || folders.has(folderOf(path)));
  return {
    add: ({ path, formats }) => {
      if (formats.includes('openvino')) names.add(path.replace(/\.xml$/i, ''));
      if (formats.includes('weights-manifest')) folders.add(folderOf(path));
    },
    left: (unexamined) =>
      unexamined.filter(
        ({ place, reason }) => reason !== UNKNOWN_WEIGHTS || place.member !== undefined || !isDescribed(place.path),
      ),
  };
}

/** The results of all files of an artifact, each with what the others say of it. */
export function withDescribed(results: readonly ScanResult[]): readonly ScanResult[] {
  const described = describedNumbers();
  results.forEach((result) => described.add(result));
  return results.map((result) => {
    const unexamined = described.left(result.unexamined);
    if (unexamined.length === result.unexamined.length) return result;
    return { ...result, unexamined, verdict: verdictOfScan(result.findings, unexamined) };
  });
}
