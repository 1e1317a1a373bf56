import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { subject } from '../../src/domain/claims/subjects.ts';
import { namedOtherwise } from '../../src/domain/trust/named-otherwise.ts';
import { signedName } from '../../src/domain/trust/verify-claim.ts';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { parseStatement } from '../../src/domain/claims/statement.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

/** Trust that is limited to names: the name is what the signer signed with this very artifact, and nothing else. */
const REFUSED = ['signer-untrusted'];
const codesOf = (found: readonly string[]) => [...new Set(found.map((each) => each.split(' ')[0]))];

test('an artifact signed as other/x is not trusted for acme/*, whatever lies beside it', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const mallory = await world.person('mallory');
  const limited = { ...anna.trust, for: 'acme/*' };
  const files = { 'a.bin': 'one', 'b.bin': 'two' };
  const root = await world.tree('x', files);
  await world.seal(root, anna, { name: 'other/x:1' });
  assert.deepEqual(codesOf(refusals(await world.verify(root, [limited]))), REFUSED);
  assert.deepEqual(refusals(await world.verify(root, [{ ...limited, for: 'other/*' }])), []);
  const claims = join(root, 'claims.jsonl');
  const own = await readFile(claims, 'utf8');
  const unsigned = async (name: string, by: typeof anna): Promise<string> => {
    const bom = own
      .split('\n')
      .map((line) => (line === '' ? null : parseStatement(parseBundle(Buffer.from(line)).payload)));
    const said = bom.find((statement) => statement?.predicateType === PREDICATES.bom);
    const subjects = (said?.subject ?? []).map((each) => (each.name === 'other/x:1' ? { ...each, name } : each));
    return Buffer.from(
      await by.signer.sign(buildStatement(subjects, PREDICATES.bom, { bomFormat: 'CycloneDX' })),
    ).toString();
  };
  // A stranger's line that names acme/foo, before and after; and one whose signature does not fit.
  const stranger = await unsigned('acme/foo:1', mallory);
  const broken = (await unsigned('acme/foo:1', anna)).replace(/"sig":"[^"]{8}/, '"sig":"MEUCIQDx');
  for (const text of [`${stranger}\n${own}`, `${own}${stranger}\n`, `${broken}\n${own}`, `${own}${broken}\n`]) {
    await writeFile(claims, text);
    assert.deepEqual(codesOf(refusals(await world.verify(root, [limited]))), REFUSED);
    // Also where the stranger is trusted for those names: it is not who signed the content.
    assert.deepEqual(
      codesOf(refusals(await world.verify(root, [limited, { ...mallory.trust, for: 'nobody/*' }]))),
      REFUSED,
    );
  }
});

test('the same bytes under other paths are another artifact: its name does not come along', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const limited = { ...anna.trust, for: 'acme/*' };
  const good = await world.tree('good', { 'a.bin': 'one', 'b.bin': 'two' });
  await world.seal(good, anna, { name: 'acme/foo:1' });
  assert.deepEqual(refusals(await world.verify(good, [limited])), []);
  // The same digests in the same order, so the same root.
  const other = await world.tree('other', { 'c.bin': 'one', 'd.bin': 'two' });
  await world.seal(other, anna, { name: 'other/x:1' });
  await appendFile(join(other, 'claims.jsonl'), await readFile(join(good, 'claims.jsonl')));
  assert.deepEqual(codesOf(refusals(await world.verify(other, [limited]))), REFUSED);
});

test('the name is that of the artifact, never of a file beside it; two names are none', () => {
  const statement = (subjects: Parameters<typeof buildStatement>[0]) =>
    parseStatement(buildStatement(subjects, PREDICATES.bom, {}));
  const id = 'a'.repeat(64);
  assert.equal(
    signedName(statement([subject('file', 'acme/foo', id), subject('manifest', 'other/x:1', id)])),
    'other/x',
  );
  assert.equal(
    signedName(statement([subject('manifest', 'other/x:1', id), subject('manifest', 'acme/foo:1', id)])),
    null,
  );
  assert.equal(signedName(statement([{ name: 'acme/foo:1.0', digest: { sha256: id } }])), 'acme/foo');
  assert.equal(signedName(statement([subject('root', 'acme/foo:1', id)])), 'acme/foo');
});

test('what nobody signed by the name it is asked for is told so, by the names it was signed by', () => {
  const id = 'a'.repeat(64);
  const named = (name: string, type: string = PREDICATES.bom) =>
    parseStatement(buildStatement([subject('manifest', name, id)], type, {}));
  const told = (...names: readonly string[]) =>
    namedOtherwise(
      names.map((name) => named(name)),
      'acme/foo',
    );
  assert.deepEqual(told('other/x:1'), [
    'signed as other/x, and asked for as acme/foo: whoever may push can give it any name',
  ]);
  assert.match(told('z/z', 'other/x:2', 'other/x:1', 'b/b', 'c/c').join(), /^signed as b\/b, c\/c, other\/x, and/);
  for (const quiet of [[], ['acme/foo:1'], ['other/x', 'acme/foo'], ['m'], ['foo:1']])
    assert.deepEqual(told(...quiet), []);
  assert.deepEqual(namedOtherwise([named('other/x', PREDICATES.evaluation)], 'acme/foo'), [], 'a BOM says what it is');
});
