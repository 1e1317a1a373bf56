import type { Source } from '../../base/source.ts';
import { report, type Spot } from '../session.ts';
import { judgeBy } from './structure.ts';

/** The extension type whose parameters PyArrow before 14.0.1 unpickled when it read a schema (CVE-2023-47248). */
export const PICKLED_TYPE = 'arrow.py_extension_type';
const SEARCHED = 16 << 20;

/** A column type that older readers unpickle. */
export const judgeArrow = judgeBy({ search: judgeArrowText });

/** The schema stands at the start of a stream, at the start and again at the end of a file. */
async function judgeArrowText(spot: Spot, source: Source): Promise<void> {
  for (const at of [0, Math.max(SEARCHED, source.size - SEARCHED)]) {
    const found = at < source.size ? Buffer.from(await source.read(at, SEARCHED)).indexOf(PICKLED_TYPE) : -1;
    if (found >= 0) return report(spot, 'WM-DATA-002', `a column has the type ${PICKLED_TYPE}`, { offset: at + found });
  }
}
