import { fileURLToPath } from 'node:url';

/**
 * The program as tests start it: what `npm test` has built once for all of them, else the one from source, which says the
 * same (`test/cli/packed.test.ts`) and starts more slowly.
 */
export const PROGRAM: string =
  process.env['WEIGHMARK_TEST_PROGRAM'] ?? fileURLToPath(new URL('../bin/weighmark.js', import.meta.url));

/** All that a started program is given of this machine: where commands lie, and the compile cache that tests share. */
export const BARE: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '',
  ...(process.env['NODE_COMPILE_CACHE'] === undefined ? {} : { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }),
};
