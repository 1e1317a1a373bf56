import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFormat } from '../../src/domain/formats/index.ts';
import { openSource } from '../domain/formats/support.ts';

const ROOT = join(import.meta.dirname, '../..');
const CACHE = process.env['WEIGHMARK_REAL_PACKAGES'];
const known = JSON.parse(readFileSync(join(import.meta.dirname, 'real-packages.json'), 'utf8')) as {
  readonly mediumShare: number;
  /** Findings that are true, with what they are. */
  readonly high: Readonly<Record<string, string>>;
};

/** Files with something that somebody has to look at, and what it is: looked at one by one. */
const mediums = JSON.parse(readFileSync(join(import.meta.dirname, 'real-packages-mediums.json'), 'utf8')) as Readonly<
  Record<string, string>
>;

interface Scanned {
  readonly artifacts: readonly {
    readonly files: readonly { readonly path: string; readonly findings: readonly { readonly severity: string }[] }[];
  }[];
}

/** Every file of every package with its worst severities. `real-packages.sh` fills the folder. */
function scanAll(cache: string): { path: string; severities: Set<string> }[] {
  const packages = readdirSync(cache).filter((name) => existsSync(join(cache, name, '.complete')));
  return packages.flatMap((name) => {
    const words = ['scan', join(cache, name), '--json', '--no-progress', '--allow-symlinks'];
    const { stdout } = spawnSync(process.execPath, [join(ROOT, 'bin/weighmark.js'), ...words], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    });
    return (JSON.parse(stdout) as Scanned).artifacts.flatMap(({ files }) =>
      files.map(({ path, findings }) => ({
        path: `${name}/${path}`,
        severities: new Set(findings.map(({ severity }) => severity)),
      })),
    );
  });
}

test('real packages raise no false alarm', { skip: CACHE === undefined ? 'run real-packages.sh' : false }, () => {
  const files = scanAll(CACHE ?? '');
  const high = files.filter(({ severities }) => severities.has('critical') || severities.has('high'));
  assert.deepEqual(
    high.map(({ path }) => path).filter((path) => !Object.hasOwn(known.high, path)),
    [],
  );
  const medium = files.filter(({ severities }) => severities.has('medium'));
  assert.deepEqual(
    medium.map(({ path }) => path).filter((path) => !Object.hasOwn(mediums, path)),
    [],
  );
  assert.ok(
    files.length > 1000 && medium.length < files.length * known.mediumShare,
    `${medium.length} of ${files.length}`,
  );
});

/** What the formats' own libraries count (real-packages-counts.py); 0 where they find no value of floating point by itself. */
const counted = JSON.parse(readFileSync(join(import.meta.dirname, 'real-packages-counts.json'), 'utf8')) as {
  readonly counts: Readonly<Record<string, number>>;
};

test(
  'parameters are those that the libraries count',
  { skip: CACHE === undefined ? 'run real-packages.sh' : false },
  async () => {
    const there = Object.entries(counted.counts).filter(([path]) => existsSync(join(CACHE ?? '', path)));
    assert.ok(there.length > 0);
    for (const [path, count] of there) {
      const source = openSource(join(CACHE ?? '', path));
      const report = await readFormat({ path, source }, { countRows: false });
      source.close();
      assert.equal(report.parameters, count === 0 ? undefined : count, path);
    }
  },
);
