import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstDisagreement } from './compare.ts';

/** 100,000 of them: `npm run worlds`. */
const COUNT = 3000;

test(`the gate and the plain reference say the same of ${COUNT} random worlds`, (t) => {
  const { disagreement, asked, entered, promoted, reasons } = firstDisagreement(0, COUNT);
  assert.equal(disagreement, null);
  t.diagnostic(`${asked} questions: ${entered} may enter, ${promoted} are promoted`);
  const sorted = [...reasons].toSorted((a, b) => b[1] - a[1]);
  t.diagnostic(sorted.map(([code, count]) => `${code} ${count}`).join(', '));
  // Worlds in which everything is refused, or nothing is, would show nothing; nor would those that never meet a rule.
  for (const yes of [entered, promoted]) assert.ok(yes > asked / 20 && yes < (asked * 19) / 20, `${yes} of ${asked}`);
  const met = [
    'revoked',
    'separation-of-duties',
    'lineage-missing',
    'claim-negative',
    'approval-missing',
    'clock-behind',
    'certificate-expired',
    'claim-malformed',
    'denial-unconfirmed',
    'policy-mismatch',
    'promotion-unreadable',
    'revocation-orphaned',
    'signer-unverifiable',
  ];
  for (const code of met) assert.ok((reasons.get(code) ?? 0) > 5, `${code} was hardly met`);
});
