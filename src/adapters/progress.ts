import { formatBytes } from '../domain/base/units.ts';
import type { Progress } from '../domain/ports/terminal.ts';

const APPEARS_AFTER_MS = 500;
const REFRESH_MS = 100;

/** Rate and time left on a terminal, after half a second; silent unless `enabled`. */
export function createProgress(terminal: () => NodeJS.WriteStream, enabled: boolean): Progress {
  if (!enabled) return { start: () => ({ advance: () => {}, end: () => {} }) };
  return { start: (label, total) => startLine(terminal(), label, total) };
}

function startLine(
  stream: NodeJS.WriteStream,
  label: string,
  total: number,
): { advance(bytes: number): void; end(): void } {
  const begun = performance.now();
  let done = 0;
  let drawn = begun + APPEARS_AFTER_MS - REFRESH_MS;
  const clear = () => stream.write('\r\u001b[K');
  return {
    advance: (bytes) => {
      done += bytes;
      const now = performance.now();
      if (now - drawn < REFRESH_MS) return;
      drawn = now;
      clear();
      stream.write(progressLine(label, { done, total, seconds: (now - begun) / 1000 }).slice(0, stream.columns - 1));
    },
    end: () => {
      if (drawn > begun + APPEARS_AFTER_MS - REFRESH_MS) clear();
    },
  };
}

/** `hashing  42 %  3.1 GB of 7.4 GB  2.1 GB/s  2 s left`; without a known total (0) `hashing  3.1 GB  2.1 GB/s`. */
export function progressLine(label: string, work: { done: number; total: number; seconds: number }): string {
  const rate = work.done / Math.max(work.seconds, 0.001);
  if (work.total === 0) return `${label}  ${formatBytes(work.done)}  ${formatBytes(rate)}/s`;
  const left = rate > 0 ? Math.ceil((work.total - work.done) / rate) : 0;
  const percent = Math.floor((100 * work.done) / work.total);
  return `${label}  ${percent} %  ${formatBytes(work.done)} of ${formatBytes(work.total)}  ${formatBytes(rate)}/s  ${left} s left`;
}
