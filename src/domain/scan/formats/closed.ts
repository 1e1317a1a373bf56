import { formatOfName } from '../../formats/names.ts';
import type { NamedSource } from '../../formats/types.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import type { JudgeOptions } from './judge.ts';

/** Archives and packed data that are not opened: never clean. */
export async function judgeClosed(spot: Spot, { path }: NamedSource, { format }: JudgeOptions): Promise<boolean> {
  const promised = formatOfName(path);
  const severity = promised === undefined || promised === format ? 'medium' : 'high';
  report(
    spot,
    'WM-ARCHIVE-013',
    `${format} data${severity === 'high' ? ' under another name' : ''}: what is inside was not examined`,
    { severity },
  );
  leaveOut(spot, `the content of ${format} data`);
  return true;
}

/** What says it is an archive and cannot be opened is not clean either. */
export function unreadable(spot: Spot, message: string): true {
  report(spot, 'WM-ARCHIVE-013', message);
  leaveOut(spot, message);
  return true;
}
