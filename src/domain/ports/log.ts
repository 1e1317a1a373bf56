import type { Door, Waiting } from '../tlog/door.ts';
import type { LogEntries, LogEntry, LogLeaf, LogQuery } from '../tlog/leaf.ts';
import type { LogPolicy } from '../tlog/quorum.ts';

/** A leaf that is durably logged; `index` is null while it waits for the operator of a remote log (`log integrate`). */
export interface LoggedLeaf {
  readonly index: number | null;
  readonly leaf: LogLeaf;
}

/**
 * C2SP tlog-tiles. Every read is of a checkpoint whose signature verified under the known log key and which continues
 * the newest one this user has seen. @see https://c2sp.org/tlog-tiles
 * @throws WeighmarkError `log-key-mismatch`, `log-rollback`, `log-fork`, `log-invalid` from every method that reads.
 */
export interface TransparencyLog {
  /** Name of the log: the first line of its checkpoints. */
  readonly origin: string;
  /** Its verifier keys in C2SP form: named by the caller, else pinned when first seen, else the registry's own say. */
  readonly vkeys: readonly string[];
  /** Whether an earlier run left this user a checkpoint to hold the log against. */
  readonly remembered: boolean;
  /**
   * Whether decisions may rest on that memory (security rule 18): this user made the log, wrote to it with its key, or an
   * earlier decision had witnesses or a checkpoint brought along. Having read the log, or been refused, is not enough: it
   * may have been an old one.
   */
  readonly anchored: boolean;
  /** Something besides memory vouches for the log as it was read in this run: later runs may rest on their memory of it. */
  anchor(): Promise<void>;
  /**
   * Durable when it returns: tiles, then checkpoint. Needs the log key, except on a remote registry, where the entries
   * wait. A leaf that is logged already is not logged twice. @throws `key-unusable` without the key.
   */
  append(leaves: readonly LogLeaf[]): Promise<readonly LoggedLeaf[]>;
  /** The newest signed checkpoint's text, or null for an empty log. */
  checkpoint(): Promise<string | null>;
  /**
   * The newest signed checkpoint (null for an empty log) and every entry under it, proven by its root. What this user read
   * before is remembered, so that only what was added is read (DESIGN 9).
   */
  read(): Promise<{ readonly checkpoint: string | null; readonly entries: LogEntries }>;
  /** Entries [from, to), proven to be in the log; `to` beyond the end is the end. */
  entries(from: number, to: number): Promise<readonly LogEntry[]>;
  /** All matching entries, oldest first. Reads and proves the whole log: nothing can be left out by a cache. */
  find(query: LogQuery): Promise<readonly LogEntry[]>;
  /** Leaves that wait for the log's operator (remote registries); unproven. */
  pending(): Promise<readonly LogLeaf[]>;
  /** C2SP tlog-proof text for one entry; its extra data is the leaf. */
  prove(index: number): Promise<string>;
  /** Reads every tile: recomputes the root, checks the checkpoint's signature. `root` is base64. */
  verify(): Promise<{ readonly size: number; readonly root: string }>;
  /**
   * For the log's operator: logs what waits and the door admits (absent: everything), then asks the policy's witnesses to
   * cosign. @throws `key-unusable`.
   */
  integrate(policy?: LogPolicy, door?: Door): Promise<Integration>;
}

export interface Integration {
  readonly size: number;
  /** Entries that waited and are logged now. */
  readonly added: readonly LogEntry[];
  /** What waited and is taken away. */
  readonly swept: readonly Waiting[];
  /** What goes on waiting, and why. */
  readonly kept: readonly Waiting[];
  /** Names of the witnesses that cosigned. */
  readonly cosigned: readonly string[];
  /** Witnesses that did not, and why. */
  readonly refused: readonly { readonly witness: string; readonly why: string }[];
}
