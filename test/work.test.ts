import { requireLinear, workOf } from './work.ts';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bytesSource, readFormat } from '../src/domain/formats/index.ts';
import { globMatches } from '../src/domain/base/glob.ts';

test('what grows with the square of its size is told from what grows with its size', async () => {
  await assert.rejects(
    requireLinear(100, (size) => () => globMatches('*a'.repeat(size), 'a'.repeat(size - 1))),
    /steps for 100, \d+ for 200/,
  );
  await assert.rejects(
    requireLinear(1000, (size) => () => Array.from({ length: size }, (_, at) => 'x'.repeat(size).includes(`${at}`))),
    /steps/,
  );
  await requireLinear(1000, (size) => () => globMatches('acme/*', `acme/${'a'.repeat(size)}`));
});

test('the same work is the same number of steps', async () => {
  const read = () => readFormat({ path: 'a.json', source: bytesSource(Buffer.from('[1,2,3]')) });
  await read();
  assert.equal((await workOf(read)).steps, (await workOf(read)).steps);
});

test('no test asks a clock how long something took', () => {
  const clock =
    /\b(?:performance\.now|process\.hrtime|process\.cpuUsage)\b|Date\.now\(\) *(?:[<>]|- *[a-z])|[-<>] *Date\.now\(\)/i;
  const timed = globSync('test/**/*.test.ts').filter((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .some((line) => clock.test(line) && !line.includes('const clock =')),
  );
  assert.deepEqual(timed, []);
});
