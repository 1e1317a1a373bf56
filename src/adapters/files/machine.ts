/**
 * What this system can hold of the promises about folders that others can write to. Where it cannot, staging says so; a
 * test turns it off.
 */
export interface Machine {
  /** Who we are; undefined where files have no owner to compare (Windows). */
  readonly uid: number | undefined;
  /** Where an open folder can be reached whatever becomes of its name: `/proc/self/fd` on Linux, else null. */
  readonly descriptors: string | null;
}

export const MACHINE: Machine = {
  uid: process.getuid?.(),
  descriptors: process.platform === 'linux' ? '/proc/self/fd' : null,
};
