/**
 * Whether this run looks longer: `npm run test:thorough` runs the files that ask here again, as long as they can be worth
 * it, after the tests that everybody waits for. `.ci/run` does both.
 */
export const THOROUGH: boolean = process.env['WEIGHMARK_THOROUGH'] === '1';

/** A fifth of the runs, or all of them. */
export function runs(all: number): number {
  return THOROUGH ? all : Math.ceil(all / 5);
}
