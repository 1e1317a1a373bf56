import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** A hundred for a character of the longest text; a quadratic expression would step back some 10^10 times. */
const BACKTRACKS = 20_000_000;
/**
 * V8 says on standard output when one match has stepped back so often, and takes an engine that never steps back.
 * Without optimisation it counts simple loops too. An expression with a look-around has no other engine and is not counted.
 */
const FLAGS = [
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
  `--regexp-backtracks-before-fallback=${BACKTRACKS}`,
  '--trace-experimental-regexp-engine',
  '--no-regexp-optimization',
];

/** Regular expressions that stepped back too often in one match. */
function tired(...words: readonly string[]): readonly string[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...FLAGS, join(import.meta.dirname, 'backtracks.ts'), ...words],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^all were read$/m);
  const sources = stdout.matchAll(/^Experimental execution \(oneshot\) of regexp \S+ <String\[\d+\]: #?(.*)>$/gm);
  return [...new Set([...sources].map(([, source = '']) => source))];
}

test('no regular expression steps back on hostile text more than a hundred times a character; one that does would be seen', () => {
  assert.deepEqual(tired('control'), [' +x']);
});
