import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { atLeast } from '../../src/domain/scan/index.ts';
import { scanArtifact } from '../../src/flows/content/scan.ts';

/**
 * Suites of other scanners, where somebody has a checkout of one: `WEIGHMARK_SUITES=DIR`, with a folder a suite and in it
 * `expected.json`, `{"harmful": [PATH…], "harmless": [PATH…], "least": 0.99}`, made by hand from what the suite says of its files.
 * Nothing of them is kept here.
 */
interface Expected {
  readonly harmful: readonly string[];
  readonly harmless: readonly string[];
  /** Share of the harmful files that must be found. Default: all. */
  readonly least?: number;
}

const SUITES = process.env['WEIGHMARK_SUITES'];
const files = createFiles();
const ports = { files, progress: { start: () => ({ advance() {}, end() {} }) }, signal: new AbortController().signal };

async function isRefused(location: string): Promise<boolean> {
  const { files: results } = await scanArtifact(await files.walk(location, {}), ports);
  return results.some(
    ({ findings, unexamined }) => unexamined.length > 0 || findings.some(({ severity }) => atLeast(severity, 'high')),
  );
}

async function partition(folder: string, paths: readonly string[]): Promise<{ refused: string[]; passed: string[] }> {
  const [refused, passed]: [string[], string[]] = [[], []];
  for (const path of paths) ((await isRefused(join(folder, path))) ? refused : passed).push(path);
  return { refused, passed };
}

for (const suite of ['picklescan', 'hayward']) {
  const folder = join(SUITES ?? '', suite);
  const skip = SUITES === undefined || !existsSync(join(folder, 'expected.json')) ? 'no checkout is given' : false;
  test(`${suite}'s suite: what acts is high or incomplete, what is harmless is neither`, { skip }, async () => {
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
    const harmful = await partition(folder, expected.harmful);
    assert.ok(
      harmful.refused.length >= expected.harmful.length * (expected.least ?? 1),
      `passed: ${harmful.passed.join(', ')}`,
    );
    assert.deepEqual((await partition(folder, expected.harmless)).refused, []);
  });
}
