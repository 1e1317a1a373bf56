import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const COVERAGE = new URL('coverage.ts', import.meta.url).pathname;
/** It imports nothing. */
const HEX = new URL('../src/adapters/hasher/hex.ts', import.meta.url).href;

interface Count {
  readonly covered: number;
  readonly total: number;
}

interface Report {
  readonly rooms: readonly { readonly room: string; readonly lines: Count; readonly branches: Count }[];
  readonly total: { readonly lines: Count; readonly branches: Count };
}

/** Coverage of a test that starts another process, with an environment of its own, which runs this program. */
function coverageOf(program: string): { readonly status: number | null; readonly report: Report } {
  const file = join(mkdtempSync(join(tmpdir(), 'weighmark-coverage-test-')), 'child.test.ts');
  const words = JSON.stringify(['--input-type=module', '-e', program]);
  writeFileSync(
    file,
    `import { execFileSync } from 'node:child_process';\nexecFileSync(process.execPath, ${words}, { env: {} });\n`,
  );
  const { status, stdout } = spawnSync(process.execPath, [COVERAGE, '--json', file], { encoding: 'utf8' });
  return { status, report: JSON.parse(stdout) as Report };
}

test('what a child process runs is counted, in its room alone', () => {
  const { status, report } = coverageOf(`import ${JSON.stringify(HEX)};`);
  assert.equal(status, 0);
  const ran = report.rooms.filter(({ lines }) => lines.covered > 0);
  assert.deepEqual(
    ran.map(({ room }) => room),
    ['src/adapters/hasher'],
  );
  assert.equal(ran[0]?.branches.covered, 0, 'no function was called');
  assert.equal(
    report.total.lines.total,
    report.rooms.reduce((count, { lines }) => count + lines.total, 0),
  );
});

test('where a test fails, coverage fails, and what ran is told all the same', () => {
  const { status, report } = coverageOf(`await import(${JSON.stringify(HEX)}); process.exit(1);`);
  assert.equal(status, 1);
  assert.ok(report.total.lines.covered > 0);
});
