import { setTimeout as sleep } from 'node:timers/promises';
import { WeighmarkError } from '../../../domain/base/errors.ts';

/** How long one command waits for busy servers, all waits together; a run that goes on for hours earns a tenth of its time more. */
const TOTAL_MS = 120_000;
const EARNED = 0.1;
/** A server that wants to be asked later than this is not waited for: the user is told. */
export const LONGEST_WAIT_MS = 60_000;

export interface Patience {
  /** Waits, or says that it is over. @throws WeighmarkError `network`. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface PatienceOptions {
  readonly totalMs?: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export function createPatience(options: PatienceOptions = {}): Patience {
  const { totalMs = TOTAL_MS, now = () => performance.now(), sleep: nap = napFor } = options;
  const started = now();
  let waited = 0;
  return {
    async wait(ms, signal) {
      if (ms > LONGEST_WAIT_MS) throw over(`asks to come back in ${Math.ceil(ms / 1000)} s`);
      const allowed = totalMs + EARNED * Math.max(0, now() - started - waited);
      if (waited + ms > allowed) throw over(`had ${Math.floor(waited / 1000)} s of waiting in this run`);
      waited += ms;
      await nap(ms, signal);
    },
  };
}

/** Of this process: a command is one. */
export const PATIENCE = createPatience();

async function napFor(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal });
}

function over(why: string): WeighmarkError {
  return new WeighmarkError('network', `the server is busy: it ${why}, which is longer than a command waits`, {
    hint: 'repeat later: what was done is not done again',
  });
}
