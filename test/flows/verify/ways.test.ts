import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createUserVerifier } from '../../../src/adapters/sigstore/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf, passedCheck, verdictOf, type Verdict } from '../../../src/domain/base/verdict.ts';
import type { TrustEntry } from '../../../src/domain/claims/types.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { idsOf } from '../../../src/domain/digest/manifest.ts';
import type { HashJob, Hasher } from '../../../src/domain/ports/hasher.ts';
import type { TimeMemory } from '../../../src/domain/ports/trust.ts';
import { signatureEvidence } from '../../../src/flows/verify/evidence.ts';
import { exportTo } from '../../../src/flows/verify/export.ts';
import { fileSignatureCheck, withFileSignatures } from '../../../src/flows/verify/file-signatures.ts';
import { identified } from '../../../src/flows/verify/pairs.ts';
import { signedPairs } from '../../../src/flows/verify/signed-pairs.ts';
import { placeOf, type VerifyInput, type VerifyPorts } from '../../../src/flows/verify/verify.ts';
import { verifyPart } from '../../../src/flows/verify/part.ts';
import { LOOKED_FOR, LOOKED_FOR_FILE } from '../../../src/flows/content/sidecars.ts';
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

test('how files are read is told to whoever hashes them', async (t) => {
  const { world, anna, root } = await sealed(t);
  const real = await createHasher();
  const seen = async (trust: readonly TrustEntry[], more: Partial<VerifyInput>, place = root) => {
    const how: unknown[] = [];
    const { signal } = new AbortController();
    const hash: Hasher['hash'] = (jobs, options) => {
      how.push([options.jobs, options.signal !== undefined, jobs[0]?.followLink === true]);
      return real.hash(jobs, options);
    };
    const ports = { signal, hasher: async () => Promise.resolve({ ...real, hash }) };
    assert.equal((await world.verify(place, trust, more, ports)).verdict.exitCode, 0);
    return how;
  };
  assert.deepEqual(await seen([anna.trust], {}), [[undefined, true, false]]);
  assert.deepEqual(await seen([anna.trust], { jobs: 3 }), [[3, true, false]]);
  assert.deepEqual(await seen([anna.trust], { jobs: 3, algorithm: 'all' }), [[3, true, false]]);
  await rm(join(root, 'model.sig'));
  assert.deepEqual(await seen([anna.trust], {}), [[undefined, true, false]], 'by claims alone');
  assert.deepEqual(await seen([anna.trust], { jobs: 2 }), [[2, true, false]], 'by claims alone');
  const linked = await world.tree('linked', { 'w.bin': '0123', 'l.bin': '-> w.bin' });
  await world.sign(linked, anna, { algorithm: 'blake3', allowSymlinks: true });
  const part = { only: 'l.bin#bytes=0-2', allowSymlinks: true };
  assert.deepEqual(await seen([anna.trust], part, linked), [[undefined, true, true]]);
  const other = await world.tree('other', { 'w.bin': '0123' });
  await world.sign(other, anna, { algorithm: 'blake2b' });
  const algorithms = async (place: string) =>
    (await world.verify(place, [anna.trust], { algorithm: 'all' })).verdict.checks[0]?.evidence[0]?.data?.[
      'algorithms'
    ];
  assert.deepEqual(await algorithms(other), ['sha256', 'blake3', 'blake2b']);
  await world.sign(linked, anna, { shardBytes: 2, allowSymlinks: true });
  const { notes } = (await world.verify(linked, [anna.trust], { allowSymlinks: true })).verdict;
  assert.ok(notes.includes('symbolic links were followed inside the folder'), notes.join());
  assert.deepEqual(await algorithms(linked), ['sha256', 'blake3']);
});

test('by claims alone whoever else signed is said; under a policy nothing in the folder is passed over', async (t) => {
  const { world, anna, root } = await sealed(t);
  await rm(join(root, 'model.sig'));
  const ask = (more = {}) => world.verify(root, [anna.trust], more);
  const line = Buffer.from(await readFile(join(root, 'claims.jsonl')));
  const mallory = await world.person('mallory');
  const said = buildStatement([subject('manifest', 'm', sha256Hex('x'))], PREDICATES.evaluation, {});
  await writeFile(join(root, 'claims.jsonl'), Buffer.concat([line, await mallory.signer.sign(said)]));
  const { notes } = (await ask()).verdict;
  assert.ok(
    notes.some((note) => / of \d+ claims are not by anyone trusted, and were ignored$/.test(note)),
    notes.join(),
  );
  assert.equal((await ask({ underPolicy: true })).verdict.exitCode, 0);
  await mkdir(join(root, '.dvc/tmp'), { recursive: true });
  await writeFile(join(root, '.dvc/tmp/lock'), '');
  assert.deepEqual(codes((await ask()).verdict), []);
  assert.notDeepEqual(codes((await ask({ underPolicy: true })).verdict), []);
});

test('a claim by the digest of a file is of that file, and of no folder that holds others', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w', 'x.bin': 'x' });
  const said = buildStatement([subject('file', 'w.bin', sha256Hex('w'))], PREDICATES.evaluation, {});
  const claim = await anna.signer.sign(said);
  for (const name of ['claims.jsonl', 'w.bin.claims.jsonl', 'x.bin.claims.jsonl'])
    await writeFile(join(root, name), claim);
  const ask = async (place: string) => codes((await world.verify(place, [anna.trust])).verdict);
  assert.deepEqual(await ask(join(root, 'w.bin')), []);
  assert.deepEqual(await ask(join(root, 'x.bin')), ['subject-mismatch']);
  assert.deepEqual(await ask(root), ['subject-mismatch']);
});

test('signatures of a file: what agrees is evidence, what lies under its name and differs refuses, others are of others', () => {
  const key = { kind: 'key', fingerprint: sha256Hex('anna'), keyType: 'P-256' };
  const times = [{ source: 'rfc3161', time: '2026-11-19T10:00:00Z', authority: 'tsa' }];
  const one = (sha256: string, location: string, dated: readonly object[] = []) => ({
    shown: location,
    location,
    bundle: sha256Hex(location),
    sha256,
    signer: key,
    times: dated,
    trustedBy: [{ name: 'anna', anchor: { kind: 'key', pem: '' } }],
  });
  const [w, x] = [sha256Hex('w'), sha256Hex('x')];
  const file = { path: 'w.bin', location: '/m/w.bin', sizeBytes: 1, digests: { sha256: w } };
  const judged = (...trusted: readonly object[]) => ({ trusted, refusals: [] }) as never;
  const check = fileSignatureCheck(judged(one(w, 'a'), one(w, 'b', times), one(x, 'c')), w, file);
  assert.deepEqual([check.passed, codes({ checks: [check] })], [false, ['digest-mismatch']]);
  assert.deepEqual(
    check.evidence.map(({ what }) => what.replace(/key SHA256:\S+/, 'key')),
    [
      'a by anna, key this file, under no name',
      'b by anna, key this file, under no name, signed 2026-11-19 10:00 UTC, says tsa',
    ],
  );
  const before = {
    verdict: verdictOf({ subject: 'm', checks: [passedCheck('content', [{ what: 'read' }])] }),
    files: [file],
    by: 'anna',
    id: 'it',
  } as never;
  const after = (...trusted: readonly object[]) => {
    const { verdict, id } = withFileSignatures(before, '/m/w.bin', judged(...trusted));
    return [verdict.checks.slice(1).map(({ name, passed }) => `${name} ${String(passed)}`), id];
  };
  assert.deepEqual(after(), [[], 'it']);
  assert.deepEqual(after(one(w, '/m/other.sigstore')), [['file-signature true'], 'it']);
  assert.deepEqual(after(one(x, '/m/w.bin.sigstore')), [['file-signature false'], null]);
  assert.deepEqual(after(one(x, '/m/other.sigstore')), [[], 'it'], 'of a neighbour');
});

test('an artifact is identified by SHA-256 alone, or by the signed list where BLAKE3 held it to that', () => {
  const file = (path: string, digests: object = { sha256: sha256Hex(path) }) => ({
    path,
    location: `/m/${path}`,
    sizeBytes: 1,
    sha256: sha256Hex(path),
    digests,
  });
  const found = (files: readonly object[], algorithms: readonly string[], listIds?: readonly string[]) =>
    identified({ files, algorithms } as never, listIds, { claims: [], knownAs: ['sha256:known'] });
  const [a, b] = [file('a'), file('b')];
  const own = found([a, b], ['sha256']);
  assert.deepEqual(own?.ids, [...idsOf([a, b]), 'sha256:known']);
  assert.deepEqual(
    [own?.id, own?.root],
    [own?.ids[0], found([b, a], ['sha256'])?.root],
    'in whichever order they come',
  );
  assert.equal(found([a, file('c', { blake3: sha256Hex('c') })], ['blake3']), null);
  for (const [algorithms, listed, isList] of [
    [['blake3'], ['sha256:list'], true],
    [['blake3'], undefined, false],
    [['sha256', 'blake3'], ['sha256:list'], false],
    [['sha256'], ['sha256:list'], false],
  ] as const)
    assert.equal(found([a, b], algorithms, listed)?.id, isList ? 'sha256:list' : own?.id, algorithms.join());
});

test('of what nobody signed: the records of DVC and wandb that lie among the files, and where it may be signed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const md5 = (text: string, as: 'hex' | 'base64') => createHash('md5').update(text).digest(as);
  const dvc = (text: string) => `outs:\n- md5: ${md5(text, 'hex')}\n  size: 1\n  hash: md5\n  path: w.bin\n`;
  const root = await world.tree('m', { 'w.bin': 'w', 'w.bin.dvc': dvc('w'), 'torn.dvc': '{' });
  const ask = async (place = root, more = {}, ports = {}) =>
    (await world.verify(place, [anna.trust], more, ports)).verdict;
  assert.deepEqual((await ask()).claimed.map(({ what }) => what).slice(1), ['1 of 3 files match what DVC recorded']);
  await writeFile(join(root, 'w.bin.dvc'), dvc('other'));
  assert.deepEqual(codes(await ask()), ['nothing-to-verify', 'download-conflict']);
  const contents = { 'w.bin': { digest: md5('w', 'base64'), size: 1 } };
  const manifest = JSON.stringify({ version: 1, storagePolicy: 'wandb-storage-policy-v1', contents });
  const wandb = await world.tree('wandb', { 'w.bin': 'w', 'manifest.json': manifest });
  assert.match((await ask(wandb)).claimed.map(({ what }) => what).join('\n'), /1 of 2 files match what .* recorded/);
  const files = createFiles();
  const gone: typeof files.readIfThere = async (at, limit) =>
    at.endsWith('.dvc') ? Promise.reject(new Error('the disk is gone')) : files.readIfThere(at, limit);
  const unreadable = await ask(root, {}, { files: { ...files, readIfThere: gone } });
  assert.match(unreadable.claimed.map(({ what }) => what).join(), /^its files cannot be listed: /);
  const linked = await world.tree('linked', { 'w.bin': 'w', 'l.bin': '-> w.bin' });
  const first = async (more: object) => (await ask(linked, more)).claimed[0]?.what;
  assert.match((await first({})) ?? '', /^its files cannot be listed: /);
  assert.match((await first({ allowSymlinks: true })) ?? '', /^2 files, /);
  const looked = async (place: string) => findingsOf(await ask(place))[0]?.message ?? '';
  assert.ok((await looked(root)).endsWith(`(looked for ${LOOKED_FOR})`));
  assert.ok((await looked(join(root, 'w.bin'))).endsWith(`(looked for ${LOOKED_FOR_FILE})`));
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
  await assert.rejects(place(nothing), { code: 'not-found', message: /there is no such file or folder$/ });
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
  const two = await world.verify(others, [limited, { ...limited, name: 'anna of others', for: 'other/*' }]);
  assert.deepEqual(new Set(two.signature?.trustedBy.map(({ name }) => name)), new Set(['anna of others']));
  await world.sign(same, anna);
  await copyFile(join(own, 'claims.jsonl'), join(same, 'claims.jsonl'));
  assert.deepEqual(await ask(same), ['signer-untrusted'], 'the same bytes under another path');
  assert.deepEqual(codes((await world.verify(same, [limited, anna.trust])).verdict), []);
  const [id = ''] = idsOf([{ path: 'b.bin', sizeBytes: 1, sha256: sha256Hex('w') }]);
  const said = buildStatement([subject('manifest', 'acme/m', id.slice('sha256:'.length))], PREDICATES.evaluation, {});
  const evaluated = Buffer.concat([await readFile(join(same, 'claims.jsonl')), await anna.signer.sign(said)]);
  await writeFile(join(same, 'claims.jsonl'), evaluated);
  assert.deepEqual(await ask(same), ['signer-untrusted'], 'another claim of these files names nothing');
  assert.deepEqual(await ask(same, { name: 'acme/m' }), [], 'who asks by a name knows it');
});

test('beside a signature that counts a stranger’s is a note, and a broken one refuses', async (t) => {
  const world = await claimsWorld(t);
  const [anna, mallory] = [await world.person('anna'), await world.person('mallory')];
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.sign(root, anna);
  await world.sign(root, mallory, { signature: join(root, 'mallory.oms.sig'), ignore: ['model.sig'] });
  const ask = () => world.verify(root, [anna.trust], { ignore: ['mallory.oms.sig', 'torn.oms.sig'] });
  assert.deepEqual(refusals(await ask()), []);
  await writeFile(join(root, 'torn.oms.sig'), '{}');
  const { verdict } = await ask();
  assert.deepEqual(
    [codes(verdict).length, codes(verdict).includes('signer-untrusted')],
    [1, false],
    codes(verdict).join(),
  );
});

test('of a signature no name counts but one that its signer signed in an ML-BOM of the same content', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.sign(root, anna);
  const signature = await readFile(join(root, 'model.sig'));
  const ask = async (only: string) => codes((await world.verify(root, [{ ...anna.trust, for: only }])).verdict);
  const content = omsRoot([sha256Hex('w')]);
  const [id = ''] = idsOf([{ path: 'w.bin', sizeBytes: 1, sha256: sha256Hex('w') }]);
  const subjects = [subject('manifest', 'acme/m', id.slice('sha256:'.length)), subject('root', 'acme/m', content)];
  const about = (type: string) => anna.signer.sign(buildStatement(subjects, type, {}));
  await writeFile(join(root, 'claims.jsonl'), await about(PREDICATES.evaluation));
  assert.deepEqual(await ask('acme/*'), ['signer-untrusted'], 'an evaluation names nothing');
  await writeFile(join(root, 'claims.jsonl'), await about(PREDICATES.bom));
  assert.deepEqual(await ask('acme/*'), []);
  await rm(join(root, 'model.sig'));
  await writeFile(join(root, 'claims.jsonl'), signature);
  assert.deepEqual(await ask('*'), ['signer-untrusted'], 'the folder that it names is no name');
  const part = await world.verify(root, [{ ...anna.trust, for: '*' }], { only: 'w.bin' });
  assert.deepEqual(codes(part.verdict), ['signer-untrusted'], 'nor of a part of it');
});

test('what was signed can be asked for whole, though its text is let go; a signature inside is no part of what it signs', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'a.bin': '0123456789', 'b.bin': 'b' });
  for (const how of [{}, { shardBytes: 5 }, { algorithm: 'blake3' }] as const) {
    await world.sign(root, anna, how);
    const { signature } = await world.verify(root, [anna.trust]);
    const signed = parseStatement(parseBundle(await readFile(join(root, 'model.sig'))).payload).predicate;
    assert.deepEqual(signature?.claim.statement.predicate['resources'], signed['resources'], JSON.stringify(how));
  }
  await rm(join(root, 'model.sig'));
  const [inside, outside] = [join(root, 'own.sig'), join(world.folder, 'm.own.sig')];
  for (const place of [outside, inside]) {
    await world.sign(root, anna, { signature: place });
    assert.deepEqual(refusals(await world.verify(root, [anna.trust], { signature: place })), [], place);
    await rm(place);
  }
  await world.sign(root, anna, { signature: outside });
  await rename(outside, inside);
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { signature: inside })), [], 'it does not say so');
});

test('files are hashed ahead where a list and claims are there, as many as are signed', async (t) => {
  const { world, anna, root } = await sealed(t);
  const hashed = async (more = {}) => {
    world.hashed.length = 0;
    const { verdict } = await world.verify(root, [anna.trust], more);
    assert.equal(verdict.exitCode, 0);
    return [...world.hashed];
  };
  assert.deepEqual(await hashed(), ['blake3 2 files']);
  await writeFile(join(root, 'more.bin'), 'more');
  assert.deepEqual(await hashed({ ignoreUnsignedFiles: true }), ['blake3 2 files']);
  await rm(join(root, 'more.bin'));
  await rm(join(root, 'claims.jsonl'));
  assert.deepEqual(await hashed(), ['sha256 2 files']);
});

test('what is not asked is said, and what is left out; what is wrong with the trust is thrown', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w', 'notes.txt': '', 'mine.txt': '' });
  await world.sign(root, anna, { ignore: ['notes.txt', 'gone.txt'] });
  const { verdict } = await world.verify(root, [anna.trust], { ignore: ['mine.txt', 'absent.txt'] });
  assert.deepEqual(verdict.notAsked, ['lineage', 'policy', 'scan', 'revocation', 'completeness']);
  assert.ok(verdict.notes.includes('left out by the signature: notes.txt'), verdict.notes.join());
  await writeFile(join(root, 'claims.jsonl'), '{"rfc3161":1}');
  const timestampAuthorities = async () => Promise.reject(new Error('nobody is trusted: nobody is asked'));
  assert.deepEqual(codes((await world.verify(root, [], {}, { timestampAuthorities })).verdict), ['trust-missing']);
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
  await symlink('a.bin', join(root, 'l.bin'));
  const through = async (followLink: boolean) => {
    const jobs: HashJob[] = [];
    const real = await createHasher();
    const { written } = exported((given, how) => (jobs.push(...given), real.hash(given, how)));
    const job = { location: join(root, 'l.bin'), followLink, outboardTo: join(world.folder, 'l.obao4') };
    await (await written.hasher()).hash([job], { algorithms: ['blake3'] }).finally(() => written.discard());
    return jobs.map(({ followLink: link, outboardTo }) => [link, outboardTo]);
  };
  assert.deepEqual(await through(true), [[undefined, join(world.folder, 'l.obao4')]], 'a copy is no link');
  await assert.rejects(through(false));
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
