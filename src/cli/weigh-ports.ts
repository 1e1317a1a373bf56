import type { WeighPorts } from '../flows/describe/weights.ts';
import type { Context } from './context.ts';

/** What it takes to read weights whole. */
export function weighPorts(context: Context): WeighPorts {
  const { jobs } = context.options;
  return {
    hasher: () => context.hasher(),
    progress: context.progress,
    signal: context.signal,
    ...(jobs === undefined ? {} : { jobs }),
  };
}
