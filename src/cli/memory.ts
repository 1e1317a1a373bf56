import { setFlagsFromString } from 'node:v8';

/**
 * A command lives for a second and makes much short-lived garbage: a young generation that stays small halves its memory
 * and costs no time (scan of 10,000 files: 195 MB and 1.35 s without, 110 MB and 1.16 s with it), and so does an old one
 * that is collected when it has doubled instead of quadrupled (seal of 10,000 files: 225 MB without, 165 MB with it). To be
 * called late: whatever is loaded under other flags than V8's own, even Node's own modules, is compiled without a cache.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=100');
}
