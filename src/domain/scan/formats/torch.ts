import type { NamedSource } from '../../formats/types.ts';
import { judgePickles } from '../pickle/judge.ts';
import type { Spot } from '../session.ts';

/** PyTorch before 1.6: pickles one after the other, then the bytes of the tensors. */
export async function judgeTorchLegacy(spot: Spot, { source }: NamedSource): Promise<boolean> {
  return (await judgePickles(spot, source, { dataFollows: true })).length > 0;
}
