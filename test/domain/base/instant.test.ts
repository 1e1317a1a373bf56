import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instantOf } from '../../../src/domain/base/instant.ts';

const UTC = Date.UTC(2026, 10, 1, 10);

test('a time without a zone is UTC, wherever it is read', () => {
  const given = process.env['TZ'];
  try {
    for (const zone of ['Asia/Tokyo', 'America/Los_Angeles', 'UTC']) {
      process.env['TZ'] = zone;
      for (const text of ['2026-11-01T10:00:00', '2026-11-01T10:00', '2026-11-01 10:00:00.000', '2026-11-01t10:00:00z'])
        assert.equal(instantOf(text), UTC, `${text} in ${zone}`);
      for (const text of ['2026-11-01T12:00:00+02:00', '2026-11-01T12:00:00+0200', '2026-11-01T03:00:00.0-07:00'])
        assert.equal(instantOf(text), UTC, `${text} in ${zone}`);
      assert.equal(instantOf('2026-11-01'), Date.UTC(2026, 10, 1), zone);
    }
  } finally {
    if (given === undefined) delete process.env['TZ'];
    else process.env['TZ'] = given;
  }
});

test('fractions are read, however long', () => {
  assert.equal(instantOf('2026-11-01T10:00:00.5Z'), UTC + 500);
  assert.equal(instantOf('2026-11-01T10:00:00.123456789Z'), UTC + 123);
  assert.equal(instantOf(`2026-11-01T10:00:00.${'9'.repeat(40)}`), UTC + 999);
});

const NONE = [
  '',
  'soon',
  '7.5',
  '2026',
  '2026-11',
  'Nov 1 2026',
  '1 Nov 2026 10:00:00 GMT',
  '2026-02-30T10:00:00Z',
  '2026-13-01',
  '2026-11-01T25:00:00Z',
  '2026-11-01T10:00:00 Z',
  '2026-11-01T10:00:00+25:00',
  '2026-11-01T10Z',
  '2026-11-01Z',
  ' 2026-11-01',
  '2026-11-01T10:00:00Z\n',
  '12026-11-01',
  '+002026-11-01',
];

test('what is no date that exists, and no form of RFC 3339, is no time', () => {
  for (const text of NONE) assert.equal(instantOf(text), Number.NaN, JSON.stringify(text));
});
