import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshnessFindings } from '../../src/domain/policy/freshness.ts';
import { columnsOf } from '../../src/domain/tlog/columns.ts';

const QUESTION = {
  checkpoint: null,
  entries: columnsOf([]),
  vkeys: [],
  anchored: false,
  pinned: false,
  rule: undefined,
  now: new Date('2026-11-20T12:00:00Z'),
};

test('rule 18: without memory, a witness or a checkpoint brought along, nobody knows how old the log is', () => {
  assert.deepEqual(
    freshnessFindings(QUESTION).map(({ code }) => code),
    ['log-freshness-unknown'],
  );
  assert.deepEqual(freshnessFindings({ ...QUESTION, anchored: true }), []);
  assert.deepEqual(freshnessFindings({ ...QUESTION, pinned: true }), []);
});

test('rule 18: a policy that names witnesses wants them, whatever is remembered', () => {
  const rule = { key: 'log.example+00000000+AA==', witnesses: { keys: [], quorum: 1 } };
  assert.deepEqual(
    freshnessFindings({ ...QUESTION, anchored: true, pinned: true, rule }).map(({ code }) => code),
    ['log-freshness-unknown'],
  );
});
