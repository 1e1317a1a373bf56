export interface FeedBytes {
  readonly bytes: Uint8Array;
  /** When these bytes were fetched or written, RFC 3339. */
  readonly fetched: string;
  /** Content of the detached signature beside the feed (`.sig`), if it was asked for. */
  readonly signature?: Uint8Array;
}

/** Threat intelligence from files and URLs: fetched bytes are cached for the user, capped by `LIMITS.feedBytes`. */
export interface Feeds {
  /** @throws WeighmarkError `not-found`, `unreadable`, `network`, `limit-exceeded`, `usage` for an address that is not https. */
  read(location: string, options?: { readonly signed?: boolean }): Promise<FeedBytes>;
}
