import assert from 'node:assert/strict';
import { copyFile, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createUserVerifier } from '../../../src/adapters/sigstore/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf, type Verdict } from '../../../src/domain/base/verdict.ts';
import type { TrustEntry } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import type { Hasher } from '../../../src/domain/ports/hasher.ts';
import type { TimeMemory } from '../../../src/domain/ports/trust.ts';
import { signatureEvidence } from '../../../src/flows/verify/evidence.ts';
import { exportTo } from '../../../src/flows/verify/export.ts';
import { signedPairs } from '../../../src/flows/verify/signed-pairs.ts';
import { placeOf, type VerifyInput, type VerifyPorts } from '../../../src/flows/verify/verify.ts';
import { verifyPart } from '../../../src/flows/verify/part.ts';
import { claimsWorld, refusals } from '../claims-world.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const codes = (verdict: Pick<Verdict, 'checks'>) => findingsOf(verdict).map(({ code }) => code);

/** What others vouched for, before this run. */
function vouched(at: string): TimeMemory {
  return {
    newest: async () => Promise.resolve(Date.parse(at)),
    remember: async () => Promise.resolve(),
    forget: async () => Promise.resolve(false),
  };
}

async function sealed(t: TestContext, files: Readonly<Record<string, string>> = { 'w.bin': 'w', 'x.bin': 'x' }) {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', files);
  await world.seal(root, anna);
  const ports = (trust: readonly TrustEntry[], times?: TimeMemory): VerifyPorts => ({
    files: createFiles(),
    hasher: async () => createHasher(),
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    clock: { now: () => NOW },
    trust: async () => Promise.resolve(trust),
    timestampAuthorities: async () => Promise.resolve([]),
    keyless: async () => createUserVerifier(createFiles(), { XDG_CONFIG_HOME: world.folder }),
    ...(times === undefined ? {} : { times }),
  });
  return { world, anna, root, ports };
}

test('pairs of digests are those of whom the caller trusts, of the list that was signed, at a clock that holds', async (t) => {
  const { world, anna, root, ports } = await sealed(t);
  const mallory = await world.person('mallory');
  const ask = async (trust: readonly TrustEntry[], more: Partial<VerifyInput> = {}, times?: TimeMemory) =>
    signedPairs({ root, shown: 'm', ...more }, ports(trust, times));
  const pairs = await ask([anna.trust]);
  assert.deepEqual([...pairs.keys()].toSorted(), [sha256Hex('w'), sha256Hex('x')].toSorted());
  assert.match(pairs.get(sha256Hex('w')) ?? '', /^[0-9a-f]{64}$/);
  assert.equal((await ask([anna.trust], { name: 'acme/m' })).size, 2);
  assert.equal((await ask([anna.trust], {}, vouched('2026-11-19T00:00:00Z'))).size, 2);
  for (const [what, found] of [
    ['nobody is trusted', ask([])],
    ['a stranger is', ask([mallory.trust])],
    ['for other names', ask([{ ...anna.trust, for: 'acme/*' }])],
    ['the clock is behind', ask([anna.trust], {}, vouched('2026-12-24T00:00:00Z'))],
  ] as const)
    assert.equal((await found).size, 0, what);
  const signature = await readFile(join(root, 'model.sig'));
  await writeFile(join(root, 'model.sig'), '{}');
  assert.equal((await ask([anna.trust])).size, 0, 'its signature is torn');
  await writeFile(join(root, 'model.sig'), signature);
  await rm(join(root, 'claims.jsonl'));
  assert.equal((await ask([anna.trust])).size, 0, 'nobody claims the list');
  await rm(join(root, '.weighmark'), { recursive: true });
  assert.equal((await ask([anna.trust])).size, 0, 'there is no list');
});

test('a clock behind what others vouched for judges nothing', async (t) => {
  const { world, anna, root } = await sealed(t);
  const behind = await world.verify(root, [anna.trust], {}, { times: vouched('2026-12-24T00:00:00Z') });
  assert.deepEqual([codes(behind.verdict), behind.id, behind.claims], [['clock-behind'], null, []]);
});

test('by however many threads, and whichever digests are asked for, the verdict is the same', async (t) => {
  const { world, anna, root } = await sealed(t);
  const ways = [{}, { jobs: 1 }, { algorithm: 'sha256' }, { algorithm: 'all', jobs: 2 }] as const;
  const seen = await Promise.all(ways.map((way) => world.verify(root, [anna.trust], way)));
  assert.deepEqual(new Set(seen.map(({ id }) => id)).size, 1);
  for (const { verdict } of seen) assert.equal(verdict.exitCode, 0);
  await rm(join(root, 'model.sig'));
  for (const way of ways) {
    const byClaims = await world.verify(root, [anna.trust], way);
    assert.deepEqual([byClaims.verdict.exitCode, byClaims.signature, byClaims.id], [0, null, seen[0]?.id]);
  }
  await assert.rejects(world.verify(root, [anna.trust], { only: 'w.bin' }), { code: 'usage', message: /model\.sig/ });
  await writeFile(join(root, 'w.bin'), 'v');
  const changed = await world.verify(root, [anna.trust]);
  assert.deepEqual([codes(changed.verdict), changed.id], [['subject-mismatch'], null]);
});

test('a link is the folder that it leads to, and no file', async (t) => {
  const { world, root } = await sealed(t);
  const [folder, file, nothing] = ['folder', 'file', 'nothing'].map((name) => join(world.folder, name));
  await symlink(root, folder ?? '');
  await symlink(join(root, 'w.bin'), file ?? '');
  const files = createFiles();
  const place = (at = '') => placeOf({ root: at, shown: 'it' }, { files });
  assert.deepEqual(await place(folder), { root: await files.realPath(root), kind: 'directory' });
  assert.deepEqual(await place(join(root, 'w.bin')), { root: join(root, 'w.bin'), kind: 'file' });
  await assert.rejects(place(file), { code: 'usage' });
  await assert.rejects(place(nothing), { code: 'not-found' });
});

test('a signature among the claims counts under the name that was asked for as under any', async (t) => {
  const { world, anna, root } = await sealed(t);
  const claims = Buffer.concat([await readFile(join(root, 'claims.jsonl')), await readFile(join(root, 'model.sig'))]);
  await writeFile(join(root, 'claims.jsonl'), claims);
  await rm(join(root, 'model.sig'));
  for (const more of [{}, { name: 'acme/m' }]) {
    const { verdict, signature } = await world.verify(root, [anna.trust], more);
    assert.deepEqual([verdict.exitCode, signature !== null], [0, true]);
  }
  const limited = { ...anna.trust, for: 'acme/*' };
  assert.equal((await world.verify(root, [limited], { name: 'acme/m' })).verdict.exitCode, 0);
  assert.notEqual((await world.verify(root, [limited], { name: 'other/m' })).verdict.exitCode, 0);
});

test('trust for certain names counts for a name that is signed with these files under these paths', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const limited = { ...anna.trust, for: 'acme/*' };
  const ask = async (root: string, more = {}) => codes((await world.verify(root, [limited], more)).verdict);
  const [own, others, same] = await Promise.all(
    [{ 'a.bin': 'w' }, { 'a.bin': 'w' }, { 'b.bin': 'w' }].map((files, at) => world.tree(`m${at}`, files)),
  );
  assert.ok(own !== undefined && others !== undefined && same !== undefined);
  await world.seal(own, anna, { name: 'acme/m', tag: '1' } as never);
  await world.seal(others, anna, { name: 'other/m', tag: '1' } as never);
  assert.deepEqual([await ask(own), await ask(others)], [[], ['signer-untrusted']]);
  await world.sign(same, anna);
  await copyFile(join(own, 'claims.jsonl'), join(same, 'claims.jsonl'));
  assert.deepEqual(await ask(same), ['signer-untrusted'], 'the same bytes under another path');
  assert.deepEqual(codes((await world.verify(same, [limited, anna.trust])).verdict), []);
  assert.deepEqual(await ask(same, { name: 'acme/m' }), [], 'who asks by a name knows it');
});

test('what is not asked is said, and what is left out; what is wrong with the trust is thrown', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w', 'notes.txt': '', 'mine.txt': '' });
  await world.sign(root, anna, { ignore: ['notes.txt', 'gone.txt'] });
  const { verdict } = await world.verify(root, [anna.trust], { ignore: ['mine.txt', 'absent.txt'] });
  assert.deepEqual(verdict.notAsked, ['lineage', 'policy', 'scan', 'revocation', 'completeness']);
  assert.ok(verdict.notes.includes('left out by the signature: notes.txt'), verdict.notes.join());
  for (const code of ['trust-invalid', 'trust-unavailable', 'config-invalid', 'interrupted', 'usage'] as const) {
    const trust = async () => Promise.reject(new WeighmarkError(code, code));
    await assert.rejects(world.verify(root, [], {}, { trust }), { code });
  }
  const trust = async () => Promise.reject(new WeighmarkError('network', 'down'));
  assert.deepEqual(codes((await world.verify(root, [], {}, { trust })).verdict), ['network']);
});

test('of a signature under a root that nobody is named for it is said that any certificate would do', () => {
  const certificate = { kind: 'certificate', root: sha256Hex('root'), subject: 'CN=anna', sans: [] } as const;
  const key = { kind: 'key', fingerprint: sha256Hex('anna'), keyType: 'P-256' } as const;
  const anyone = { name: 'acme', anchor: { kind: 'certificate', pem: '' } };
  const named = { name: 'acme', anchor: { kind: 'certificate', pem: '', identity: 'anna@acme.example' } };
  const isSaid = (signer: object, trustedBy: readonly object[]): boolean =>
    signatureEvidence(
      {
        shown: 'model.sig',
        location: '',
        claim: { signer, times: [], bundle: sha256Hex('b') },
        trustedBy,
        manifest: { root: '', historic: false },
      } as never,
      'acme',
    )[0]?.what.endsWith(' (any certificate under this root)') === true;
  assert.deepEqual(
    [isSaid(certificate, [anyone]), isSaid(certificate, [anyone, named]), isSaid(certificate, [named])],
    [true, false, false],
  );
  assert.equal(isSaid(key, [anyone]), false);
  assert.equal(isSaid(certificate, [{ name: 'anna', anchor: { kind: 'key', pem: '' } }]), false);
});

test('by shards an empty file has none: it is said that nobody signed it', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  for (const [name, empty, words] of [
    ['one', { 'e.bin': '' }, '1 empty file,'],
    ['two', { 'e.bin': '', 'f.bin': '' }, '2 empty files,'],
  ] as const) {
    const root = await world.tree(name, { 'a.bin': '0123456789', ...empty });
    await world.sign(root, anna, { shardBytes: 5 });
    const { verdict, ids } = await world.verify(root, [anna.trust]);
    assert.equal(verdict.exitCode, 0);
    assert.ok(
      verdict.notes.some((note) => note.startsWith(words)),
      verdict.notes.join(),
    );
    assert.equal((await world.verify(root, [anna.trust], { algorithm: 'all' })).verdict.exitCode, 0);
    assert.ok(ids.length > 0);
  }
});

test('what is handed on is what was hashed: by shards it is copied now and held to its digest, and errors name the original', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'a.bin': 'abc' });
  const files = createFiles();
  let count = 0;
  const exported = (hash?: Hasher['hash']) => {
    const target = join(world.folder, `out-${(count += 1)}`);
    const hasher = async (): Promise<Hasher> => ({
      ...(await createHasher()),
      ...(hash === undefined ? {} : { hash }),
    });
    return { target, written: exportTo(target, { durable: false }, { files, stagings: createStagings(), hasher }) };
  };
  const location = join(root, 'a.bin');
  const file = (digests: object) => [{ path: 'a.bin', location, sizeBytes: 3, digests }];
  const whole = exported();
  await whole.written.publish(file({ sha256: sha256Hex('abc') }));
  assert.equal(await readFile(join(whole.target, 'a.bin'), 'utf8'), 'abc');
  for (const [digests, code] of [
    [{}, 'usage'],
    [{ sha256: sha256Hex('other') }, 'file-changed'],
  ] as const) {
    const { written, target } = exported();
    await assert.rejects(written.publish(file(digests)), { code });
    await written.discard();
    await assert.rejects(readFile(join(target, 'a.bin')));
  }
  const failing = async (fail: (at: string) => unknown) => {
    const { written } = exported(async ([job]) => {
      throw fail(job?.location ?? '');
    });
    const hashing = (await written.hasher()).hash([{ location }], { algorithms: ['sha256'] });
    return hashing.finally(() => written.discard());
  };
  await assert.rejects(
    failing((subject) => new WeighmarkError('file-changed', 'of a copy', { subject })),
    { code: 'file-changed', subject: location, message: `${location} changed while it was read` },
  );
  const of = new WeighmarkError('disk-full', 'of nothing there', { subject: 'elsewhere' });
  await assert.rejects(
    failing(() => of),
    of,
  );
  const other = new Error('broken');
  await assert.rejects(
    failing(() => other),
    other,
  );
});

test('a part of a file that is not there, or of one that nobody signed by BLAKE3, is not proven', async (t) => {
  const { world, anna, root, ports } = await sealed(t);
  const other = await world.tree('blake3', { 'w.bin': 'w', 'x.bin': 'x' });
  await world.sign(other, anna, { algorithm: 'blake3' });
  const own = await world.verify(other, [anna.trust], { only: 'w.bin#bytes=0-1' });
  assert.deepEqual([own.verdict.exitCode, own.verdict.scope, own.id], [0, 'partial', null]);
  const { signature } = await world.verify(root, [anna.trust]);
  assert.ok(signature !== null);
  const prove = (only: string, over: object = {}) =>
    verifyPart(
      { root, kind: 'directory', manifest: signature.manifest, pairs: null, allowSymlinks: false, only, ...over },
      ports([anna.trust]),
    );
  assert.equal(await prove('w.bin'), null, 'a whole file is no part');
  assert.equal(await prove('*.bin'), null, 'nor are several');
  await assert.rejects(prove('w.bin#bytes=0-1'), { code: 'usage', hint: /--only w\.bin/ });
  await assert.rejects(prove('y.bin#bytes=0-1'), { code: 'not-found' });
  await rm(join(other, 'w.bin'));
  const gone = await world.verify(other, [anna.trust], { only: 'w.bin#bytes=0-1' });
  assert.deepEqual(refusals(gone), ['file-missing w.bin']);
  await copyFile(join(root, 'w.bin'), join(other, 'w.bin'));
  const past = world.verify(other, [anna.trust], { only: 'w.bin#bytes=0-2' });
  await assert.rejects(past, { code: 'not-found' });
});
