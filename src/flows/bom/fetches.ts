import { LIMITS } from '../../domain/base/limits.ts';
import type { Source } from '../../domain/base/source.ts';
import { configFetches, FETCHING_CONFIG } from '../../domain/metadata/closure.ts';
import { fact } from '../../domain/metadata/read.ts';
import type { Fact } from '../../domain/metadata/types.ts';

const PYTHON_BYTES = 4 << 20;

/**
 * What loading one file makes a loader fetch, as far as the file says it.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` where it cannot be read: what it fetches is then not known.
 */
export async function fetchesOf(path: string, source: Source): Promise<readonly Fact[]> {
  if (FETCHING_CONFIG.test(path)) {
    const bytes = await source.read(0, Math.min(source.size, LIMITS.configBytes));
    return configFetches({ path, bytes });
  }
  if (!/\.py$/i.test(path)) return [];
  const bytes = await source.read(0, Math.min(source.size, PYTHON_BYTES));
  const { pythonFetches } = await import('../../domain/scan/text/python-fetches.ts');
  return pythonFetches(new TextDecoder().decode(bytes)).map(({ line, ...fetched }) =>
    fact('fetch', fetched, { file: path, pointer: `line ${line}` }),
  );
}
