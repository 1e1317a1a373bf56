import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { anchorKey } from '../../../src/domain/authority/time.ts';
import { splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { buildDerivation } from '../../../src/domain/claims/derivation.ts';
import { buildOms } from '../../../src/domain/claims/oms.ts';
import { buildPackageStep } from '../../../src/domain/claims/package-step.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildProvenance } from '../../../src/domain/claims/provenance.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { Signer, Subject, TrustEntry } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { idsOf } from '../../../src/domain/digest/manifest.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf, type Verdict } from '../../../src/domain/base/verdict.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import type { HashJob } from '../../../src/domain/ports/hasher.ts';
import { FoundList } from '../../../src/flows/content/found.ts';
import { refuseUnknownBeside } from '../../../src/flows/verify/beside.ts';
import type { TrustedClaim } from '../../../src/flows/verify/bundles.ts';
import { bindClaims, requireBound, type KnownArtifact } from '../../../src/flows/verify/claims.ts';
import { judgeClock } from '../../../src/flows/verify/clock.ts';
import { compare } from '../../../src/flows/verify/compare.ts';
import { exportTo } from '../../../src/flows/verify/export.ts';
import { hashAhead } from '../../../src/flows/verify/hash-signed.ts';
import { idSaid } from '../../../src/flows/verify/pairs.ts';
import { verifyWeights } from '../../../src/flows/verify/weights.ts';
import { NOW, people, signBundle } from '../../domain/policy/world.ts';
import { AUTHORITY_PEM, datedSigner } from '../gate-world.ts';
import { claimsWorld, refusals } from '../claims-world.ts';

const messages = (verdict: Pick<Verdict, 'checks'>) =>
  findingsOf(verdict).map(({ code, message }) => `${code}: ${message}`);
const evidenceOf = ({ checks }: Verdict, name: string) =>
  checks.find((check) => check.name === name)?.evidence.map(({ what }) => what);

/** A folder that Anna signed. */
async function signed(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  how: 'sign' | 'seal' = 'sign',
) {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', files);
  await world[how](root, anna);
  return { world, anna, root, verify: (more = {}, ports = {}) => world.verify(root, [anna.trust], more, ports) };
}

test('under a policy the sidecar folder holds what weighmark writes there, and nothing else', async (t) => {
  const { world, root, verify } = await signed(t, { 'w.bin': 'w' }, 'seal');
  const place = (name: string) => join(root, '.weighmark', name);
  const asked = async () => refusals(await verify({ underPolicy: true }));
  assert.deepEqual(await asked(), []);
  await mkdir(place('outboards'));
  await writeFile(place('outboards/w.bin.obao4'), '');
  assert.deepEqual(await asked(), []);
  const refuses = async (name: string, change: () => Promise<unknown>) => {
    await change();
    assert.deepEqual(await asked(), [`file-unsigned ${place(name)}`], name);
    await rm(place(name), { recursive: true });
  };
  await refuses('notes', () => writeFile(place('notes'), ''));
  await refuses('outboards/w.bin', () => writeFile(place('outboards/w.bin'), ''));
  await refuses('outboards/x.obao4', () => mkdir(place('outboards/x.obao4')));
  await rm(place('outboards'), { recursive: true });
  await refuses('outboards', () => writeFile(place('outboards'), ''));
  const bare = await world.tree('bare', { 'w.bin': 'w', '.weighmark': 'a file' });
  await assert.rejects(refuseUnknownBeside({ root: bare, kind: 'directory' }, createFiles()), {
    code: 'file-unsigned',
    subject: join(bare, '.weighmark'),
  });
});

test('trust that is limited to names is that of the signer alone, and for a name signed with this very content', async (t) => {
  const { world, anna, root } = await signed(t, { 'w.bin': 'w' });
  const bert = await world.person('bert');
  const limited: TrustEntry = { ...anna.trust, for: 'acme/*' };
  const NOTHING_SIGNED =
    'signer-untrusted: the signer is trusted for certain names only, and none of them is signed with this content';
  assert.deepEqual(messages((await world.verify(root, [limited, bert.trust])).verdict), [NOTHING_SIGNED]);
  const other = await world.tree('other', { 'x.bin': 'x' });
  await world.seal(other, anna, { name: 'acme/m', tag: '1' } as never);
  await copyFile(join(other, 'claims.jsonl'), join(root, 'claims.jsonl'));
  assert.deepEqual(messages((await world.verify(root, [limited])).verdict), [NOTHING_SIGNED]);
});

test('a stranger’s signature is a note beside one that counts, and the refusal where none does', async (t) => {
  const { world, anna, root } = await signed(t, { 'w.bin': 'w' });
  const mallory = await world.person('mallory');
  const alone = await world.verify(root, [mallory.trust]);
  assert.deepEqual([refusals(alone), alone.verdict.notes], [['signer-untrusted model.sig'], []]);
  await world.sign(root, mallory, { signature: join(root, 'mallory.oms.sig'), ignore: ['model.sig'] });
  const both = await world.verify(root, [anna.trust], { ignore: ['mallory.oms.sig'] });
  assert.match(both.verdict.notes.join('\n'), /^mallory\.oms\.sig is by someone else, and was not looked at: /m);
});

/** Claims as they are after judging, about an artifact of these files. */
function bound(files: Readonly<Record<string, string>>) {
  const list = Object.entries(files).map(([path, text]) => ({ path, sizeBytes: text.length, sha256: sha256Hex(text) }));
  const [id = ''] = idsOf(list);
  const root = omsRoot(list.map(({ sha256 }) => sha256));
  const known: KnownArtifact = { id, ids: [id], root, single: false, files: list };
  const none = {
    signatures: [],
    claims: [],
    fileSignatures: [],
    digestList: null,
    weights: null,
    bom: null,
    records: null,
  };
  const signer: Signer = { kind: 'key', fingerprint: sha256Hex('anna'), keyType: 'P-256' };
  const claim = (
    type: string,
    predicate: object,
    subjects: readonly Subject[] = [subject('manifest', 'm', id.slice(7))],
  ): TrustedClaim => ({
    shown: 'claims.jsonl',
    location: '',
    bytes: Buffer.of(),
    claim: {
      bundle: sha256Hex(type),
      pae: '',
      statement: parseStatement(buildStatement(subjects, type, { ...predicate })),
      signer,
      times: [],
    },
    trustedBy: [{ name: 'anna', anchor: { kind: 'key', pem: '' } }],
  });
  const bind = (claims: readonly TrustedClaim[], sidecars: Partial<typeof none> | object = {}) =>
    bindClaims(claims, known, { ...none, ...sidecars });
  return { id, bind, claim, manifest: subject('manifest', 'm', id.slice(7)) };
}

test('a claim by the digest of a file binds the artifact that is that file alone', () => {
  const about = [subject('file', 'a.bin', sha256Hex('a'))];
  const alone = bound({ 'a.bin': 'a' });
  assert.equal(alone.bind([alone.claim(PREDICATES.evaluation, {}, about)]).claims.length, 1);
  const two = bound({ 'a.bin': 'a', 'b.bin': 'b' });
  assert.equal(two.bind([two.claim(PREDICATES.evaluation, {}, about)]).claims.length, 0);
});

test('lists beside the artifact are held to BOM claims; to one by nobody trusted they are of a later seal', () => {
  const { bind, claim, manifest } = bound({ 'a.bin': 'a' });
  const list = Buffer.from('list');
  const named = (text: string) => [manifest, subject('list', '.weighmark/files', sha256Hex(text))];
  const asked = (claims: readonly TrustedClaim[], sidecars: object = {}) => {
    const { findings, notes } = bind(claims, { digestList: new FoundList(list), ...sidecars });
    return [...findings.map(({ code, subject: of }) => `${code} ${of}`), ...notes];
  };
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, named('list'))]), []);
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, named('other'))]), ['digest-mismatch .weighmark/files']);
  const asBom = [...named('other'), subject('bom', 'x', sha256Hex('list'))];
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, asBom)]), ['digest-mismatch .weighmark/files'], 'no list');
  assert.deepEqual(
    asked([claim(PREDICATES.revocation, {}, named('other'))]),
    [],
    'a revocation names by what it is known',
  );
  const by = (subjects: readonly Subject[], type: string = PREDICATES.bom) => [
    { shown: '', location: '', bytes: signBundle('mallory', buildStatement(subjects, type, {})) },
  ];
  const records = { digestList: null, records: Buffer.from('roots') };
  const indexed = (text: string) => [manifest, subject('list', '.weighmark/records', sha256Hex(text))];
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, named('list'))], records), [], 'indexed after it was sealed');
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, indexed('roots'))], records), []);
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, indexed('other'))], records), [
    'digest-mismatch .weighmark/records',
  ]);
  const LATER = ['.weighmark/files is of a later seal by somebody nobody trusts here, and was not used'];
  assert.deepEqual(asked([claim(PREDICATES.bom, {}, named('other'))], { claims: by(named('list')) }), LATER);
  for (const theirs of [
    by(named('third')),
    by(named('list'), PREDICATES.evaluation),
    by([manifest, subject('bom', 'x', sha256Hex('list'))]),
    [{ shown: '', location: '', bytes: Buffer.from('torn') }],
  ])
    assert.deepEqual(asked([claim(PREDICATES.bom, {}, named('other'))], { claims: theirs }), [
      'digest-mismatch .weighmark/files',
    ]);
});

test('an edit of documentation leads back to the id before it; one that hides more is a finding', () => {
  const after = { 'a.bin': 'a', 'README.md': 'edited' };
  const listed = (files: Readonly<Record<string, string>>) =>
    Object.entries(files).map(([path, text]) => ({ path, sizeBytes: text.length, sha256: sha256Hex(text) }));
  const { bind, claim } = bound(after);
  const step = buildPackageStep(listed({ 'a.bin': 'a', 'README.md': 'before' }), listed(after));
  const { packagedFrom, notes, findings } = bind([claim(PREDICATES.provenance, step ?? {})]);
  const [before = ''] = packagedFrom;
  assert.deepEqual([packagedFrom.length, findings], [1, []]);
  assert.deepEqual(notes, [`only its documentation differs from ${before}, recomputed`]);
  const other = bound({ 'a.bin': 'changed', 'README.md': 'edited' });
  const wrong = other.bind([other.claim(PREDICATES.provenance, step ?? {})]);
  assert.deepEqual(
    [wrong.packagedFrom, wrong.findings.map(({ code, subject: of }) => `${code} ${of}`)],
    [[], ['claim-conflict claims.jsonl']],
  );
  assert.deepEqual(wrong.notes, []);
});

test('what a download tool recorded of signed files is compared with what was signed, and said', async (t) => {
  const record = (etag: string) => `${'a'.repeat(40)}\n${etag}\n1700000000.0\n`;
  const { root, verify } = await signed(t, {
    'w.bin': 'weights',
    '.cache/huggingface/download/w.bin.metadata': record(sha256Hex('weights')),
  });
  const notes = async () => (await verify()).verdict.notes.filter((each) => each.includes('recorded'));
  assert.deepEqual(await notes(), ['1 file matches what a download tool recorded']);
  await writeFile(join(root, '.cache/huggingface/download/w.bin.metadata'), record(sha256Hex('other')));
  assert.deepEqual(await notes(), ['download-conflict: w.bin: signed as here, recorded otherwise by a download tool']);
  assert.equal((await verify()).verdict.exitCode, 0);
  await writeFile(join(root, '.cache/huggingface/download/w.bin.metadata'), record('a'.repeat(40)));
  assert.deepEqual(await notes(), [], 'a blob of Git is no SHA-256');
});

test('a conversion that nobody recomputed is said to be its signer’s word; what loading fetches, too', () => {
  const { bind, claim } = bound({ 'a.bin': 'a' });
  const parent = sha256Hex('parent');
  const step = claim(
    PREDICATES.provenance,
    buildProvenance({
      step: 'quantize',
      inputs: [{ role: 'base-model', name: 'acme/base', id: `sha256:${parent}` }],
      parameters: {},
    }),
  );
  const shown = (sha256: string) =>
    claim(
      PREDICATES.derivation,
      buildDerivation({
        step: 'quantize',
        word: 'equal',
        parents: [{ name: 'p', sha256 }],
        tensors: {},
        materials: [],
        tool: { name: 't', version: '1' },
      }),
    );
  const claimed = (...claims: readonly TrustedClaim[]) => bind(claims).claimed.map(({ what }) => what);
  const SAID = ['quantize of acme/base, says anna; nobody recomputed it'];
  assert.deepEqual(claimed(step), SAID);
  assert.deepEqual(claimed(step, shown(parent)), []);
  assert.deepEqual(claimed(step, shown(sha256Hex('other'))), SAID);
  const component = (name: string, property: string) => ({
    group: 'acme',
    name,
    properties: [{ name: property, value: 'x' }],
  });
  const bom = (...components: readonly object[]) => claim(PREDICATES.bom, { components });
  assert.deepEqual(claimed(bom(component('code', 'weighmark:closure'), component('a.bin', 'weighmark:format'))), [
    "loading it fetches acme/code, not covered by this verdict, says anna's ML-BOM",
  ]);
  assert.deepEqual(claimed(bom(component('a.bin', 'weighmark:format'))), []);
});

test('what a BOM says of its artifact is told as its signer’s word, and nothing where it says nothing', () => {
  const { bind, claim } = bound({ 'a.bin': 'a' });
  const said = (component: object) =>
    bind([claim(PREDICATES.bom, { metadata: { component } })]).claimed.map(({ what }) => what);
  for (const [component, words] of [
    [{ licenses: [{ expression: 'MIT OR Apache-2.0' }] }, ['licence MIT OR Apache-2.0']],
    [{ licenses: [{ license: { id: 'MIT' } }, { license: { name: 'Ours' } }] }, ['licence MIT', 'licence Ours']],
    [{ licenses: [{ license: { name: '' } }, { license: 5 }] }, []],
    [
      { licenses: [{ expression: 'MIT' }], pedigree: { ancestors: [{ name: 'acme/base' }, {}] } },
      ['base model acme/base', 'licence MIT'],
    ],
    [{ licenses: 'MIT', pedigree: [] }, []],
  ] as const)
    assert.deepEqual(said(component), words.length === 0 ? [] : [`${words.join(', ')}, says anna's ML-BOM`]);
  assert.deepEqual(said({ properties: [{ name: 'weighmark:digests-from-workers', value: '2 parts' }] }), [
    "digests from workers (2 parts), says anna's ML-BOM",
  ]);
  assert.deepEqual(
    bind([claim(PREDICATES.evaluation, { metadata: { component: { licenses: [{ expression: 'MIT' }] } } })]).claimed,
    [],
  );
});

test('a step of which nothing can be recomputed is nobody’s word for a conversion', () => {
  const { bind, claim } = bound({ 'a.bin': 'a' });
  const step = (name: 'fine-tune' | 'quantize') =>
    claim(
      PREDICATES.provenance,
      buildProvenance({
        step: name,
        inputs: [{ role: 'base-model', name: 'acme/base', id: `sha256:${sha256Hex('parent')}` }],
        parameters: {},
      }),
    );
  assert.deepEqual(bind([step('fine-tune')]).claimed, []);
  assert.equal(bind([step('quantize')]).claimed.length, 1);
});

test('claims are this artifact’s, another’s, or a finding; without one of this artifact nothing is verified', () => {
  const { id, bind, claim, manifest } = bound({ 'a.bin': 'a', 'b.bin': 'b' });
  const time = { source: 'rfc3161', time: '2026-11-19T10:00:00Z', authority: 'tsa.acme.example' } as const;
  const dated = claim(PREDICATES.evaluation, {});
  const own = { ...dated, claim: { ...dated.claim, times: [time] } };
  const others = claim(PREDICATES.evaluation, {}, [subject('manifest', 'n', sha256Hex('n'))]);
  const kindless = { ...manifest, annotations: { kind: 'no kind' } };
  const malformed = claim(PREDICATES.evaluation, {}, [kindless]);
  const found = bind([own, others, malformed]);
  assert.deepEqual([found.claims, found.others], [[own], [others]]);
  assert.deepEqual(
    found.findings.map(({ code, subject: of }) => [code, of]),
    [['claim-malformed', 'claims.jsonl']],
  );
  assert.deepEqual(found.notes, ['1 trusted claims are about other artifacts']);
  assert.match(found.evidence[0]?.what ?? '', / by anna, signed 2026-11-19 10:00 UTC, says tsa\.acme\.example$/);
  for (const [claims, isBound] of [
    [[own], true],
    [[malformed], true],
    [[others], false],
    [[], false],
  ] as const) {
    const judged = bind(claims);
    if (isBound) requireBound(judged, id);
    else assert.throws(() => requireBound(judged, id), { code: 'subject-mismatch', facts: { found: id } });
  }
  assert.equal(idSaid(['sha256:other', id], [own]), id, 'the id that is named');
  assert.equal(idSaid(['sha256:other', id], [others, malformed]), 'sha256:other', 'else the first');
  const weights = Buffer.from('weights');
  const listing = (text: string) => [manifest, subject('list', '.weighmark/weights', sha256Hex(text))];
  const beside = (text: string) =>
    bind([claim(PREDICATES.bom, {}, listing(text))], { weights }).findings.map(({ subject: of }) => of);
  assert.deepEqual([beside('weights'), beside('other')], [[], ['.weighmark/weights']]);
});

test('a clock is held to the newest time that anybody counted vouched for, in this run or before', async () => {
  const { claim } = bound({ 'a.bin': 'a' });
  const at = (time: string) => [{ source: 'rfc3161', time, authority: 'tsa' } as const];
  const anchor = { kind: 'key', pem: 'anna' } as const;
  const one = claim(PREDICATES.evaluation, {});
  const dated = (time: string): TrustedClaim => ({
    ...one,
    claim: { ...one.claim, times: at(time) },
    trustedBy: [{ name: 'anna', anchor }],
  });
  const asked = async (over: object, before: number | null = null) => {
    const [anchors, kept]: [(readonly string[])[], ReadonlyMap<string, number>[]] = [[], []];
    const judged = await judgeClock({
      shown: 'm',
      bundles: { signature: null, claims: [], findings: [], notes: [], ...over },
      verification: { trust: [{ name: 'anna', anchor }], now: NOW },
      times: {
        newest: async (of) => (anchors.push(of), Promise.resolve(before)),
        remember: async (found) => void (await Promise.resolve(kept.push(found))),
        forget: async () => Promise.resolve(false),
      },
    });
    assert.deepEqual(anchors, [[anchorKey(anchor)]]);
    return ['verdict' in judged ? messages(judged.verdict) : 'well', ...kept.map((found) => [...found])];
  };
  const past = new Date(NOW.getTime() - 1000).toISOString();
  const later = new Date(NOW.getTime() + 86_400_000).toISOString();
  const KEPT = [[anchorKey(anchor), Date.parse(past)]];
  const BEHIND = ['clock-behind: this clock is behind a time that was vouched for already'];
  assert.deepEqual(await asked({}), ['well', []]);
  for (const where of ['signature', 'claims'] as const) {
    const of = (time: string) => ({ [where]: where === 'claims' ? [dated(time)] : dated(time) });
    assert.deepEqual(await asked(of(past)), ['well', KEPT], where);
    assert.deepEqual(await asked(of(later)), [BEHIND], `${where}: nothing is remembered`);
    assert.deepEqual(await asked(of(past), Date.parse(later)), [BEHIND], where);
  }
});

test('a file is what was signed, is not, was signed as two, or was compared with nothing', () => {
  const [a, b] = [sha256Hex('a'), sha256Hex('b')];
  const entry = { path: 'w.bin', location: '/w.bin', sizeBytes: 7 };
  const said = (signed: string | null, listed: string | null, digests: object): string => {
    const pairs = listed === null ? null : new Map([['w.bin', { path: 'w.bin', blake3: listed }]]);
    const [finding] = compare(
      signed === null ? undefined : { path: 'w.bin', digest: signed },
      { entry, digests } as never,
      { manifest: { algorithm: 'sha256' }, pairs } as never,
    );
    return finding === undefined ? '' : [finding.code, ...Object.values(finding.facts ?? {})].join(' ');
  };
  for (const [signed, listed, digests, code] of [
    [a, null, { sha256: a }, ''],
    [a, b, { blake3: b }, ''],
    [a, b, { sha256: a, blake3: b }, ''],
    [null, b, { blake3: b }, ''],
    [a, null, { sha256: b }, `digest-mismatch sha256:${a} sha256:${b}  7 bytes`],
    [a, a, { blake3: b }, `digest-mismatch blake3:${a} blake3:${b}  7 bytes`],
    [a, b, { sha256: b, blake3: a }, `digest-mismatch sha256:${a} sha256:${b}  7 bytes`],
    [a, b, { sha256: a, blake3: a }, 'digest-conflict'],
    [a, b, { sha256: b, blake3: b }, 'digest-conflict'],
    [a, null, { blake3: a }, 'internal'],
    [null, null, { sha256: a }, 'internal'],
  ] as const)
    assert.equal(said(signed, listed, digests), code, JSON.stringify([signed, listed, digests]));
});

test('without an OMS signature claims alone carry the verdict, as a check with their evidence', async (t) => {
  const { root, verify } = await signed(t, { 'w.bin': 'w' }, 'seal');
  await rm(join(root, 'model.sig'));
  const { verdict, id } = await verify();
  assert.deepEqual(
    verdict.checks.map(({ name, passed }) => [name, passed]),
    [
      ['content', true],
      ['claims', true],
    ],
  );
  assert.match(evidenceOf(verdict, 'claims')?.join() ?? '', /ML-BOM by anna/);
  assert.notEqual(id, null);
});

test('a claim that states a time far ahead does not count; it is the refusal where nothing else does', async (t) => {
  const { claim } = bound({ 'a.bin': 'a' });
  const ahead = claim(PREDICATES.approval, { timeCreated: '2030-01-01T00:00:00Z' });
  const good = claim(PREDICATES.evaluation, {});
  const asked = async (claims: readonly TrustedClaim[], fileSignatures: readonly object[] = []) => {
    const judged = await judgeClock({
      shown: 'm',
      bundles: { signature: null, claims, findings: [], notes: [] },
      fileSignatures: { trusted: fileSignatures, refusals: [] } as never,
      verification: { trust: [], now: NOW },
      times: undefined,
    });
    return 'verdict' in judged ? messages(judged.verdict) : [judged.claims.length, judged.notes.length];
  };
  assert.deepEqual(await asked([good]), [1, 0]);
  assert.deepEqual(await asked([good, ahead]), [1, 1]);
  assert.deepEqual(await asked([ahead]), [
    "clock-disagrees: claims.jsonl states a time far ahead of this machine's clock",
  ]);
  assert.deepEqual(await asked([ahead], [{ times: [], trustedBy: [] }]), [0, 1], 'the file itself is signed');
  t.diagnostic('');
});

test('by shards every byte is held to the shard that was signed, and the evidence says so', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'a.bin': '0123456789abcdef', 'b.bin': 'b' });
  await world.sign(root, anna, { shardBytes: 5 });
  const ask = async (more = {}) => world.verify(root, [anna.trust], more);
  assert.deepEqual(evidenceOf((await ask()).verdict, 'content'), ['2 of 2 files, 17 B (sha256)']);
  assert.deepEqual(evidenceOf((await ask({ only: 'a.bin' })).verdict, 'content'), ['1 of 2 files, 16 B (shards)']);
  await writeFile(join(root, 'a.bin'), '0123456789Xbcdef');
  const [finding] = findingsOf((await ask()).verdict);
  assert.deepEqual([finding?.code, finding?.facts?.['bytes']], ['digest-mismatch', '10-15, the first that differ']);
  await writeFile(join(root, 'a.bin'), 'X123456789abcdef');
  assert.equal(findingsOf((await ask()).verdict)[0]?.facts?.['bytes'], '0-5, the first that differ');
  await writeFile(join(root, 'a.bin'), '0123456789abcdefg');
  assert.deepEqual(findingsOf((await ask()).verdict)[0]?.facts, { signed: '16 bytes', found: '17 bytes' });
});

test('a signature by BLAKE3 is held by BLAKE3, however little else is asked', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'a.bin': 'a', 'b.bin': 'b' });
  await world.sign(root, anna, { algorithm: 'blake3' });
  const { verdict } = await world.verify(root, [anna.trust]);
  assert.deepEqual([verdict.exitCode, evidenceOf(verdict, 'content')], [0, ['2 of 2 files, 2 B (blake3, sha256)']]);
  await writeFile(join(root, 'b.bin'), 'c');
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['digest-mismatch b.bin']);
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { algorithm: 'all' })), ['digest-mismatch b.bin']);
});

test('how many of the signed files are as they were signed: the changed count as read, the missing do not', async (t) => {
  const { root, verify } = await signed(t, { 'a.bin': 'a', 'b.bin': 'b', 'c.bin': 'c', 'd.bin': 'd' });
  assert.deepEqual(evidenceOf((await verify()).verdict, 'content'), ['4 of 4 files, 4 B (sha256)']);
  await writeFile(join(root, 'b.bin'), 'x');
  for (const name of ['c.bin', 'd.bin']) await rm(join(root, name));
  const { verdict } = await verify();
  assert.deepEqual(
    messages(verdict).map((each) => each.slice(0, 15)),
    ['file-missing: c', 'file-missing: d', 'digest-mismatch'],
  );
  assert.deepEqual(evidenceOf(verdict, 'content'), ['1 of 4 files, 2 B (sha256)']);
});

test('nothing comes or goes while the files are read: names are listed once more', async (t) => {
  const { root, verify } = await signed(t, { 'a.bin': 'a', 'b.bin': 'b' });
  const files = createFiles();
  const during = async (change: () => Promise<unknown>): Promise<readonly string[]> => {
    const changing: Files = { ...files, list: async (...args) => (await change(), files.list(...args)) };
    return refusals(await verify({}, { files: changing })).toSorted();
  };
  assert.deepEqual(await during(() => Promise.resolve()), []);
  assert.deepEqual(await during(() => rename(join(root, 'b.bin'), join(root, 'c.bin'))), [
    'file-changed b.bin',
    'file-changed c.bin',
  ]);
  await rename(join(root, 'c.bin'), join(root, 'b.bin'));
  assert.deepEqual(await during(() => writeFile(join(root, 'd.bin'), '')), ['file-changed d.bin']);
});

test('hashing that began ahead ends with the run that wanted it', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'a.bin': 'a' });
  const own = await createHasher();
  const heard: AbortSignal[] = [];
  const hasher = async () =>
    Promise.resolve({
      ...own,
      hash: (jobs: readonly HashJob[], how: Parameters<typeof own.hash>[1]) => (
        how.signal !== undefined && heard.push(how.signal),
        own.hash(jobs, how)
      ),
    });
  const run = new AbortController();
  const question = {
    root,
    manifest: {
      resources: [{ path: 'a.bin', digest: sha256Hex('a') }],
      shardBytes: null,
      ignorePaths: [],
      allowSymlinks: false,
    },
    allowSymlinks: false,
    ignore: [],
    ownNames: [],
    ignoreUnsignedFiles: false,
    underPolicy: false,
  } as never;
  const progress = { start: () => ({ advance: () => {}, end: () => {} }) };
  const ahead = await hashAhead(question, { files: createFiles(), hasher, progress, signal: run.signal });
  assert.equal((await ahead.hashed)?.size, 1);
  assert.deepEqual(
    heard.map(({ aborted }) => aborted),
    [false],
  );
  run.abort();
  assert.deepEqual(
    heard.map(({ aborted }) => aborted),
    [true],
  );
});

/** Of these layers, each of so many bytes. */
function safetensors(layers: readonly string[], bytes: number): Buffer {
  const tensors = layers.map((name, at) => [
    name,
    { dtype: 'U8', shape: [bytes], data_offsets: [at * bytes, (at + 1) * bytes] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(layers.length * bytes).map((_, at) => (at * 7) ^ (at >> 9))]);
}

const LAYERS = ['a', 'b', 'c', 'd', 'e'];
const LAYER = 64 << 10;

/** As sealing leaves it beside a large file. @returns the file's length. */
async function outboardFor(root: string): Promise<number> {
  const location = join(root, 'w.safetensors');
  const file = await createFiles().open(location);
  await file.close();
  const own = await createHasher();
  const [hashed] = await own.hash([{ location, sizeBytes: file.size, stamp: file.stamp }], {
    algorithms: ['blake3'],
    outboardFromBytes: 0,
  });
  await mkdir(join(root, '.weighmark/outboards'));
  await writeFile(join(root, '.weighmark/outboards/w.safetensors.obao4'), hashed?.outboard ?? '');
  return file.size;
}

async function withOutboard(t: TestContext) {
  const world = await signed(t, { 'w.safetensors': safetensors(LAYERS, LAYER), 'README.md': 'hello' }, 'seal');
  const location = join(world.root, 'w.safetensors');
  const size = await outboardFor(world.root);
  const change = async (...at: readonly number[]) => {
    const bytes = Buffer.from(await readFile(location));
    for (const each of at) bytes.writeUInt8((bytes.readUInt8(each) + 1) % 256, each);
    await writeFile(location, bytes);
  };
  return { ...world, change, location, length: size };
}

test('a part is proven by its signed BLAKE3 alone: by tensor, by bytes, to the last one', async (t) => {
  const { verify, change, length } = await withOutboard(t);
  const only = async (part: string) => (await verify({ only: part })).verdict;
  const text = async (part: string) => (await only(part)).checks[0]?.evidence[0]?.what;
  assert.equal(await text('w.safetensors#b'), 'b of w.safetensors, 65.5 kB of 328 kB (blake3)');
  assert.equal(
    await text(`w.safetensors#bytes=0-${length}`),
    `bytes=0-${length} of w.safetensors, 328 kB of 328 kB (blake3)`,
  );
  assert.match(
    (await text('README.md#bytes=1-5')) ?? '',
    /^bytes=1-5 of README\.md, 4 B of 5 B \(blake3, no outboard: all of it was read\)$/,
  );
  for (const [part, message] of [
    [`w.safetensors#bytes=0-${length + 1}`, /is not within the file's/],
    ['w.safetensors#bytes=5-4', /is not within the file's/],
    ['w.safetensors#z', /none of the 5 tensors of w\.safetensors is named z/],
    ['other#b', /no signed file is named other/],
  ] as const)
    await assert.rejects(only(part), { code: 'not-found', message }, part);
  await assert.rejects(only('w.safetensors#bytes=5-5'), { code: 'usage', message: /names no byte/ });
  await assert.rejects(only('README.md#b'), { code: 'usage', message: /no tensors that lie in one stretch/ });
  for (const [selector, isHelped] of [
    ['z*', true],
    ['z**', false],
    ['z', false],
  ] as const)
    await assert.rejects(only(`w.safetensors#${selector}`), (error) => {
      assert.ok(error instanceof WeighmarkError);
      return error.hint?.includes('stops at') === isHelped && !error.hint.includes('the first of them');
    });
  assert.match((await text('w.safetensors#*')) ?? '', /^5 tensors \(\*\) of w\.safetensors, /);
  await change(length - LAYER + 100);
  assert.equal((await only('w.safetensors#b')).exitCode, 0, 'a change elsewhere');
  assert.match(messages(await only('w.safetensors#e')).join(), /^digest-mismatch: w\.safetensors: /);
});

test('of a single file parts are proven by its own name', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.safetensors': safetensors(['a'], 100) });
  const file = join(root, 'w.safetensors');
  await world.seal(file, anna);
  const { verdict } = await world.verify(file, [anna.trust], { only: 'w.safetensors#a' });
  assert.equal(verdict.checks[0]?.evidence[0]?.what.slice(0, 18), 'a of w.safetensors');
  await assert.rejects(world.verify(file, [anna.trust], { only: 'x.safetensors#a' }), { code: 'not-found' });
});

test('a part is proven in the folder as it was signed: no link that nobody signed, nothing of what was left out', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const files = { 'w.bin': '0123456789', 'notes/link': '-> ../w.bin' };
  const root = await world.tree('m', files);
  await world.sign(root, anna, { algorithm: 'blake3', ignore: ['notes'] });
  const ask = async (more = {}, place = root, only = 'w.bin#bytes=2-5') =>
    refusals(await world.verify(place, [anna.trust], { only, ...more }));
  assert.deepEqual(await ask(), []);
  await symlink('w.bin', join(root, 'other.bin'));
  assert.notDeepEqual(await ask(), [], 'a link that nobody signed');
  assert.deepEqual(await ask({ allowSymlinks: true }), []);
  const linked = await world.tree('linked', { 'w.bin': '0123456789', 'l.bin': '-> w.bin' });
  await world.sign(linked, anna, { algorithm: 'blake3', allowSymlinks: true });
  assert.deepEqual(await ask({ allowSymlinks: true }, linked, 'l.bin#bytes=2-5'), []);
  assert.deepEqual(await ask({}, linked), [], 'the signature allows it');
});

test('tensors are not looked for where a graph says they lie outside', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const graph = await readFile(resolve('fixtures/formats/onnxruntime/external.onnx'));
  const outside = Buffer.from(graph.toString('latin1').replaceAll('external.data', '../ernal.data'), 'latin1');
  const root = await world.tree('m', { 'g.onnx': outside, 'ernal.data': 'x' });
  await world.sign(root, anna, { algorithm: 'blake3' });
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { only: 'g.onnx#weight' })), [
    'name-unsafe ../ernal.data',
  ]);
});

test('where tensors begin with a block, no neighbour of a changed one is named', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const plain = safetensors(LAYERS, LAYER);
  const header = plain.subarray(8, 8 + Number(plain.readBigUInt64LE(0)));
  const padded = Buffer.alloc(16_384, ' ');
  padded.writeBigUInt64LE(BigInt(16_384 - 8));
  header.copy(padded, 8);
  const bytes = Buffer.concat([padded, plain.subarray(8 + header.length)]);
  const root = await world.tree('m', { 'w.safetensors': bytes });
  await world.seal(root, anna);
  await outboardFor(root);
  for (const [at, differs] of [
    [0, 'a'],
    [LAYER - 1, 'a'],
    [LAYER, 'b'],
  ] as const) {
    const changed = Buffer.from(bytes);
    changed[16_384 + at] = (changed[16_384 + at] ?? 0) ^ 1;
    await writeFile(join(root, 'w.safetensors'), changed);
    assert.equal(findingsOf((await world.verify(root, [anna.trust])).verdict)[0]?.facts?.['differs'], differs);
  }
});

test('tensors that a signed graph says lie in a file beside it: that one is signed, too', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const graph = await readFile(resolve('fixtures/formats/onnxruntime/external.onnx'));
  const data = await readFile(resolve('fixtures/formats/onnxruntime/external.data'));
  const root = await world.tree('m', { 'g.onnx': graph, 'external.data': data });
  await world.seal(root, anna);
  const ask = (place: string) => world.verify(place, [anna.trust], { only: 'g.onnx#weight' });
  assert.deepEqual(
    (await ask(root)).verdict.checks[0]?.evidence.map(({ what }) => what.slice(0, 23)),
    ['weight of external.data'],
  );
  for (const name of ['external.dat', 'external.data#']) {
    const other = await world.tree(`m-${name.length}`, { 'g.onnx': graph, [name]: data });
    await world.seal(other, anna);
    await assert.rejects(ask(other), { code: 'not-found', message: /no signed file is named external\.data/ }, name);
  }
});

test('a changed file says which tensors differ, three of them by name', async (t) => {
  const { verify, change, location } = await withOutboard(t);
  const whole = await readFile(location);
  const header = Number(whole.readBigUInt64LE(0)) + 8;
  const differs = async (...at: readonly number[]) => {
    await change(...at);
    const [finding] = findingsOf((await verify()).verdict);
    await writeFile(location, whole);
    return finding?.facts?.['differs'];
  };
  const within = (layer: number) => header + layer * LAYER + 40_000;
  assert.equal(await differs(within(1)), 'b');
  assert.equal(await differs(within(0), within(2), within(3)), 'a, c, d');
  assert.equal(await differs(...[0, 1, 2, 3].map(within)), 'a, b, c and 1 more');
  assert.equal(await differs(10), 'bytes 0 to 16384', 'the header calls another tensor so');
  assert.equal(await differs(header), 'bytes 0 to 16384', 'in one block with the header');
});

test('where the header differs nobody knows what the bytes are: they are named themselves', async (t) => {
  const { world, anna, root } = await signed(
    t,
    {
      'w.safetensors': safetensors(
        Array.from({ length: 400 }, (_, at) => `layer.${at}`),
        64,
      ),
    },
    'seal',
  );
  await outboardFor(root);
  const bytes = await readFile(join(root, 'w.safetensors'));
  assert.ok(Number(bytes.readBigUInt64LE(0)) > 16_384);
  bytes.write('x', 11);
  bytes.write('x', bytes.length - 10_000);
  await writeFile(join(root, 'w.safetensors'), bytes);
  const [finding] = findingsOf((await world.verify(root, [anna.trust])).verdict);
  assert.match(finding?.facts?.['differs'] ?? '', /^bytes 0 to 16384, bytes \d+ to \d+$/);
});

test('what was copied to be handed on is written through only where it must last, and waited for before it is thrown away', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'a.bin': 'abc' });
  const real = createFiles();
  const exported = (durable: boolean, files: Files, jobs: HashJob[] = []) =>
    exportTo(
      join(world.folder, `out-${String(durable)}`),
      { durable },
      {
        files,
        stagings: createStagings(),
        hasher: async () => {
          const own = await createHasher();
          return { ...own, hash: (given, how) => (jobs.push(...given), own.hash(given, how)) };
        },
      },
    );
  const job = { location: join(root, 'a.bin'), sizeBytes: 3 };
  for (const [durable, count] of [
    [true, 1],
    [false, 0],
  ] as const) {
    let synced = 0;
    const jobs: HashJob[] = [];
    const written = exported(durable, { ...real, sync: async (place) => ((synced += 1), real.sync(place)) }, jobs);
    const [result] = await (await written.hasher()).hash([job, job], { algorithms: ['sha256'] });
    assert.equal(result?.digests.sha256, sha256Hex('abc'));
    assert.deepEqual(
      jobs.map(({ sizeBytes }) => sizeBytes),
      [3, 3],
    );
    assert.notEqual(jobs[0]?.location, job.location, 'the copy is hashed');
    await written.publish([
      { path: 'a.bin', location: job.location, sizeBytes: 3, digests: { sha256: sha256Hex('abc') } },
    ]);
    await written.discard();
    assert.equal(synced, count);
  }
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done: string[] = [];
  const slow = exported(true, {
    ...real,
    duplicate: async (...args) => (
      begun.resolve(),
      await gate.promise,
      await real.duplicate(...args),
      void done.push('copied')
    ),
  });
  const hashing = (await slow.hasher()).hash([{ location: join(root, 'a.bin') }], { algorithms: ['sha256'] });
  hashing.catch(() => undefined);
  await begun.promise;
  const discarded = slow.discard().then(() => done.push('thrown away'));
  for (let turn = 0; turn < 20; turn += 1) await new Promise((go) => setImmediate(go));
  gate.resolve();
  await discarded;
  assert.deepEqual(done, ['copied', 'thrown away']);
});

test('a signature of the file itself beside a seal keeps what was verified; one that contradicts keeps nothing', async (t) => {
  const world = await claimsWorld(t);
  const bert = await world.person('bert');
  const root = await world.tree('m', { 'w.bin': 'weights' });
  const file = join(root, 'w.bin');
  await world.seal(file, bert);
  const { createHash, sign } = await import('node:crypto');
  const over = (content: string) =>
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(content).digest('base64') },
        signature: sign('sha256', Buffer.from(content), people.anna.key).toString('base64'),
      },
    });
  const anna: TrustEntry = { name: 'anna', anchor: { kind: 'key', pem: people.anna.pem } };
  await writeFile(`${file}.sigstore.json`, over('weights'));
  const good = await world.verify(file, [bert.trust, anna]);
  assert.deepEqual([good.by, good.claims.length > 0, good.id !== null, good.files.length], ['bert', true, true, 1]);
  await writeFile(`${file}.sigstore.json`, over('others'));
  const bad = await world.verify(file, [bert.trust, anna]);
  assert.deepEqual([bad.by, bad.claims.length, bad.id, bad.files.length], ['bert', 0, null, 0]);
});

test('authorities of time are asked for only where a signature has a timestamp', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'w.bin': 'w' });
  const { payload } = buildOms({
    name: 'm',
    resources: [{ path: 'w.bin', digest: sha256Hex('w') }],
    single: false,
    allowSymlinks: false,
    ignorePaths: ['model.sig'],
  });
  const trust: TrustEntry = { name: 'anna', anchor: { kind: 'key', pem: people.anna.pem } };
  const verified = async (bundle: Uint8Array) => {
    await writeFile(join(root, 'model.sig'), bundle);
    let asked = 0;
    const timestampAuthorities = async () => ((asked += 1), Promise.resolve([AUTHORITY_PEM]));
    const { verdict } = await world.verify(root, [trust], {}, { timestampAuthorities });
    return [asked, evidenceOf(verdict, 'signature')?.[1]];
  };
  assert.deepEqual(await verified(signBundle('anna', payload)), [0, undefined]);
  const at = new Date('2026-11-19T10:00:00Z');
  const [asked, said] = await verified(await datedSigner('anna', at).sign(payload));
  assert.equal(asked, 1);
  assert.match(String(said), /^signed 2026-11-19 10:00 UTC, says /);
});

test('of what nobody signed it is said whose records agree, and of how many files', async (t) => {
  const world = await claimsWorld(t);
  const { createHash } = await import('node:crypto');
  const md5 = createHash('md5').update('weights').digest('hex');
  const root = await world.tree('m', {
    'w.bin': 'weights',
    'w.bin.dvc': `outs:\n- md5: ${md5}\n  size: 7\n  hash: md5\n  path: w.bin\n`,
    'other.txt': 'x',
  });
  const { verdict } = await world.verify(root, []);
  assert.deepEqual(verdict.claimed.map(({ what }) => what).slice(-1), ['1 of 3 files match what DVC recorded']);
  assert.deepEqual(
    world.hashed.filter((each) => !each.endsWith(' 0 files')),
    [],
    'by SHA-256 is hashed what is recorded by it',
  );
  await writeFile(join(root, 'w.bin'), 'changed');
  assert.deepEqual(messages((await world.verify(root, [])).verdict).slice(1), [
    'download-conflict: w.bin is not what DVC recorded: its digest differs',
  ]);
});

const CONTAINERS = resolve('fixtures/weights/containers');

/** A sealed model, and how copies of its weights are held to what was signed. */
async function weighed(t: TestContext) {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', {});
  await copyFile(join(CONTAINERS, 'plain.safetensors'), join(root, 'model.safetensors'));
  await world.seal(root, anna, { name: 'acme/m', tag: '1' } as never);
  const claims = splitClaims(await readFile(join(root, 'claims.jsonl')));
  const list = await readFile(join(root, '.weighmark/weights'));
  const own = createHasher();
  const ports = {
    files: createFiles(),
    hasher: async () => own,
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    clock: { now: () => NOW },
    timestampAuthorities: async () => Promise.resolve([]),
    keyless: async () => Promise.reject(new Error('not needed')),
  };
  const ask = async (
    copy: string,
    over: {
      claims?: readonly Uint8Array[];
      lists?: readonly Uint8Array[];
      trust?: readonly TrustEntry[];
      ids?: readonly string[];
    } = {},
  ) =>
    verifyWeights(
      { root: copy, shown: 'copy', as: 'acme/m:1', allowSymlinks: false, claims, lists: [list], ids: null, ...over },
      { ...ports, trust: async () => Promise.resolve(over.trust ?? [anna.trust]) },
    );
  return { world, anna, root, ask, list, claims };
}

test('weights in another container are those that were signed; what else is there nobody signed', async (t) => {
  const { world, anna, ask, list, root } = await weighed(t);
  const copy = await world.tree('copy', { 'config.json': '{}' });
  await cp(join(root, 'model.safetensors'), join(copy, 'w.safetensors'));
  const { verdict, by, weights } = await ask(copy);
  assert.deepEqual([verdict.exitCode, verdict.scope, by, weights.as?.name], [0, 'weights', 'anna', 'acme/m']);
  assert.deepEqual([weights.sets.length, weights.unsigned], [1, ['config.json']]);
  assert.deepEqual(verdict.notes, ['nobody signed 1 other file: config.json']);
  const signedBy = async (name: string) =>
    evidenceOf((await ask(copy, { trust: [{ ...anna.trust, name }] })).verdict, 'signature')?.map((each) =>
      each.replace(/SHA256:\S+$/, 'SHA256'),
    );
  assert.deepEqual(await signedBy('anna'), ['weights of acme/m signed by anna, key SHA256'], 'nobody says when');
  assert.deepEqual(await signedBy('command-line'), ['weights of acme/m signed by key SHA256']);
  const empty = await ask(await world.tree('empty', { 'config.json': '{}' }));
  assert.deepEqual(messages(empty.verdict), ['nothing-to-verify: copy holds no weights']);
  assert.match(empty.verdict.notes.join(), /not there: .*tensor/);
  assert.deepEqual(empty.weights.sets, []);
  await writeFile(join(copy, 'w.safetensors'), safetensors(['x'], 10));
  const differing = await ask(copy);
  assert.ok(
    messages(differing.verdict).every((each) => each.startsWith('weights-differ: ')),
    messages(differing.verdict).join(),
  );
  assert.deepEqual([differing.verdict.exitCode, differing.weights.sets], [1, []]);
  assert.ok(list.length > 0);
});

test('of weights that differ every tensor is told with what is wrong of it; what is not asked is said', async (t) => {
  const { ask, root, world } = await weighed(t);
  const same = await ask(root);
  assert.deepEqual(same.verdict.notAsked, ['files', 'lineage', 'policy', 'scan', 'revocation', 'completeness']);
  const bytes = await readFile(join(root, 'model.safetensors'));
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const { verdict, weights } = await ask(await world.tree('changed', { 'w.safetensors': bytes }));
  assert.deepEqual(
    messages(verdict).map((each) => each.replace(/: \S+ is/, ': T is')),
    ['weights-differ: w.safetensors: T is not the tensor that was signed under this name'],
  );
  assert.deepEqual([verdict.exitCode, weights.sets], [1, []]);
  const broken = await ask(await world.tree('broken', { 'w.safetensors': bytes.subarray(0, -1) }));
  assert.notEqual(broken.verdict.exitCode, 0);
});

test('the same tensors under other names are the same weights, with a note that nobody signed the names', async (t) => {
  const { world, ask, root } = await weighed(t);
  const bytes = await readFile(join(root, 'model.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  const renamed = Buffer.from(
    JSON.stringify(
      Object.fromEntries(
        Object.entries(header).map(([name, value]) => [name === '__metadata__' ? name : `other.${name}`, value]),
      ),
    ),
  );
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(renamed.length));
  const copy = await world.tree('renamed', {
    'w.safetensors': Buffer.concat([size, renamed, bytes.subarray(8 + length)]),
  });
  const { verdict, weights } = await ask(copy);
  assert.deepEqual([verdict.exitCode, weights.sets.map(({ by }) => by)], [0, ['multiset']]);
  assert.match(verdict.notes.join(), /: which tensor is meant by which name nobody signed$/);
});

test('weights are held to what somebody trusted bound to the artifact that is meant, by a list that is there', async (t) => {
  const { ask, root, claims, list } = await weighed(t);
  const asked = async (over: Parameters<typeof ask>[1]) => messages((await ask(root, over)).verdict);
  assert.deepEqual(await asked({ claims: [] }), ['nothing-to-verify: nobody signed acme/m:1: no claim lies with it']);
  assert.deepEqual(await asked({ trust: [] }), ['trust-missing: claims are there, and nobody to trust was named']);
  assert.match(
    (await asked({ trust: [{ name: 'bob', anchor: { kind: 'key', pem: people.bob.pem } }] })).join(),
    /^signer-untrusted: /,
  );
  const UNLISTED = ['weights-unlisted: the list of weights that was signed with acme/m:1 is not there'];
  assert.deepEqual(await asked({ lists: [] }), UNLISTED);
  assert.deepEqual(await asked({ lists: [Buffer.from('another')] }), UNLISTED);
  assert.deepEqual(await asked({ lists: [Buffer.from('another'), list] }), []);
  assert.deepEqual(await asked({ ids: [`sha256:${sha256Hex('other')}`] }), [
    'nothing-to-verify: nobody signed what the weights of acme/m:1 are',
  ]);
  assert.ok(claims.length > 0);
});
