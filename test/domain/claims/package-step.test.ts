import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimTypeOf } from '../../../src/domain/claims/attestations.ts';
import { buildPackageStep, checkPackageStep, isDocumentation } from '../../../src/domain/claims/package-step.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import type { Statement } from '../../../src/domain/claims/types.ts';
import { manifestId, type ManifestFile } from '../../../src/domain/digest/manifest.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';

/** A step that changes pages of documentation alone: it carries what was said of the weights over, and must be provable. */

const file = (path: string, text = path): ManifestFile => ({ path, sizeBytes: text.length, sha256: sha256Hex(text) });
const WEIGHTS = file('model.safetensors');
const BEFORE = [file('README.md', 'old'), WEIGHTS];
const AFTER = [file('README.md', 'new'), WEIGHTS];

type Predicate = Record<string, unknown> & { buildDefinition: Record<string, unknown> };

function built(before = BEFORE, after = AFTER): Predicate {
  const predicate = buildPackageStep(before, after);
  assert.ok(predicate !== null);
  return structuredClone(predicate) as Predicate;
}

function statement(predicate: Readonly<Record<string, unknown>>, type: string = PREDICATES.provenance): Statement {
  const digest = { sha256: manifestId(AFTER).slice('sha256:'.length) };
  return parseStatement(buildStatement([{ name: 'a', digest }], type, predicate));
}

test('the step leads back to what was before, and to nothing else', () => {
  const from = manifestId(BEFORE);
  assert.equal(checkPackageStep(statement(built()), AFTER)[0], from);
  assert.throws(() => checkPackageStep(statement(built()), [...AFTER, file('more.bin')]), { code: 'claim-conflict' });
  assert.throws(() => checkPackageStep(statement(built()), [file('README.md', 'other'), WEIGHTS]), {
    code: 'claim-conflict',
  });
  assert.throws(
    () => checkPackageStep(statement(built()), [file('README.md', 'new'), file('model.safetensors', 'x')]),
    { code: 'claim-conflict' },
  );
});

test('there is no such step where more than documentation changed, or nothing', () => {
  assert.equal(buildPackageStep(BEFORE, BEFORE), null);
  assert.equal(buildPackageStep(BEFORE, [...AFTER, file('config.json')]), null);
  assert.equal(buildPackageStep(BEFORE, [BEFORE[0] as ManifestFile]), null, 'weights are gone');
  assert.equal(buildPackageStep([WEIGHTS], [WEIGHTS, file('chat_template.md')]), null, 'a loader reads it');
  assert.ok(buildPackageStep([WEIGHTS], AFTER) !== null);
  for (const page of ['README.md', 'LICENSE', 'LICENSE.txt', 'README']) assert.ok(isDocumentation(page), page);
  for (const other of ['docs/README.md', 'README.py', 'README.md.safetensors', 'config.json', 'readme/x', '.md', ''])
    assert.ok(!isDocumentation(other), other);
});

test('a step that says less than it must, or names what is no documentation, is refused', () => {
  const changes: readonly ((of: Predicate) => void)[] = [
    (of) => Object.assign(of.buildDefinition, { resolvedDependencies: [] }),
    (of) => Object.assign(of.buildDefinition, { resolvedDependencies: 'one' }),
    (of) => Object.assign(of.buildDefinition, { resolvedDependencies: [{ digest: { sha256: 'A'.repeat(64) } }] }),
    (of) => Object.assign(of.buildDefinition, { resolvedDependencies: [1, 2] }),
    (of) => Object.assign(of.buildDefinition, { externalParameters: {} }),
    (of) => Object.assign(of.buildDefinition, { externalParameters: { removed: [], added: 'README.md' } }),
    ...[
      {},
      'README.md',
      { path: 'README.md', sizeBytes: 3 },
      { path: 'README.md', sizeBytes: '3', sha256: 'a'.repeat(64) },
      { path: 7, sizeBytes: 3, sha256: 'a'.repeat(64) },
      { path: 'model.safetensors', sizeBytes: 3, sha256: 'a'.repeat(64) },
      { path: '../README.md', sizeBytes: 3, sha256: 'a'.repeat(64) },
    ].map(
      (page) =>
        (of: Predicate): void =>
          void Object.assign(of.buildDefinition, { externalParameters: { removed: [page], added: [] } }),
    ),
  ];
  for (const [index, change] of changes.entries()) {
    const predicate = built();
    change(predicate);
    assert.throws(() => checkPackageStep(statement(predicate), AFTER), { code: 'claim-malformed' }, String(index));
  }
  assert.throws(() => checkPackageStep(statement(built(), PREDICATES.vulns), AFTER), { code: 'claim-malformed' });
  const other = built();
  Object.assign(other.buildDefinition, { buildType: 'https://example.org/other' });
  assert.throws(() => checkPackageStep(statement(other), AFTER), { code: 'claim-malformed' });
});

test('a kind of claim is a step, a short name or an absolute URI; a signature of a folder is none', () => {
  assert.deepEqual(claimTypeOf('quantize'), { predicateType: PREDICATES.provenance, step: 'quantize' });
  assert.deepEqual(claimTypeOf('scan'), { predicateType: PREDICATES.vulns });
  assert.deepEqual(claimTypeOf('https://example.org/x'), { predicateType: 'https://example.org/x' });
  for (const bad of [PREDICATES.integrity, 'toString', 'example.org/x', 'https://', 'https:// a', 'https://[', ''])
    assert.throws(() => claimTypeOf(bad), { code: 'usage' }, bad);
});
