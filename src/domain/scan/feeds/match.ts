import type { ListedWeights } from '../../weights/list.ts';
import type { ScanFinding } from '../types.ts';
import type { Feed, FeedDigest, Indicator } from './types.ts';
import { instantOf } from '../../base/instant.ts';

/** What feeds know, by what it is looked up with. */
export interface FeedIndex {
  readonly feeds: readonly Feed[];
  readonly algorithms: ReadonlySet<FeedDigest['algorithm']>;
  readonly byDigest: ReadonlyMap<string, readonly Match[]>;
  readonly byTensor: ReadonlyMap<string, readonly Match[]>;
  readonly byWeights: ReadonlyMap<string, readonly Match[]>;
  readonly now: Date;
}

interface Match {
  readonly feed: Feed;
  readonly indicator: Indicator;
}

export function indexFeeds(feeds: readonly Feed[], now: Date): FeedIndex {
  const byDigest = new Map<string, Match[]>();
  const byTensor = new Map<string, Match[]>();
  const byWeights = new Map<string, Match[]>();
  const algorithms = new Set<FeedDigest['algorithm']>();
  const add = (map: Map<string, Match[]>, key: string, match: Match): void =>
    void map.set(key, [...(map.get(key) ?? []), match]);
  for (const feed of feeds) {
    for (const indicator of feed.indicators) {
      for (const { algorithm, hex } of indicator.digests) add(byDigest, `${algorithm}:${hex}`, { feed, indicator });
      for (const { algorithm } of indicator.digests) algorithms.add(algorithm);
      for (const hex of indicator.tensors) add(byTensor, hex, { feed, indicator });
      for (const hex of indicator.weights) add(byWeights, hex, { feed, indicator });
    }
  }
  return { feeds, algorithms, byDigest, byTensor, byWeights, now };
}

/** Findings for one file's digests, lower-case hex by algorithm. */
export function matchDigests(
  index: FeedIndex,
  path: string,
  digests: Readonly<Partial<Record<FeedDigest['algorithm'], string>>>,
): ScanFinding[] {
  return Object.entries(digests).flatMap(([algorithm, hex]) =>
    (index.byDigest.get(`${algorithm}:${hex}`) ?? []).map((match) => findingOf('WM-FEED-001', index, match, { path })),
  );
}

export function matchTensor(index: FeedIndex, path: string, tensor: string, sha256: string): ScanFinding[] {
  return (index.byTensor.get(sha256) ?? []).map((match) => findingOf('WM-FEED-001', index, match, { path, tensor }));
}

/** Findings for the weights of a set, by its roots and its tensors, whatever holds them. */
export function matchWeights(index: FeedIndex, { name, names, multiset, set, tensors }: ListedWeights): ScanFinding[] {
  const found = (hex: string, place: ScanFinding['place']): ScanFinding[] =>
    (index.byWeights.get(hex) ?? []).map((match) => findingOf('WM-FEED-001', index, match, place));
  if (index.byWeights.size === 0) return [];
  return [
    ...[...new Set([names, multiset, set])].flatMap((root) => found(root, { path: name })),
    ...tensors.flatMap((tensor) => found(tensor.digest, { path: name, tensor: tensor.name })),
  ];
}

/** Findings for a model's name and version; a version that is not known matches every range. */
export function matchName(
  index: FeedIndex,
  path: string,
  { name, version }: { name: string; version?: string },
): ScanFinding[] {
  return eachIndicator(index)
    .filter(({ indicator }) =>
      indicator.models.some(
        (model) => sameName(model.name, name) && (version === undefined || inRange(version, model.versions)),
      ),
    )
    .map((match) => findingOf('WM-FEED-002', index, match, { path }));
}

/** Findings for who signed: an identity or a key's fingerprint. */
export function matchSigner(index: FeedIndex, path: string, signer: string): ScanFinding[] {
  return eachIndicator(index)
    .filter(({ indicator }) => indicator.signers.some((each) => each.toLowerCase() === signer.toLowerCase()))
    .map((match) => findingOf('WM-FEED-002', index, match, { path }));
}

/** What a feed holds that was not applied: said once a feed, so that it is not taken for checked. */
export function unreadFindings(index: FeedIndex): ScanFinding[] {
  return index.feeds
    .filter(({ unread }) => unread.length > 0)
    .map(({ location, unread }) => ({
      rule: 'WM-FEED-003',
      severity: 'info',
      message: `${unread.length} entries of ${location} were not understood, first ${unread[0]}`,
      place: { path: location },
    }));
}

/** Days since the feed was made, if it says when. */
export function ageInDays(feed: Feed, now: Date): number | null {
  const at = instantOf(feed.published ?? '');
  return Number.isNaN(at) ? null : Math.max(0, Math.floor((now.getTime() - at) / 86_400_000));
}

function eachIndicator({ feeds }: FeedIndex): Match[] {
  return feeds.flatMap((feed) => feed.indicators.map((indicator) => ({ feed, indicator })));
}

function findingOf(
  rule: string,
  index: FeedIndex,
  { feed, indicator }: Match,
  place: ScanFinding['place'],
): ScanFinding {
  const age = ageInDays(feed, index.now);
  const aged = age === null ? 'of unknown age' : `${age} days old`;
  const reference = indicator.reference === undefined ? '' : `, see ${indicator.reference}`;
  return {
    rule,
    severity: indicator.severity,
    message: `${indicator.id} (${indicator.title}) in ${feed.location}, ${aged}${reference}`,
    place,
  };
}

function sameName(pattern: string, name: string): boolean {
  return pattern.toLowerCase() === name.toLowerCase();
}

/** `>=1.2 <1.4 || =2.0`, `1.3`, `*`: all comparators of one alternative must hold. */
export function inRange(version: string, range: string): boolean {
  return range.split('||').some((alternative) =>
    alternative
      .trim()
      .split(/\s+/)
      .filter((part) => part !== '')
      .every((part) => holds(version, part)),
  );
}

function holds(version: string, comparator: string): boolean {
  if (comparator === '*') return true;
  const [, operator = '=', bound = ''] = /^(>=|<=|>|<|==?)?(.*)$/.exec(comparator) ?? [];
  const order = compareVersions(version, bound);
  if (operator === '>=') return order >= 0;
  if (operator === '<=') return order <= 0;
  if (operator === '>') return order > 0;
  return operator === '<' ? order < 0 : order === 0;
}

/** Dotted numbers by value, other parts by text; a missing part is zero. */
function compareVersions(a: string, b: string): number {
  const split = (version: string): string[] => version.replace(/^v/i, '').split(/[.+-]/);
  const [left, right] = [split(a), split(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [x, y] = [left[index] ?? '0', right[index] ?? '0'];
    const numeric = /^\d{1,15}$/.test(x) && /^\d{1,15}$/.test(y);
    const order = numeric ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}
