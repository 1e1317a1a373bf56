import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { checkBinding } from '../../src/domain/claims/binding.ts';
import { subject, subjectsOf, type MatchedArtifact } from '../../src/domain/claims/subjects.ts';
import type { Statement, Subject } from '../../src/domain/claims/types.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

/** Rule 6: a claim binds by the manifest digest, or a single file's SHA-256; its other subjects must belong to the artifact. */
const ID = `sha256:${sha256Hex('manifest')}`;
const ROOT = sha256Hex('root');
const SHARED = sha256Hex('shared');
const ARTIFACT: MatchedArtifact = {
  id: ID,
  root: ROOT,
  files: new Map([
    ['tokenizer.json', SHARED],
    ['w.bin', sha256Hex('w')],
  ]),
};

function statement(subjects: readonly Subject[], predicateType: string = PREDICATES.evaluation): Statement {
  return { _type: 'https://in-toto.io/Statement/v1', subject: subjects, predicateType, predicate: {} };
}

const own = subjectsOf({ id: ID, root: ROOT, name: 'm' });
const bare = (sha256: string): Subject => ({ name: 'x', digest: { sha256 } });

test('rule 6: the id binds, with or without its kind', () => {
  checkBinding(statement(own), ARTIFACT);
  checkBinding(statement([bare(ID.slice(7))]), ARTIFACT);
  checkBinding(statement([...own, subject('file', 'tokenizer.json', SHARED)]), ARTIFACT);
});

test('rule 6: a root, or a file that others share, binds nothing', () => {
  for (const subjects of [
    [subject('root', 'm', ROOT)],
    [subject('file', 'tokenizer.json', SHARED)],
    [bare(SHARED)],
    [bare(ROOT)],
  ]) {
    assert.throws(() => checkBinding(statement(subjects), ARTIFACT), { code: 'subject-mismatch' });
  }
});

test('rule 6: a claim about this and something else is ambiguous', () => {
  for (const more of [
    subject('manifest', 'other', sha256Hex('other')),
    bare(sha256Hex('other')),
    subject('root', 'm', sha256Hex('other')),
    subject('file', 'tokenizer.json', sha256Hex('other')),
    subject('list', 'l', sha256Hex('l')),
  ]) {
    assert.throws(
      () => checkBinding(statement([...own, more]), ARTIFACT),
      { code: 'subject-ambiguous' },
      JSON.stringify(more),
    );
  }
});

test('rule 6: a single file is named by its own SHA-256, as other tools claim it', () => {
  const single = { id: ID, files: new Map([['w.bin', SHARED]]), single: true };
  checkBinding(statement([bare(SHARED)]), single);
  assert.throws(() => checkBinding(statement([bare(sha256Hex('w'))]), single), { code: 'subject-mismatch' });
});

test('rule 6: a digest counts only as what its kind says', () => {
  assert.throws(() => checkBinding(statement([subject('file', 'm', ID.slice(7))]), ARTIFACT), {
    code: 'subject-mismatch',
  });
  assert.throws(() => checkBinding(statement([subject('root', 'm', ID.slice(7))]), ARTIFACT), {
    code: 'subject-mismatch',
  });
});

test('rule 7: a claim that names only BLAKE3 binds nothing', () => {
  assert.throws(() => checkBinding(statement([{ digest: { blake3: ID.slice(7) } }]), ARTIFACT), {
    code: 'subject-mismatch',
  });
});

test('rule 6: verify reports an ambiguous claim by a trusted signer, and ignores one about something else', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights' });
  const sealed = await world.seal(root, anna);
  const say = async (subjects: readonly Subject[]) =>
    appendFile(
      join(root, 'claims.jsonl'),
      `${Buffer.from(await anna.signer.sign(buildStatement(subjects, PREDICATES.evaluation, { result: 'PASSED', configuration: [] }))).toString()}\n`,
    );
  await say([bare(sha256Hex('something else'))]);
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await say([...subjectsOf({ ...sealed, name: 'm' }), bare(sha256Hex('something else'))]);
  assert.deepEqual(
    refusals(await world.verify(root, [anna.trust])).map((line) => line.split(' ')[0]),
    ['subject-ambiguous'],
  );
});
