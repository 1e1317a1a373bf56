import { leaveOut, report, type Spot } from '../session.ts';

/** The file itself is elsewhere: nothing was judged. */
export async function judgePointer(spot: Spot): Promise<boolean> {
  report(spot, 'WM-FILE-007', 'a Git LFS pointer, not the file');
  leaveOut(spot, 'the file was not fetched from Git LFS');
  return true;
}
