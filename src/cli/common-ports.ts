import type { VerifyPorts } from '../flows/verify/verify.ts';
import type { Context } from './context.ts';

/** What every flow that reads content and verifies signatures asks of the outside, whoever is trusted. */
export function commonPorts(
  context: Context,
): Required<Pick<VerifyPorts, 'hasher' | 'progress' | 'signal' | 'clock' | 'keyless'>> {
  return {
    hasher: () => context.hasher(),
    progress: context.progress,
    signal: context.signal,
    clock: context.clock,
    keyless: () => context.keyless(),
  };
}
