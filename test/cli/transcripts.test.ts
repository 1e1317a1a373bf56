import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseTranscript, runTranscript } from './transcript.ts';

for (const path of globSync('test/cli/*.txt').toSorted()) {
  const text = readFileSync(path, 'utf8');
  test(`${path}: ${text.split('\n', 1)[0]?.replace(/^# /, '') ?? ''}`, { concurrency: 2 }, () =>
    runTranscript(parseTranscript(text)),
  );
}
