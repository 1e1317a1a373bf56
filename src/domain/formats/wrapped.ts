import { LIMITS } from '../base/limits.ts';
import { unwrap, type Wrapper } from './compressed/unwrap.ts';
import { detect } from './detect.ts';
import { kindOf } from './names.ts';
import { attempt } from './problem.ts';
import { cachedSource } from '../base/source.ts';
import { withoutPlaces } from './tensors.ts';
import type { Findings, FormatId, NamedSource, Problem, Reader, ReadOptions } from './types.ts';

/**
 * A compressed file by what is in it: a joblib pickle, a table, an archive. Offsets inside are not offsets of the file and
 * are left out. One layer only; what is compressed twice is reported as such.
 */
export function wrappedReader(wrapper: Wrapper, readerOf: (format: FormatId) => Reader | undefined): Reader {
  return async (file, options) => {
    const opened = await unwrap(file.source, wrapper, LIMITS.archiveInflatedBytes);
    if (opened === null)
      return { format: wrapper, problems: [{ code: 'malformed', message: `no ${wrapper} stream can be read` }] };
    const cut: Problem[] =
      opened.cut === undefined ? [] : [{ code: opened.bomb === true ? 'limit' : 'truncated', message: opened.cut }];
    const inner = { path: innerPath(file.path), source: cachedSource(opened.source) };
    const found = await readInner(inner, options, { readerOf, cut: cut.length > 0 });
    const joblib = found.format === 'pickle' && /\.joblib(\.\w+)?$/i.test(file.path);
    const {
      format,
      problems = [],
      tensors,
      headerLength: _header,
      ...rest
    } = joblib ? { ...found, format: 'joblib' as const } : found;
    const unplaced = tensors === undefined ? {} : { tensors: withoutPlaces(tensors) };
    // What is broken about the content of a stream that was not opened to its end is that.
    const whole = found.format === 'joblib' || joblib;
    const broken =
      cut.length > 0 ? problems.filter(({ code }) => code !== 'malformed' && code !== 'truncated') : problems;
    const all = [...cut, ...broken.map(({ offset: _offset, ...problem }) => problem)];
    return {
      kind: kindOf(format, inner.path),
      ...rest,
      ...unplaced,
      format: whole ? 'joblib' : wrapper,
      inner: found.format,
      problems: all,
    };
  };
}

async function readInner(
  inner: NamedSource,
  options: ReadOptions,
  { readerOf, cut }: { readerOf: (format: FormatId) => Reader | undefined; cut: boolean },
): Promise<Findings> {
  const { format } = await detect(inner);
  const reader = readerOf(format);
  if (reader === undefined) return { format };
  if (!cut) return reader(inner, options);
  let found: Findings = { format };
  await attempt([], async () => {
    found = await reader(inner, options);
  });
  return found;
}

/** `a.csv.gz` holds `a.csv`, `a.tgz` a tar; a name that says nothing of compression is kept. */
function innerPath(path: string): string {
  return path.replace(/\.(gz|bz2|xz|lzma|zst|lz4|z)$/i, '').replace(/\.tgz$/i, '.tar');
}
