import { agrees } from './store-digests.ts';
import {
  pick,
  sourceName,
  type BomFile,
  type Conflict,
  type Fact,
  type FactOf,
  type FactSource,
  type StatedDigest,
} from './types.ts';

/** A publisher's digest that was compared with the file's own: they are equal. */
export interface ConfirmedDigest {
  readonly path: string;
  readonly algorithm: StatedDigest['algorithm'];
  readonly source: FactSource;
  readonly recordedBy?: string;
}

export interface DigestCheck {
  readonly confirmed: readonly ConfirmedDigest[];
  readonly conflicts: readonly Conflict[];
  /** Where what a downloader or store recorded is not what the file is. */
  readonly contradicted: readonly { readonly path: string; readonly message: string }[];
  /** Files that a list speaks of and that are not here. */
  readonly absent: readonly { readonly path: string; readonly source: FactSource }[];
}

/** Digests other than SHA-256 and BLAKE3, computed only for files that somebody states such a digest of; by path. */
export type OtherDigests = ReadonlyMap<
  string,
  { readonly sha1: string; readonly gitBlob: string; readonly md5: string; readonly md5Unix: string }
>;

/** Compares what publishers state with what the files are. A digest without a file is only ever confirmed, never refused. */
export function checkDigests(facts: readonly Fact[], files: readonly BomFile[], others: OtherDigests): DigestCheck {
  const stated = pick(facts, 'digest');
  const { byPath, bySha256 } = stated.length === 0 ? NOTHING : foundBy(files);
  const confirmed: ConfirmedDigest[] = [];
  const conflicts: Conflict[] = [];
  const contradicted: { path: string; message: string }[] = [];
  const absent: { path: string; source: FactSource }[] = [];
  for (const fact of stated) {
    const { path, algorithm, hex } = fact.value;
    if (path === undefined) {
      const found = bySha256.get(hex);
      if (found !== undefined) confirmed.push({ path: found, algorithm, source: fact.source });
      continue;
    }
    const file = byPath.get(path);
    if (file === undefined) absent.push({ path, source: fact.source });
    else compare(fact, file, others, { confirmed, conflicts, contradicted });
  }
  return { confirmed, conflicts, contradicted, absent };
}

interface FoundBy {
  readonly byPath: ReadonlyMap<string, BomFile>;
  readonly bySha256: ReadonlyMap<string, string>;
}

/** Nobody states a digest of most trees: maps of a million files are made for those that do. */
const NOTHING: FoundBy = { byPath: new Map(), bySha256: new Map() };

function foundBy(files: readonly BomFile[]): FoundBy {
  return {
    byPath: new Map(files.map((file) => [file.path, file])),
    bySha256: new Map(files.map((file) => [file.digests.sha256 ?? '', file.path])),
  };
}

interface Results {
  readonly confirmed: ConfirmedDigest[];
  readonly conflicts: Conflict[];
  readonly contradicted: { path: string; message: string }[];
}

function compare({ value, source }: FactOf<'digest'>, file: BomFile, others: OtherDigests, results: Results): void {
  const { algorithm, hex, sizeBytes } = value;
  const own = ownDigest(value, file, others);
  if (own === undefined) return;
  const sizeDiffers = sizeBytes !== undefined && sizeBytes !== file.sizeBytes;
  const same = agrees(value, own);
  if (same && !sizeDiffers)
    results.confirmed.push({
      path: file.path,
      algorithm: nameOf(value, others.get(file.path)),
      source,
      ...(value.recordedBy === undefined ? {} : { recordedBy: value.recordedBy }),
    });
  else {
    const said = same ? `${String(sizeBytes)} bytes` : `${algorithm === 'any-sha1' ? 'sha1' : algorithm}:${hex}`;
    const real = same ? `${file.sizeBytes} bytes` : `${algorithm === 'any-sha1' ? 'sha1' : algorithm}:${own}`;
    if (value.recordedBy !== undefined)
      results.contradicted.push({
        path: file.path,
        message: `${file.path} is not what ${value.recordedBy} recorded: ${said}, the file is ${real}`,
      });
    results.conflicts.push({
      field: `digest:${file.path}`,
      values: [
        { value: said, source: sourceName(source) },
        { value: real, source: 'computed' },
      ],
    });
  }
}

function ownDigest({ algorithm, hex }: StatedDigest, file: BomFile, others: OtherDigests): string | undefined {
  if (algorithm === 'sha256' || algorithm === 'blake3') return file.digests[algorithm];
  const other = others.get(file.path);
  if (other === undefined) return undefined;
  if (algorithm === 'md5' || algorithm === 'md5-dos2unix') return algorithm === 'md5' ? other.md5 : other.md5Unix;
  if (algorithm === 'git-blob-sha1') return other.gitBlob;
  return algorithm === 'any-sha1' && other.gitBlob === hex ? other.gitBlob : other.sha1;
}

/** Which SHA-1 it turned out to be. */
function nameOf(
  { algorithm, hex }: StatedDigest,
  other: { readonly gitBlob: string } | undefined,
): StatedDigest['algorithm'] {
  if (algorithm !== 'any-sha1') return algorithm;
  return other?.gitBlob === hex ? 'git-blob-sha1' : 'sha1';
}
