import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const COVERAGE = new URL('coverage.ts', import.meta.url).pathname;
/** It imports nothing. */
const HEX = new URL('../src/adapters/hasher/hex.ts', import.meta.url).href;

/** It too. */
const UNSAFE = new URL('../src/domain/formats/archive-path.ts', import.meta.url).href;

interface Count {
  readonly covered: number;
  readonly total: number;
}

interface Report {
  readonly rooms: readonly { readonly room: string; readonly lines: Count; readonly branches: Count }[];
  readonly total: { readonly lines: Count; readonly branches: Count };
}

/** Coverage of a test that starts another process, with an environment of its own, which runs this program. */
function coverageOf(
  program: string,
  ...options: readonly string[]
): { readonly status: number | null; readonly stderr: string; readonly report: Report } {
  const file = join(mkdtempSync(join(tmpdir(), 'weighmark-coverage-test-')), 'child.test.ts');
  const words = JSON.stringify(['--input-type=module', '-e', program]);
  writeFileSync(
    file,
    `import { execFileSync } from 'node:child_process';\nexecFileSync(process.execPath, ${words}, { env: {} });\n`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [COVERAGE, '--json', ...options, file], {
    encoding: 'utf8',
  });
  return { status, stderr, report: JSON.parse(stdout) as Report };
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

test('an `if` without `else` is two branches, whatever how often each process asks', () => {
  const branches = (...names: readonly string[]): number => {
    const asked = names.map((name) => `isUnsafePath(${JSON.stringify(name)})`).join(';');
    const { report } = coverageOf(`import { isUnsafePath } from ${JSON.stringify(UNSAFE)}; ${asked};`);
    return report.total.branches.covered;
  };
  assert.equal(branches('', 'a', 'b'), branches('a', 'b') + 1, 'the name is refused, and it is not');
});

test('where less ran of the rooms that decide than is asked of them, coverage says of which and fails', () => {
  const { status, stderr, report } = coverageOf(`import ${JSON.stringify(HEX)};`, '--held');
  assert.equal(status, 1);
  assert.equal(report.rooms.length, 9);
  for (const { room } of report.rooms)
    assert.ok(stderr.includes(`${room}: less than 95 % of lines ran`) && stderr.includes(`${room}: less than 90 %`));
});
