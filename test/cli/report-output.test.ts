import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-report-output-'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'a.bin'), 'weights');
  assert.equal(run(['registry', 'init', 'reg']).status, 0);
  assert.equal(run(['push', 'm', 'acme/m:1']).status, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(words: readonly string[]) {
  const env = { ...BARE, HOME: folder, WEIGHMARK_REGISTRY: 'reg' };
  return spawnSync(process.execPath, [PROGRAM, ...words], { cwd: folder, encoding: 'utf8', env });
}

test('-o NAME.ext is written in the format that its ending says, is told, and an ending of no report is refused', () => {
  for (const [file, start] of [
    ['by-name.html', /^<!doctype html>/i],
    ['by-name.md', /^# /],
    ['by-name.json', /^\{\n {2}"\$schema"/],
    ['by-name', /^<!doctype html>/i],
  ] as const)
    for (const about of [[], ['acme/m:1']]) {
      const { stderr } = run(['report', ...about, '-o', file]);
      assert.match(stderr, new RegExp(`^written ${file}$`, 'm'));
      assert.match(readFileSync(join(folder, file), 'utf8'), start, file);
      rmSync(join(folder, file));
    }
  const { status, stderr } = run(['report', 'acme/m:1', '-o', 'r.tar']);
  assert.equal(status, 2);
  assert.match(stderr, /error\[usage\].*r\.tar[^]*`--evidence r\.tar`/);
  assert.match(run(['report', '-o', 'r.pdf']).stderr, /error\[usage\].*\.html, \.md or \.json/);
});

test('--evidence tells the tar it wrote and where it says how to verify it, with a page beside it or without', () => {
  const told = /^written e\.tar: the README in it says how to verify it elsewhere$/m;
  for (const page of [[], ['-o', 'beside.html']]) {
    const { stderr } = run(['report', 'acme/m:1', '--evidence', 'e.tar', ...page]);
    assert.match(stderr, told);
    assert.equal(stderr.includes('written beside.html'), page.length > 0, stderr);
    rmSync(join(folder, 'e.tar'));
  }
  assert.doesNotMatch(run(['report', 'acme/m:1']).stderr, told);
});
