import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN } from '../../src/cli/style.ts';
import { deriveMarkdown, deriveText } from '../../src/cli/views/derive.ts';
import { checkOf, verdictOf } from '../../src/domain/base/verdict.ts';
import type { DeriveOutcome } from '../../src/flows/derive/outcome.ts';

const outcome = (word: 'equal' | 'not from the parent'): DeriveOutcome => {
  const findings = word === 'equal' ? [] : [{ code: 'not-derived', message: 'it is not' } as const];
  const verdict = verdictOf({ subject: 'child', checks: [checkOf('derivation', [{ what: 'it is' }], findings)] });
  return { child: 'child', parent: 'parent', step: 'cast', word, tensors: [], missing: [], dropped: [], verdict };
};

test('what a derivation proves is said where one was proven, and nowhere else', () => {
  for (const told of [(each: DeriveOutcome) => deriveText(each, { verbose: false }, PLAIN), deriveMarkdown]) {
    assert.match(told(outcome('equal')), /this proves that the child is the honest outcome/);
    assert.doesNotMatch(told(outcome('not from the parent')), /proves/);
  }
});
