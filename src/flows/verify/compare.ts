import { mismatchFinding, resourcesOf, wholeDigest, type SignedFile } from '../../domain/claims/oms-match.ts';
import type { TreeEntry } from '../../domain/ports/files.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { hashRanges, type HashedEntry, type HashTreePorts } from '../content/hash-tree.ts';
import type { ContentQuestion, Hashing } from './question.ts';
import { pushAll } from '../../domain/base/lists.ts';

export function compare(
  signed: SignedFile | undefined,
  { entry, digests }: HashedEntry,
  { manifest, pairs }: ContentQuestion,
): readonly Finding[] {
  const { path, sizeBytes } = entry;
  const own = judgeDigest(wholeDigest(signed), digests[manifest.algorithm]);
  const listed = judgeDigest(pairs?.get(path)?.blake3, digests.blake3);
  if (own !== 'differs' && listed !== 'differs' && (own === 'same' || listed === 'same')) return NONE;
  if (own === 'unknown' && listed === 'unknown')
    return [{ code: 'internal', message: `${path} was not compared with anything`, subject: path }];
  if (own === 'same' || listed === 'same')
    return [
      { code: 'digest-conflict', message: `the signed digests of ${path} do not belong to one file`, subject: path },
    ];
  const algorithm = own === 'differs' ? manifest.algorithm : 'blake3';
  const expected = own === 'differs' ? wholeDigest(signed) : pairs?.get(path)?.blake3;
  return [mismatchFinding(path, { algorithm, signed: expected ?? '', found: digests[algorithm] ?? '', sizeBytes })];
}

function judgeDigest(signed: string | undefined, found: string | undefined): 'same' | 'differs' | 'unknown' {
  if (signed === undefined || found === undefined) return 'unknown';
  return signed === found ? 'same' : 'differs';
}

const NONE: readonly Finding[] = [];

export async function compareAllShards(
  wanted: readonly SignedFile[],
  entries: readonly TreeEntry[],
  { hashing, ports }: { hashing: Hashing; ports: HashTreePorts },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [index, entry] of entries.entries())
    pushAll(findings, await compareShards(wanted[index], { entry, hashing }, ports));
  return findings;
}

/** Every byte must lie in a shard, and every shard must be as signed. */
async function compareShards(
  signed: SignedFile | undefined,
  { entry, hashing }: { entry: TreeEntry; hashing: Hashing },
  ports: HashTreePorts,
): Promise<readonly Finding[]> {
  const { path, sizeBytes } = entry;
  const { algorithm } = hashing.question.manifest;
  const resources = resourcesOf(signed);
  const covered = Math.max(0, ...resources.map(({ range }) => range?.end ?? 0));
  if (covered !== sizeBytes) {
    return [
      {
        code: 'digest-mismatch',
        message: `${path} is not the file that was signed`,
        subject: path,
        facts: { signed: `${covered} bytes`, found: `${sizeBytes} bytes` },
      },
    ];
  }
  const ranges = resources.map(({ range }) => range ?? { start: 0, end: sizeBytes });
  const found = await hashRanges(entry, algorithm, { ranges, followLink: hashing.tree.followedLinks }, ports);
  const wrong = resources.findIndex(({ digest }, index) => digest !== found[index]);
  if (wrong < 0) return [];
  const finding = mismatchFinding(path, {
    algorithm,
    signed: resources[wrong]?.digest ?? '',
    found: found[wrong] ?? '',
    sizeBytes,
  });
  return [
    {
      ...finding,
      facts: { ...finding.facts, bytes: `${ranges[wrong]?.start}-${ranges[wrong]?.end}, the first that differ` },
    },
  ];
}

export function onceEach(findings: readonly Finding[]): readonly Finding[] {
  return [
    ...new Map(
      findings.map((finding) => [`${finding.code} ${finding.subject ?? ''} ${finding.message}`, finding]),
    ).values(),
  ];
}
