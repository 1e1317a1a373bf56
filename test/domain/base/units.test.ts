import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, grouped } from '../../../src/domain/base/units.ts';

test('whole numbers are grouped as English groups them', () => {
  for (const number of [0, 1, 12, 999, 1000, 12_345, 999_999, 1_281_167, 1_000_000_000, Number.MAX_SAFE_INTEGER])
    assert.equal(grouped(number), number.toLocaleString('en'));
  assert.equal(counted(1, 'entry', 'entries'), '1 entry');
  assert.equal(counted(100_000, 'entry', 'entries'), '100,000 entries');
});
