import { WeighmarkError } from '../../base/errors.ts';
import { isUnsafePath } from '../../formats/archive-path.ts';
import { windowSource, type Source } from '../../base/source.ts';
import { readTar, type TarArchive, type TarEntry } from '../../formats/tar.ts';
import type { Problem } from '../../formats/types.ts';
import { leaveOut, report, type Spot } from '../session.ts';

export interface TarMember {
  readonly name: string;
  readonly source: Source;
}

const RULE_OF: Readonly<Partial<Record<Problem['code'], string>>> = {
  'unsafe-path': 'WM-ARCHIVE-009',
  'duplicate-key': 'WM-ARCHIVE-002',
  'hidden-member': 'WM-ARCHIVE-003',
  trailing: 'WM-ARCHIVE-012',
};

/** Audits a tar archive and returns its files, those behind an early end too. Null if it is none. */
export async function judgeTar(spot: Spot, source: Source): Promise<readonly TarMember[] | null> {
  const archive = await readArchive(spot, source);
  if (archive === null) return null;
  for (const problem of archive.problems) reportProblem(spot, problem);
  for (const entry of archive.entries)
    if (entry.type !== 'file' && entry.type !== 'directory') judgeSpecial(spot, entry);
  const files = archive.entries.filter(({ type }) => type === 'file');
  if (files.length > spot.session.budget.members) leaveOut(spot, 'more archive members than are examined');
  const examined = files.slice(0, Math.max(0, spot.session.budget.members));
  spot.session.budget.members -= examined.length;
  return examined.map(({ name, dataStart, size }) => ({ name, source: windowSource(source, dataStart, size) }));
}

async function readArchive(spot: Spot, source: Source): Promise<TarArchive | null> {
  try {
    return await readTar(source);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.code !== 'format-invalid' && error.code !== 'limit-exceeded'))
      throw error;
    leaveOut(spot, error.message);
    return error.code === 'limit-exceeded' ? { entries: [], end: 0, problems: [] } : null;
  }
}

function reportProblem(spot: Spot, problem: Problem): void {
  const at = problem.offset === undefined ? {} : { offset: problem.offset };
  const message = `${problem.subject === undefined ? '' : `${problem.subject}: `}${problem.message}`;
  if (problem.code === 'link') return;
  const rule = RULE_OF[problem.code];
  report(spot, rule ?? 'WM-FILE-006', message, at);
  if (problem.code === 'malformed' || problem.code === 'truncated' || problem.code === 'limit')
    leaveOut(spot, message, problem.offset);
}

/** A link inside the archive's own folder is for review; one that leads out, a device or a pipe is not. */
function judgeSpecial(spot: Spot, { name, type, linkName, offset }: TarEntry): void {
  const link = type === 'symlink' || type === 'hardlink';
  const inside = link && !isUnsafePath(linkName) && !linkName.startsWith('/');
  const message = link ? `${name} is a link to ${linkName.slice(0, 200)}` : `${name} is a ${type}`;
  report(spot, 'WM-ARCHIVE-010', message, { offset, severity: inside ? 'medium' : 'high' });
}
