/** What git knows of the working folder; asked with hooks, fsmonitor, filters and external diff off (security rule 5). */
export interface Git {
  /** Top folder of the work tree; null outside of one. */
  root(): Promise<string | null>;
  /** Files to be committed (added, changed, renamed), by path from `root`. */
  staged(): Promise<readonly string[]>;
  /** All files git tracks or would add, by path from `root`. */
  files(): Promise<readonly string[]>;
}
