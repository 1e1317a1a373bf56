import type { LoggedLeaf } from '../../domain/ports/log.ts';

/** What a command has signed and asked the log to keep. */
interface Signed {
  readonly by: string;
  /** `sha256:<hex>` */
  readonly bundle: string;
  readonly logged: LoggedLeaf;
}

/** As --json says it; the entry's index is null while it waits. */
export function signedJson({ by, bundle, logged }: Signed): object {
  return { by, bundle, log: { index: logged.index, ...logged.leaf } };
}
