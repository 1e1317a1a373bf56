import { readFormat } from '../../domain/formats/index.ts';
import type { FormatReport } from '../../domain/formats/types.ts';
import { readMetadata, type FileMetadata } from '../../domain/metadata/collect.ts';
import type { BomFile, Fact } from '../../domain/metadata/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { pushAll } from '../../domain/base/lists.ts';
import type { Source } from '../../domain/base/source.ts';
import { fetchesOf } from './fetches.ts';

/** Headers and metadata of files that are read one by one. */
export interface ReadFiles {
  readonly files: readonly BomFile[];
  /** Of those that say something. */
  readonly telling: readonly FileMetadata[];
  /** What loading them makes a loader fetch. */
  readonly fetches: readonly Fact[];
}

export interface FileReader extends ReadFiles {
  add(file: Omit<BomFile, 'report'>, source: Source): Promise<void>;
}

export interface ReadFilesOptions {
  readonly reports?: ReadonlyMap<string, FormatReport>;
  readonly countRows?: boolean;
  /** Reports are wanted for a BOM alone: of files that nothing is said of those alike are one. */
  readonly forBom?: boolean;
  readonly signal?: AbortSignal;
}

export function fileReader(options: ReadFilesOptions): FileReader {
  const kept = options.forBom === true ? alike() : (report: FormatReport) => report;
  const files: BomFile[] = [];
  const telling: FileMetadata[] = [];
  const fetches: Fact[] = [];
  return {
    files,
    telling,
    fetches,
    add: async ({ path, sizeBytes, digests }, source) => {
      options.signal?.throwIfAborted();
      const report = options.reports?.get(path) ?? (await readFormat({ path, source }, options));
      const metadata = await readMetadata(path, source, report);
      files.push({ path, sizeBytes, digests, report: kept(report) });
      if (tells(metadata)) telling.push(metadata);
      pushAll(fetches, await knownFetches(path, source));
    },
  };
}

/** One report for all that differ in nothing a BOM says, for files that no more is known of than their format. */
function alike(): (report: FormatReport) => FormatReport {
  const known = new Map<string, FormatReport>();
  return (report) => {
    const { path: _path, format, kind, version, matches, named, metadata: _said, problems, complete, ...more } = report;
    if (!MEDIA.has(format) || problems.length > 0 || Object.keys(more).length > 0) return report;
    const key = [format, kind, version, named, complete, ...matches].join(' ');
    const one = known.get(key) ?? { ...report, path: '', metadata: [] };
    known.set(key, one);
    return one;
  };
}

/** Formats whose measures are told by `inspect`, and by no BOM. */
const MEDIA: ReadonlySet<string> = new Set(['image', 'audio', 'video', 'unknown']);

/** Most of a million files say nothing, and no reader is made for their names: nothing is kept of them. */
function tells({ found, problems }: FileMetadata): boolean {
  return problems.length > 0 || found.length > 1 || found.some(({ facts }) => facts.length > 0);
}

/** A file that cannot be read as what it is says so elsewhere. */
async function knownFetches(path: string, source: Source): Promise<readonly Fact[]> {
  try {
    return await fetchesOf(path, source);
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}
