import { WeighmarkError } from '../../base/errors.ts';
import { digestOf } from './fields.ts';
import type { Feed, FeedDigest, Indicator } from './types.ts';

const ALGORITHM_OF: Readonly<Record<number, FeedDigest['algorithm']>> = {
  32: 'md5',
  40: 'sha1',
  64: 'sha256',
  128: 'sha512',
};

/** One digest a line, by its length; what follows it is the title. `sha256:`, CSV and `sha256sum` lines are understood. */
export function parseDigests(location: string, text: string): Feed {
  const indicators: Indicator[] = [];
  const unread: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === '' || /^(#|\/\/|;)/.test(trimmed)) continue;
    const match = /^"?(?:(sha256|sha512|sha1|md5|blake3)[:=\s]\s*)?([0-9a-fA-F]{32,128})"?\b[\s,;*"]*(.*)$/i.exec(
      trimmed,
    );
    const digest =
      match === null ? null : digestOf(match[1] ?? ALGORITHM_OF[match[2]?.length ?? 0] ?? '', match[2] ?? '');
    if (digest === null) unread.push(trimmed.slice(0, 200));
    else
      indicators.push({
        id: digest.hex,
        title: match?.[3]?.replace(/"/g, '').slice(0, 200) || 'listed digest',
        severity: 'critical',
        digests: [digest],
        tensors: [],
        weights: [],
        models: [],
        signers: [],
      });
  }
  if (indicators.length === 0 && unread.length > 0)
    throw new WeighmarkError('format-invalid', `the feed ${location} holds no digest`);
  return { location, kind: 'digests', indicators, unread: unread.slice(0, 1000) };
}
