import type { MetadataItem } from '../../formats/types.ts';
import { report, type Spot } from '../session.ts';
import { PICKLED_TYPE } from './arrow.ts';
import { judgeBy } from './structure.ts';

/** The Arrow schema in base64, which may name a column type that older readers unpickle. */
export const judgeParquet = judgeBy({
  metadata: async (spot, item) => {
    judgeArrowValue(spot, item);
    return false;
  },
});

function judgeArrowValue(spot: Spot, { key, value }: MetadataItem): void {
  if (key !== 'ARROW:schema' || typeof value !== 'string') return;
  if (Buffer.from(value, 'base64').includes(PICKLED_TYPE))
    report(spot, 'WM-DATA-002', `a column has the type ${PICKLED_TYPE}`);
}
