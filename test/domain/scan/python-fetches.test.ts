import { requireLinear } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pythonFetches } from '../../../src/domain/scan/text/python-fetches.ts';

const BIG = 60;

for (const [what, line] of [
  ['calls that fetch', (n: number) => `x${n} = AutoModel.from_pretrained("acme/m${n}", revision="v${n}")\n`],
  ['calls that do not', (n: number) => `x${n} = self.a.b.c(d, e=f${n})\n`],
] as const)
  test(`${what}: the work grows as the source does`, async () => {
    await requireLinear(BIG, (size) => {
      const text = `from transformers import AutoModel\n${Array.from({ length: size }, (_, n) => line(n)).join('')}`;
      return () => pythonFetches(text);
    });
  });

test('each says where it stands; a source too deep to be parsed is said, not passed over', () => {
  const found = pythonFetches(
    'from transformers import AutoModel as M\n\n\nM.from_pretrained(\n  "acme/a")\nM.from_pretrained("acme/b")\n',
  );
  assert.deepEqual(
    found.map(({ target, line }) => [target, line]),
    [
      ['acme/a', 4],
      ['acme/b', 6],
    ],
  );
  assert.throws(() => pythonFetches(`from_pretrained(${'('.repeat(2000)}`), /too deeply nested/);
});
