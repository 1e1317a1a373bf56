import { WeighmarkError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { invalid } from '../../formats/problem.ts';
import { bytesSource, type Source } from '../../base/source.ts';
import { memberSource, openMember, rawMember } from '../../formats/zip-member.ts';
import { readZip, type ZipArchive } from '../../formats/zip.ts';
import type { ZipEntry } from '../../formats/zip-entry.ts';
import { torchPrefix } from '../../formats/torch.ts';
import type { Problem } from '../../formats/types.ts';
import { inside, leaveOut, report, type Spot } from '../session.ts';
import type { Severity } from '../types.ts';
import { unwrap, type Wrapper } from '../../formats/compressed/unwrap.ts';

/** What a zip file turned out to be; its members are examined by the caller. */
export interface ZipMember {
  readonly name: string;
  readonly source: Source;
  /** Not in the directory. */
  readonly hidden: boolean;
}

export interface ZipContent {
  readonly archive: ZipArchive;
  readonly members: readonly ZipMember[];
  readonly torchScript: boolean;
}

const RULE_OF: Readonly<Partial<Record<Problem['code'], readonly [rule: string, severity?: Severity]>>> = {
  'name-mismatch': ['WM-ARCHIVE-001'],
  'duplicate-key': ['WM-ARCHIVE-002'],
  'hidden-member': ['WM-ARCHIVE-003'],
  'checksum-mismatch': ['WM-ARCHIVE-004'],
  'header-mismatch': ['WM-ARCHIVE-005'],
  'size-mismatch': ['WM-ARCHIVE-005'],
  overlap: ['WM-ARCHIVE-011'],
  encrypted: ['WM-ARCHIVE-006'],
  prefix: ['WM-ARCHIVE-007'],
  'several-directories': ['WM-ARCHIVE-008'],
  'unsafe-path': ['WM-ARCHIVE-009'],
  link: ['WM-ARCHIVE-010'],
  'out-of-bounds': ['WM-ARCHIVE-005'],
  gap: ['WM-ARCHIVE-012', 'low'],
  trailing: ['WM-ARCHIVE-012'],
};

/**
 * Audits a zip file's records and checks every member's size and CRC-32; all members are returned, hidden ones and
 * duplicates too. Null if there is no usable directory.
 */
export async function judgeZip(spot: Spot, source: Source): Promise<ZipContent | null> {
  const archive = await readArchive(spot, source);
  if (archive === null) return null;
  for (const problem of archive.problems) reportProblem(spot, problem);
  judgeNames(spot, archive);
  judgeSizes(spot, archive);
  if (archive.comment.includes('\0') || archive.comment.includes('\ufffd'))
    report(spot, 'WM-ARCHIVE-012', 'the archive comment holds binary data');
  const members: ZipMember[] = [];
  for (const entry of archive.entries) await addMember(spot, source, { entry, hidden: false }, members);
  for (const entry of archive.hidden) await addMember(spot, source, { entry, hidden: true }, members);
  const prefix = torchPrefix(archive);
  const torchScript =
    prefix !== null &&
    archive.entries.some(({ name }) => name === `${prefix}constants.pkl` || name.startsWith(`${prefix}code/`));
  return { archive, members, torchScript };
}

async function readArchive(spot: Spot, source: Source): Promise<ZipArchive | null> {
  try {
    return await readZip(source);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.code !== 'format-invalid' && error.code !== 'limit-exceeded'))
      throw error;
    if (error.code === 'limit-exceeded') leaveOut(spot, error.message);
    return null;
  }
}

function reportProblem(spot: Spot, problem: Problem): void {
  const [rule, severity] = RULE_OF[problem.code] ?? [];
  const message = `${problem.subject === undefined ? '' : `${problem.subject}: `}${problem.message}`;
  if (rule !== undefined)
    report(spot, rule, message, {
      ...(problem.offset === undefined ? {} : { offset: problem.offset }),
      ...(severity === undefined ? {} : { severity }),
    });
  else if (problem.code === 'limit' || problem.code === 'unsupported') leaveOut(spot, message, problem.offset);
  else report(spot, 'WM-FILE-006', message);
}

/** Names that differ by case alone collide on some systems; control characters hide in listings. */
function judgeNames(spot: Spot, { entries }: ZipArchive): void {
  const folded = new Map<string, string>();
  for (const { name } of entries) {
    const known = folded.get(name.toLowerCase());
    if (known !== undefined && known !== name)
      report(spot, 'WM-ARCHIVE-014', `${known} and ${name} differ by case alone`);
    folded.set(name.toLowerCase(), name);
  }
}

function judgeSizes(spot: Spot, { entries }: ZipArchive): void {
  const stated = entries.reduce((sum, { size }) => sum + size, 0);
  const packed = entries.reduce((sum, { compressedSize }) => sum + compressedSize, 0);
  const bomb = entries.find(({ size, compressedSize }) => size > 64 << 20 && size > compressedSize * 200);
  if (bomb !== undefined)
    report(spot, 'WM-ARCHIVE-011', `${bomb.name} expands from ${bomb.compressedSize} to ${bomb.size} bytes`);
  else if (stated > 1 << 30 && stated > packed * 100)
    report(spot, 'WM-ARCHIVE-011', `${packed} bytes expand to ${stated}`);
}

async function addMember(
  spot: Spot,
  source: Source,
  { entry, hidden }: { entry: ZipEntry; hidden: boolean },
  members: ZipMember[],
): Promise<void> {
  const { session } = spot;
  if (session.budget.members-- <= 0) return leaveOut(spot, 'more archive members than are examined');
  if (entry.name.endsWith('/') && entry.size === 0) return;
  const at = inside(spot, entry.name);
  try {
    const content =
      (await openPacked(at, source, entry)) ??
      memberSource(source, entry, { maxBytes: Math.min(session.budget.inflatedBytes, LIMITS.archiveInflatedBytes) });
    if (entry.method !== 0) session.budget.inflatedBytes -= entry.size;
    if (!PACKED.has(entry.method)) await checkMember(spot, source, entry);
    members.push({ name: entry.name, source: content, hidden });
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.code !== 'format-invalid' && error.code !== 'limit-exceeded'))
      throw error;
    judgeUnreadable(at, entry, error);
  }
}

/** Methods that Python's `zipfile` reads and Node has no stream for: bzip2, LZMA, xz. */
const PACKED: ReadonlyMap<number, Wrapper> = new Map([
  [12, 'bzip2'],
  [14, 'lzma'],
  [95, 'xz'],
]);

/** A member of these methods in memory, as far as it can be decoded; null for the others. */
async function openPacked(at: Spot, source: Source, entry: ZipEntry): Promise<Source | null> {
  const wrapper = PACKED.get(entry.method);
  if (wrapper === undefined) return null;
  const raw = rawMember(source, entry);
  const opened = await unwrap(
    entry.method === 14 ? await asLzmaAlone(raw, entry.size) : raw,
    wrapper,
    at.session.budget.inflatedBytes,
  );
  if (opened === null) throw invalid(`no readable ${wrapper} data`);
  if (opened.cut !== undefined) leaveOut(at, opened.cut);
  return opened.source;
}

/** APPNOTE 5.8.8: version (2), size of the properties (2), properties; `.lzma` has the properties and the size (8). */
async function asLzmaAlone(raw: Source, size: number): Promise<Source> {
  const bytes = Buffer.from(await raw.read(0, Math.min(raw.size, MEMBER_IN_MEMORY)));
  const properties = bytes.length < 4 ? 0 : bytes.readUInt16LE(2);
  const stated = Buffer.alloc(8);
  stated.writeBigUInt64LE(BigInt(size));
  return bytesSource(Buffer.concat([bytes.subarray(4, 4 + properties), stated, bytes.subarray(4 + properties)]));
}

const MEMBER_IN_MEMORY = 64 << 20;

/** Stored members are hashed with the file itself; a CRC over them would read the file twice, so only small ones and pickles are checked. */
async function checkMember(spot: Spot, source: Source, entry: ZipEntry): Promise<void> {
  if (entry.method === 0 && entry.compressedSize > CHECKED_STORED) return;
  try {
    for await (const chunk of openMember(source, entry, { verify: true, maxBytes: spot.session.budget.inflatedBytes }))
      void chunk;
  } catch (error) {
    if (!(error instanceof WeighmarkError) || error.code !== 'format-invalid' || !error.message.includes('CRC'))
      throw error;
    report(spot, 'WM-ARCHIVE-004', `${entry.name}: ${error.message}`);
  }
}

const CHECKED_STORED = 1 << 20;

function judgeUnreadable(at: Spot, entry: ZipEntry, error: WeighmarkError): void {
  leaveOut(at, error.message);
  const bomb = /decompresses to more|states \d+ bytes/.test(error.message);
  if (bomb) report(at, 'WM-ARCHIVE-011', `${entry.name}: ${error.message}`);
  else report(at, 'WM-ARCHIVE-013', `${entry.name}: ${error.message}`);
}
