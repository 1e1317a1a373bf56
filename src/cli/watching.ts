import { setTimeout as sleep } from 'node:timers/promises';
import { WeighmarkError } from '../domain/base/errors.ts';
import { durationMs } from '../domain/policy/parse-rules.ts';
import type { Context } from './context.ts';

/** Again and again until interrupted. @throws WeighmarkError `usage` for what is no interval; whatever a round throws. */
export async function everyInterval(
  context: Pick<Context, 'signal'>,
  interval: string,
  round: () => Promise<void>,
): Promise<never> {
  if (!/^[1-9][0-9]{0,4}[mhd]$/.test(interval))
    throw new WeighmarkError('usage', '--watch takes an interval such as 15m or 1h');
  const pause = durationMs(interval);
  for (;;) {
    await round();
    await sleep(pause, undefined, { signal: context.signal });
  }
}
