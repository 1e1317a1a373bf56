import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindingOf, checkBinding, onlyFile } from '../../../src/domain/claims/binding.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { subject, type MatchedArtifact } from '../../../src/domain/claims/subjects.ts';
import type { Statement, Subject } from '../../../src/domain/claims/types.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';

const hex = (digit: string): string => digit.repeat(64);
const [ID, FILE, OTHER, ROOT] = [hex('a'), hex('f'), hex('0'), hex('e')];

const say = (predicateType: string, ...subjects: readonly Subject[]): Statement => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: subjects,
  predicateType,
  predicate: {},
});
const about = (...subjects: readonly Subject[]): Statement => say(PREDICATES.evaluation, ...subjects);
const manifest = (digest: string, name = 'acme/enc:1'): Subject => subject('manifest', name, digest);
const unsaid = (digest: string, name = 'acme/enc:1'): Subject => ({ name, digest: { sha256: digest } });
const strange: Subject = { name: 'x', digest: { sha256: ID }, annotations: { kind: 'folder' } };

const kindOf = (statement: Statement, known?: MatchedArtifact): string =>
  bindingOf({ statement }, known === undefined ? undefined : new Map([[known.id.slice(7), known]])).kind;

const FOLDER: MatchedArtifact = {
  id: `sha256:${ID}`,
  root: ROOT,
  files: new Map([
    ['model.bin', FILE],
    ['LICENSE', hex('1')],
  ]),
};
const SINGLE: MatchedArtifact = {
  id: `sha256:${ID}`,
  root: omsRoot([FILE]),
  files: new Map([['x', FILE]]),
  single: true,
};

test('one manifest binds, with its name without the version; names that differ make it nobody’s', () => {
  assert.deepEqual(bindingOf({ statement: about(manifest(ID)) }), {
    kind: 'one',
    of: 'manifest',
    digest: ID,
    name: 'acme/enc',
  });
  assert.deepEqual(bindingOf({ statement: about(manifest(ID), manifest(ID, 'acme/enc:2')) }).kind, 'one');
  assert.deepEqual(bindingOf({ statement: about(manifest(ID, '')) }), {
    kind: 'one',
    of: 'manifest',
    digest: ID,
    name: '',
  });
  assert.equal(kindOf(about(manifest(ID), manifest(ID, 'acme/other'))), 'ambiguous');
  assert.deepEqual(bindingOf({ statement: about(manifest(ID), manifest(OTHER)) }), {
    kind: 'ambiguous',
    digests: [ID, OTHER],
  });
});

test('without a kind it is what is at hand; a file is one by itself only', () => {
  assert.deepEqual(bindingOf({ statement: about(unsaid(ID)) }), {
    kind: 'one',
    of: 'unsaid',
    digest: ID,
    name: 'acme/enc',
  });
  assert.deepEqual(bindingOf({ statement: about(subject('file', 'x', FILE)) }), {
    kind: 'one',
    of: 'file',
    digest: FILE,
    name: 'x',
  });
  assert.equal(kindOf(about(unsaid(FILE, 'model.bin'), unsaid(ID)), FOLDER), 'one', 'the others may be its files');
  assert.equal(kindOf(about(unsaid(OTHER, 'x'), unsaid(ID)), FOLDER), 'ambiguous');
  assert.equal(kindOf(about(subject('file', 'x', FILE), subject('file', 'x', OTHER))), 'ambiguous');
});

test('what cannot bind is nothing; ambiguous only where something unread might have', () => {
  assert.equal(kindOf(about()), 'none');
  assert.equal(kindOf(about(subject('root', 'x', ROOT))), 'none');
  assert.equal(kindOf(about(subject('list', 'x', ROOT), subject('bom', 'x', OTHER))), 'none');
  assert.equal(kindOf(about({ name: 'x', digest: { blake3: ID } })), 'none');
  assert.equal(kindOf(about(strange)), 'ambiguous');
  assert.equal(kindOf(about({ ...strange, digest: { blake3: ID } })), 'none');
  assert.equal(kindOf(about(manifest(ID), strange)), 'ambiguous');
  assert.equal(kindOf(about(manifest(ID.toUpperCase()))), 'none');
  assert.equal(kindOf(about(manifest(ID), { name: 'x', digest: { sha512: ID } })), 'ambiguous');
});

test('beside the manifest: its root, and lists and files only in claims that may list them', () => {
  const root = subject('root', 'x', ROOT);
  assert.equal(kindOf(about(manifest(ID), root)), 'one', 'believed where nothing is at hand');
  assert.equal(
    kindOf(about(manifest(ID), root, subject('root', 'x', OTHER))),
    'ambiguous',
    'of two roots one is not its',
  );
  assert.equal(kindOf(about(manifest(ID), root), FOLDER), 'one');
  assert.equal(kindOf(about(manifest(ID), subject('root', 'x', OTHER)), FOLDER), 'ambiguous');
  for (const kind of ['list', 'bom', 'file'] as const) {
    const more = subject(kind, 'model.bin', FILE);
    assert.equal(kindOf(say(PREDICATES.bom, manifest(ID), more)), 'one', kind);
    assert.equal(kindOf(say(PREDICATES.revocation, manifest(ID), more)), 'one', kind);
    assert.equal(kindOf(about(manifest(ID), more)), 'ambiguous', kind);
  }
  assert.equal(kindOf(say(PREDICATES.bom, manifest(ID), subject('file', 'model.bin', FILE)), FOLDER), 'one');
  assert.equal(kindOf(say(PREDICATES.bom, manifest(ID), subject('file', 'model.bin', OTHER)), FOLDER), 'ambiguous');
  assert.equal(kindOf(say(PREDICATES.bom, manifest(ID), subject('file', 'other.bin', FILE)), FOLDER), 'ambiguous');
  assert.equal(kindOf(about(subject('file', 'x', FILE), manifest(OTHER))), 'ambiguous');
});

test('a single file has the root of itself', () => {
  const file = subject('file', 'x', FILE);
  assert.equal(kindOf(about(file, subject('root', 'x', omsRoot([FILE])))), 'one');
  assert.equal(kindOf(about(file, subject('root', 'x', ROOT))), 'ambiguous');
  assert.equal(kindOf(about(file, subject('root', 'x', ROOT)), { ...SINGLE, root: ROOT }), 'one', 'by what is at hand');
  assert.equal(kindOf(about(manifest(ID), subject('file', 'named otherwise', FILE)), SINGLE), 'one');
  assert.deepEqual([onlyFile(SINGLE), onlyFile(FOLDER), onlyFile({ id: SINGLE.id, single: true })], [FILE, null, null]);
});

test('rule 6: the artifact at hand, something else, or both at once', () => {
  const refused = (statement: Statement, artifact: MatchedArtifact, lone?: boolean): string => {
    try {
      checkBinding(statement, artifact, lone);
      return 'binds';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  assert.equal(refused(about(manifest(ID)), FOLDER), 'binds');
  assert.equal(refused(about(unsaid(ID)), FOLDER), 'binds');
  assert.equal(refused(about(unsaid(FILE, 'model.bin'), unsaid(ID)), FOLDER), 'binds', 'the others are its files');
  assert.equal(refused(about(subject('file', 'x', FILE)), SINGLE), 'binds');
  assert.equal(refused(about(unsaid(FILE)), SINGLE), 'binds');
  assert.equal(refused(about(subject('file', 'x', FILE)), FOLDER), 'subject-mismatch', 'one file of several');
  assert.equal(refused(about(subject('file', 'x', ID)), FOLDER), 'subject-mismatch', 'a file is no manifest');
  assert.equal(refused(about(manifest(FILE)), SINGLE), 'subject-mismatch', 'a manifest is no file');
  assert.equal(refused(about(manifest(OTHER)), FOLDER), 'subject-mismatch');
  assert.equal(refused(about(manifest(ID), manifest(OTHER)), FOLDER), 'subject-ambiguous');
  assert.equal(refused(about(manifest(OTHER), manifest(hex('2'))), FOLDER), 'subject-mismatch');
  assert.equal(refused(about(subject('file', 'x', FILE), subject('file', 'y', OTHER)), SINGLE), 'subject-ambiguous');
  assert.equal(refused(about(strange), FOLDER), 'claim-malformed');
  const renamed = say(PREDICATES.bom, manifest(OTHER), subject('file', 'x', FILE));
  assert.equal(refused(renamed, SINGLE, true), 'subject-ambiguous', 'a file by itself was renamed, perhaps');
  assert.equal(refused(renamed, SINGLE, false), 'subject-mismatch');
  assert.equal(
    refused(say(PREDICATES.bom, manifest(OTHER), subject('list', 'x', FILE)), SINGLE, true),
    'subject-mismatch',
  );
});

test('any id of an artifact at hand is read as the one that it goes by; a file of those digits is a file', () => {
  const known = new Map([ID, OTHER].map((id) => [id, FOLDER] as const));
  const read = (...subjects: readonly Subject[]) => bindingOf({ statement: about(...subjects) }, known);
  assert.deepEqual(read(manifest(OTHER)), { kind: 'one', of: 'manifest', digest: ID, name: 'acme/enc' });
  assert.equal(read(manifest(ID), manifest(OTHER)).kind, 'one');
  assert.deepEqual(read(unsaid(OTHER)), bindingOf({ statement: about(unsaid(ID)) }, known));
  assert.deepEqual(read(subject('file', 'x', OTHER)), bindingOf({ statement: about(subject('file', 'x', OTHER)) }));
});
