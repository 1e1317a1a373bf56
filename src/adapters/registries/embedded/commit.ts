import type { Descriptor } from '../../../domain/registry/referrer.ts';
import { withLock } from '../../log-store/lock.ts';
import { readLayout, writeLayout } from './layout.ts';
import { pushAll } from '../../../domain/base/lists.ts';

/** What a layout lists, after a change; the same array if nothing changes. Runs under the lock of the layouts. */
export type Change = (manifests: readonly Descriptor[]) => Promise<readonly Descriptor[]>;

/** Makes a change durable once `prepare`, which writes what the change will name, is done. */
export type Commit = (layout: string, prepare: () => Promise<Change>) => Promise<void>;

interface Waiting {
  readonly prepared: Promise<Change>;
  isReady: boolean;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Changes of one layout that are asked for at once are made in one writing of its list, in the order they were asked for: a
 * list of many versions is long.
 */
export function createCommit(lockFile: string): Commit {
  const queues = new Map<string, Waiting[]>();
  return (layout, prepare) =>
    new Promise<void>((done, failed) => {
      const waiting: Waiting = { prepared: prepare(), isReady: false, done, failed };
      waiting.prepared.then(() => (waiting.isReady = true), failed);
      const queue = queues.get(layout);
      queue?.push(waiting);
      if (queue !== undefined) return;
      queues.set(layout, [waiting]);
      void drain(queues, layout, lockFile);
    });
}

async function drain(queues: Map<string, Waiting[]>, layout: string, lockFile: string): Promise<void> {
  const queue = queues.get(layout) ?? [];
  for (let first = queue[0]; first !== undefined; first = queue[0]) {
    const isPrepared = await first.prepared.then(
      () => true,
      () => false,
    );
    if (isPrepared) await commitReady(queue, layout, lockFile);
    else queue.shift();
  }
  queues.delete(layout);
}

/** Those at the head of the queue that are ready when the lock is held. */
async function commitReady(queue: Waiting[], layout: string, lockFile: string): Promise<void> {
  const batch: Waiting[] = [];
  try {
    await withLock(lockFile, async () => {
      while (queue[0]?.isReady === true) pushAll(batch, queue.splice(0, 1));
      const { manifests: before } = await readLayout(layout);
      let after = before;
      for (const each of batch)
        after = await (await each.prepared)(after).catch((error: unknown) => (each.failed(error), after));
      if (after !== before) await writeLayout(layout, after);
    });
  } catch (error) {
    const lost = batch.length > 0 ? batch : queue.splice(0, 1);
    for (const { failed } of lost) failed(error);
  }
  for (const { done } of batch) done();
}
