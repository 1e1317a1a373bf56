import type { TimeMemory, VersionMemory } from '../../domain/ports/trust.ts';

interface Memories {
  readonly versions: VersionMemory;
  readonly times?: TimeMemory;
}

/**
 * What this user remembers, read once for a run over many artifacts: it is the same for all of them. What the run learns is kept
 * at once, and counts for the rest of the run.
 */
export function memoryOnce<P extends Memories>(ports: P): P {
  const { versions, times } = ports;
  return { ...ports, versions: versionsOnce(versions), ...(times === undefined ? {} : { times: timesOnce(times) }) };
}

function versionsOnce(versions: VersionMemory): VersionMemory {
  const known = new Map<string, number | null>();
  const highest = async (line: string): Promise<number | null> => {
    const seen = known.get(line);
    if (seen !== undefined) return seen;
    const kept = await versions.highest(line);
    known.set(line, kept);
    return kept;
  };
  return {
    ...versions,
    highest,
    remember: async (line, version) => {
      if (version <= ((await highest(line)) ?? -Infinity)) return;
      await versions.remember(line, version);
      known.set(line, version);
    },
  };
}

function timesOnce(times: TimeMemory): TimeMemory {
  const known = new Map<string, number | null>();
  const newestOf = async (anchor: string): Promise<number | null> => {
    const seen = known.get(anchor);
    if (seen !== undefined) return seen;
    const kept = await times.newest([anchor]);
    known.set(anchor, kept);
    return kept;
  };
  return {
    newest: async (anchors) => {
      let newest: number | null = null;
      for (const anchor of anchors) newest = later(newest, await newestOf(anchor));
      return newest;
    },
    remember: async (found) => {
      const fresh = new Map<string, number>();
      for (const [anchor, time] of found) if (time > ((await newestOf(anchor)) ?? 0)) fresh.set(anchor, time);
      if (fresh.size === 0) return;
      await times.remember(fresh);
      for (const [anchor, time] of fresh) known.set(anchor, time);
    },
    forget: async () => {
      known.clear();
      return times.forget();
    },
  };
}

function later(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
