import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPredicate } from '../../../src/domain/claims/attestations.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';

type Predicate = Readonly<Record<string, unknown>>;
const NOW = '2026-11-21T08:00:00Z';
const SHA256 = 'ab'.repeat(32);

/** One good predicate a type, and what makes it unusable: the path of a field, what is put there, what is said of it. */
const CASES: readonly {
  readonly type: string;
  readonly good: Predicate;
  readonly wrong: readonly (readonly [path: string, value: unknown, message: RegExp])[];
}[] = [
  {
    type: PREDICATES.provenance,
    good: {
      buildDefinition: {
        buildType: 'https://example.com/train',
        externalParameters: {},
        resolvedDependencies: [{ uri: 'data', digest: { sha256: SHA256 } }],
      },
      runDetails: { builder: { id: 'https://example.com/ci' } },
    },
    wrong: [
      ['buildDefinition.buildType', '', /buildType is missing/],
      ['buildDefinition.externalParameters', null, /externalParameters is missing/],
      ['runDetails.builder.id', undefined, /builder\.id is missing/],
      ['buildDefinition.resolvedDependencies', {}, /resolvedDependencies is not a list/],
      ['buildDefinition.resolvedDependencies.0', { name: 'data' }, /has no uri, digest or content/],
      ['buildDefinition.resolvedDependencies.0.digest.sha256', SHA256.toUpperCase(), /not 64 lower-case hex digits/],
    ],
  },
  {
    type: PREDICATES.evaluation,
    good: { result: 'PASSED', configuration: [] },
    wrong: [
      ['result', 'passed', /result is not PASSED/],
      ['configuration', 'none', /configuration is not a list/],
    ],
  },
  {
    type: PREDICATES.approval,
    good: { verifier: { id: 'anna' }, timeCreated: NOW, properties: ['APPROVED'] },
    wrong: [
      ['verifier.id', '', /verifier\.id is missing/],
      ['timeCreated', 'today', /timeCreated is not a time/],
      ['timeCreated', '2026-13-01T00:00:00Z', /timeCreated is not a time/],
      ['properties', [], /properties is not a list/],
      ['properties.0', 7, /properties is not a list/],
    ],
  },
  {
    type: PREDICATES.vulns,
    good: {
      scanner: { uri: 'https://example.com/scanner', result: [{ id: 'r1', severity: [] }] },
      metadata: { scanStartedOn: NOW, scanFinishedOn: NOW },
    },
    wrong: [
      ['scanner.uri', 1, /scanner\.uri is missing/],
      ['scanner.result', {}, /scanner\.result is not a list/],
      ['scanner.result.0.id', '', /has no id or severity/],
      ['scanner.result.0.severity', 'high', /has no id or severity/],
      ['metadata.scanStartedOn', undefined, /scanStartedOn is not a time/],
      ['metadata.scanFinishedOn', 'soon', /scanFinishedOn is not a time/],
    ],
  },
  {
    type: PREDICATES.scai,
    good: { attributes: [{ attribute: 'reviewed' }] },
    wrong: [
      ['attributes', [], /attributes is empty/],
      ['attributes', 'reviewed', /attributes is empty or not a list/],
      ['attributes.0', {}, /has no attribute/],
    ],
  },
  {
    type: PREDICATES.reference,
    good: { attester: { id: 'anna' }, references: [{ name: 'croissant.json', digest: { sha256: SHA256 } }] },
    wrong: [
      ['attester.id', undefined, /attester\.id is missing/],
      ['references', [], /references is empty/],
      ['references.0', { name: 'croissant.json' }, /has no uri, digest or content/],
    ],
  },
  {
    type: PREDICATES.bom,
    good: { bomFormat: 'CycloneDX', specVersion: '1.7' },
    wrong: [
      ['bomFormat', 'SPDX', /not a CycloneDX BOM/],
      ['specVersion', 1.7, /not a CycloneDX BOM/],
    ],
  },
  {
    type: PREDICATES.promotion,
    good: {
      verifier: { id: 'weighmark' },
      timeVerified: NOW,
      resourceUri: 'acme/demo',
      policy: { digest: { sha256: SHA256 } },
      verificationResult: 'PASSED',
      verifiedLevels: [],
    },
    wrong: [
      ['verifier', 'weighmark', /verifier\.id is missing/],
      ['timeVerified', 1, /timeVerified is not a time/],
      ['resourceUri', '', /resourceUri is missing/],
      ['policy', {}, /policy names no uri and no digest/],
      ['policy.digest.sha256', 'abc', /policy names no uri and no digest/],
      ['verificationResult', 'OK', /verificationResult is not PASSED or FAILED/],
      ['verifiedLevels', 'all', /verifiedLevels is not a list/],
      ['verifiedLevels', [1], /verifiedLevels is not a list/],
    ],
  },
];

for (const { type, good, wrong } of CASES) {
  test(`${type}: the good one is signed`, () => assert.doesNotThrow(() => checkPredicate(type, good)));
  for (const [path, value, message] of wrong) {
    test(`${type}: not signed with ${path} ${JSON.stringify(value)}`, () =>
      assert.throws(() => checkPredicate(type, withValue(good, path, value)), { code: 'claim-malformed', message }));
  }
}

function withValue(predicate: Predicate, path: string, value: unknown): Predicate {
  const copy = structuredClone(predicate) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce((node, name) => node[name] as Record<string, unknown>, copy);
  parent[last] = value;
  return copy;
}
