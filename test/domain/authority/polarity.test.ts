import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DENIALS, saysNo } from '../../../src/domain/authority/polarity.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';

const says = (predicateType: string, predicate: Record<string, unknown>): boolean =>
  saysNo({ _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType, predicate });

const { revocation, promotion, evaluation, vulns, scai } = PREDICATES;
const [removed, check] = [PREDICATES['removed-records'], PREDICATES['records-check']];

/** Of each kind what is a yes; all else, whatever it is, is a no. */
const CASES: readonly (readonly [type: string, yes: readonly object[], no: readonly object[]])[] = [
  [
    revocation,
    [{ action: 'reinstate' }, { action: 'snapshot' }],
    [{ action: 'revoke' }, {}, { action: 'Reinstate' }, { action: ['reinstate'] }, { action: null }],
  ],
  [
    promotion,
    [{ verificationResult: 'PASSED' }],
    [{ verificationResult: 'FAILED' }, {}, { verificationResult: 'passed' }, { result: 'PASSED' }],
  ],
  [
    evaluation,
    [{ result: 'PASSED' }, { result: 'WARNED' }],
    [{ result: 'FAILED' }, {}, { result: 'warned' }, { result: ['PASSED'] }],
  ],
  [
    vulns,
    [{ scanner: { result: [] } }],
    [{ scanner: { result: [{ id: 'x' }] } }, {}, { scanner: [] }, { scanner: { result: {} } }, { scanner: null }],
  ],
  [
    scai,
    [{ attributes: [] }, { attributes: [{ attribute: 'WEIGHMARK_SCANNED' }, { attribute: 'NOT_FOUND_X' }] }],
    [
      { attributes: [{ attribute: 'FOUND_PICKLE' }] },
      { attributes: [{ attribute: 'WEIGHMARK_FINDING_X' }, { attribute: 'OTHER' }] },
      { attributes: [{ attribute: 'OTHER' }, { attribute: 'weighmark_found_x' }] },
      { attributes: [{ attribute: 7 }] },
      { attributes: ['FOUND_X'] },
      { attributes: {} },
      {},
    ],
  ],
  [removed, [], [{ hashing: 'open', profile: 'typed', records: [] }, {}]],
  [check, [{ result: 'PASSED' }], [{ result: 'FAILED' }, {}, { result: 'passed' }, { result: ['PASSED'] }]],
];

for (const [type, yes, no] of CASES)
  test(`${type}: only what is understood as a yes is none`, () => {
    for (const predicate of yes) assert.equal(says(type, { ...predicate }), false, JSON.stringify(predicate));
    for (const predicate of no) assert.equal(says(type, { ...predicate }), true, JSON.stringify(predicate));
    assert.ok(DENIALS.includes(type));
  });

test('what can say no is these kinds and no other', () => {
  assert.deepEqual([...DENIALS].toSorted(), CASES.map(([type]) => type).toSorted());
  for (const type of [PREDICATES.approval, PREDICATES.bom, PREDICATES.provenance, 'https://example.org/x'])
    assert.equal(says(type, { result: 'FAILED', action: 'revoke' }), false, type);
});
