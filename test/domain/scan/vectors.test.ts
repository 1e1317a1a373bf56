import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { atLeast } from '../../../src/domain/scan/index.ts';
import { scan, told } from './build.ts';

const FOLDER = join(
  process.env['WEIGHMARK_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors'),
  'scan',
);
const there = existsSync(join(FOLDER, 'manifest.json'));
const required = process.env['CI'] === 'true';

interface Labelled {
  readonly file: string;
  readonly expected: 'malicious' | 'suspicious' | 'benign';
  readonly technique: string;
}

test('the labelled files are there', { skip: there || required ? false : `no labelled files at ${FOLDER}` }, () => {
  assert.ok(there, `no labelled files at ${FOLDER}`);
});

const labelled = there ? (JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as Labelled[]) : [];
for (const { file, expected, technique } of labelled) {
  test(`${expected}: ${file}, ${technique}`, async () => {
    const result = await scan(file, readFileSync(join(FOLDER, file)));
    const worst = result.findings[0]?.severity ?? 'info';
    if (expected === 'malicious') assert.ok(atLeast(worst, 'high'), told(result));
    else if (expected === 'suspicious') assert.ok(atLeast(worst, 'medium'), told(result));
    else assert.ok(!atLeast(worst, 'medium') && result.verdict === 'pass', told(result));
  });
}
