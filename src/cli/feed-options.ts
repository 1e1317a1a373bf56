import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import { readFeeds, type ReadFeed, type ScanOptions } from '../flows/content/scan.ts';
import { collect } from './command.ts';
import { locate } from './located.ts';
import type { Context } from './context.ts';
import { policyFrom } from './policy-options.ts';

/** What scanned content is held against, as commander hands it over. */
export interface FeedOptions {
  readonly feed?: readonly string[];
  readonly feedKey?: string;
  /** Only its suppressions are used. */
  readonly policy?: string;
}

const FEED_KEY_BYTES = 1 << 16;
export function addFeedOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--feed <file|url>',
        'threat intelligence: STIX 2.1, OSV, CycloneDX VEX, digest list or weighmark YAML (repeat)',
      ).argParser(collect),
    )
    .option('--feed-key <file>', 'public key (PEM) that must have signed every feed, as <feed>.sig')
    .option(
      '--policy <file>',
      'its suppressions (it may hold them alone) are shown with their reason, and do not count',
    );
}

/**
 * Feeds as read and indexed, and the suppressions of a policy named here that lies in none of the artifacts (rule 1).
 * @throws WeighmarkError `usage`, `format-invalid`, `signature-invalid`, and what a policy is refused for.
 */
export async function judgingFrom(
  context: Context,
  options: FeedOptions,
  paths: readonly string[],
): Promise<Pick<ScanOptions, 'index' | 'suppressions'> & { readonly feeds: readonly ReadFeed[] }> {
  const { index, feeds } = await feedsOf(context, options);
  const suppressions = await suppressionsOf(context, options, paths);
  return { feeds, ...(index === undefined ? {} : { index }), ...(suppressions === undefined ? {} : { suppressions }) };
}

export async function feedsOf(
  context: Context,
  { feed = [], feedKey }: Pick<FeedOptions, 'feed' | 'feedKey'>,
): Promise<{ index?: ScanOptions['index']; feeds: readonly ReadFeed[] }> {
  if (feed.length === 0 && feedKey !== undefined) throw new WeighmarkError('usage', '--feed-key goes with --feed');
  if (feed.length === 0) return { feeds: [] };
  const files = await context.files();
  const key =
    feedKey === undefined
      ? undefined
      : Buffer.from(await files.read(resolve(context.cwd, feedKey), FEED_KEY_BYTES)).toString('utf8');
  return readFeeds(feed, { feeds: await context.feeds(), clock: context.clock }, key);
}

async function suppressionsOf(
  context: Context,
  { policy }: FeedOptions,
  paths: readonly string[],
): Promise<ScanOptions['suppressions']> {
  if (policy === undefined) return undefined;
  const loaded = await policyFrom(
    context,
    { policy, suppressionsAlone: true },
    paths.map((path) => locate(context.cwd, path)),
  );
  return { rules: loaded.policy.suppressions, now: context.clock.now() };
}
