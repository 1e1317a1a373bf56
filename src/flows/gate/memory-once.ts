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
  const highest = onceEach(known, async (line) => versions.highest(line));
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
  const newestOf = onceEach(known, async (anchor) => times.newest([anchor]));
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

/** Asks for each at most once, as long as it is in `known`. */
function onceEach(
  known: Map<string, number | null>,
  ask: (name: string) => Promise<number | null>,
): (name: string) => Promise<number | null> {
  return async (name) => {
    const seen = known.get(name);
    if (seen !== undefined) return seen;
    const kept = await ask(name);
    known.set(name, kept);
    return kept;
  };
}

function later(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
