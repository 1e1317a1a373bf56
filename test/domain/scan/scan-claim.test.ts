import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildScanPredicate } from '../../../src/domain/scan/scan-claim.ts';
import type { ScanFinding } from '../../../src/domain/scan/types.ts';

const times = { startedOn: '2026-11-20T10:00:00Z', finishedOn: '2026-11-20T10:00:01Z' };

test('a flood of small findings pushes neither the worst nor the unexamined out of the claim', () => {
  const small: ScanFinding[] = Array.from({ length: 6000 }, (_, index) => ({
    rule: 'WM-CODE-001',
    severity: 'low',
    message: 'a script file',
    place: { path: `f${index}` },
  }));
  const worst: ScanFinding = {
    rule: 'WM-PICKLE-001',
    severity: 'critical',
    message: 'posix.system is called',
    place: { path: 'evil.pkl' },
  };
  const predicate = buildScanPredicate({
    version: '1',
    ...times,
    findings: [...small, worst],
    unexamined: [{ place: { path: 'x.7z' }, reason: 'not read' }],
  });
  const { result } = predicate['scanner'] as { result: readonly { id: string }[] };
  assert.deepEqual([result.length, result[0]?.id, result[1]?.id], [5000, 'not-examined', 'WM-PICKLE-001']);
});
