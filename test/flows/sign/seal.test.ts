import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import type { Statement } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import type { ClaimSigner } from '../../../src/domain/ports/signing.ts';
import { indexFeeds } from '../../../src/domain/scan/feeds/match.ts';
import { parseFeed } from '../../../src/domain/scan/feeds/parse.ts';
import { bomStatement } from '../../../src/flows/sign/seal-statements.ts';
import { seal } from '../../../src/flows/sign/seal.ts';
import { claimsWorld, refusals } from '../claims-world.ts';

const FILES = { 'config.json': '{}', 'weights.bin': 'w'.repeat(4000), 'README.md': '# tiny\n', LICENSE: 'MIT\n' };
const SIDECARS = ['model.sig', 'claims.jsonl', '.weighmark/files', '.weighmark/bom.cdx.json'];

async function statements(root: string): Promise<readonly Statement[]> {
  return splitClaims(await readFile(join(root, 'claims.jsonl'))).map((line) =>
    parseStatement(parseBundle(line).payload),
  );
}

test('a seal writes the list, the BOM, the claims and the signature, and verifies', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const data = await world.tree('data', { 'x.csv': 'a,b\n' });
  const outcome = await world.seal(root, anna, {
    name: 'acme/m:1.4',
    step: { step: 'train', inputs: ['dataset=./data'], parameters: { epochs: 3 } },
  });
  assert.deepEqual([outcome.written, outcome.claims], [true, ['ML-BOM', 'provenance (train)', 'scan']]);
  const verified = await world.verify(root, [anna.trust]);
  assert.deepEqual([verified.verdict.exitCode, verified.id, verified.claims.length], [0, outcome.id, 3]);
  const [bom, train] = await statements(root);
  assert.deepEqual(
    bom?.subject.map(({ annotations }) => annotations?.['kind']),
    ['manifest', 'root', 'list', 'bom', 'file', 'file', 'file', 'file'],
  );
  assert.equal(train?.subject[0]?.name, 'acme/m:1.4');
  const definition = train?.predicate['buildDefinition'] as {
    resolvedDependencies: { digest: { sha256: string }; annotations: unknown }[];
  };
  const sealedData = await world.seal(data, anna);
  assert.deepEqual(definition.resolvedDependencies[0]?.digest, { sha256: sealedData.id.slice(7) });
  assert.deepEqual(definition.resolvedDependencies[0]?.annotations, { role: 'dataset', kind: 'manifest' });
});

test('sealing an unchanged folder again changes nothing', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.seal(root, anna, { name: 'acme/m:1' });
  const before = await Promise.all(SIDECARS.map((path) => readFile(join(root, path), 'latin1')));
  const again = await world.seal(root, anna, { name: 'acme/m:1' });
  assert.equal(again.written, false);
  assert.deepEqual(await Promise.all(SIDECARS.map((path) => readFile(join(root, path), 'latin1'))), before);
});

test('an edit of documentation alone keeps a provable link to what was sealed before', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const first = await world.seal(root, anna, { step: { step: 'train', inputs: [], parameters: {} } });
  await appendFile(join(root, 'README.md'), 'more\n');
  const second = await world.seal(root, anna);
  assert.equal(second.packaged, true);
  const verified = await world.verify(root, [anna.trust]);
  assert.deepEqual([verified.verdict.exitCode, verified.packagedFrom], [0, [first.id]]);
  await appendFile(join(root, 'config.json'), ' ');
  assert.equal((await world.seal(root, anna)).packaged, false);
});

test('a package step that hides more than documentation is refused', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const first = await world.seal(root, anna);
  await appendFile(join(root, 'config.json'), ' ');
  const changed = await world.seal(root, anna);
  const { buildProvenance } = await import('../../../src/domain/claims/provenance.ts');
  const { buildStatement } = await import('../../../src/domain/claims/statement.ts');
  const { subjectsOf } = await import('../../../src/domain/claims/subjects.ts');
  const predicate = buildProvenance({
    step: 'package',
    inputs: [{ role: 'package', name: 'm', id: first.id }],
    parameters: { removed: [], added: [] },
  });
  const bundle = await anna.signer.sign(
    buildStatement(subjectsOf({ ...changed, name: 'm' }), PREDICATES.provenance, predicate),
  );
  await appendFile(join(root, 'claims.jsonl'), `${Buffer.from(bundle).toString()}\n`);
  const refused = await world.verify(root, [anna.trust]);
  assert.deepEqual(
    refused.verdict.checks.flatMap((check) => (check.passed ? [] : check.findings.map(({ code }) => code))),
    ['claim-conflict'],
  );
});

test("another signer's model.sig is never overwritten, and both verify", async (t) => {
  const world = await claimsWorld(t);
  const [anna, ben] = [await world.person('anna'), await world.person('ben')];
  const root = await world.tree('m', FILES);
  await world.sign(root, ben);
  const before = await readFile(join(root, 'model.sig'));
  await assert.rejects(world.sign(root, anna), { code: 'already-exists' });
  const outcome = await world.seal(root, anna);
  assert.equal(outcome.foreign, true);
  assert.deepEqual(await readFile(join(root, 'model.sig')), before);
  for (const person of [anna, ben]) assert.equal((await world.verify(root, [person.trust])).by, person.trust.name);
  await appendFile(join(root, 'weights.bin'), 'x');
  for (const person of [anna, ben])
    assert.deepEqual(refusals(await world.verify(root, [person.trust])), ['digest-mismatch weights.bin']);
});

test("beside another signer's model.sig the newest seal counts, whatever was sealed before", async (t) => {
  const world = await claimsWorld(t);
  const [anna, ben] = [await world.person('anna'), await world.person('ben')];
  const root = await world.tree('m', FILES);
  await world.sign(root, ben);
  for (const text of ['# one\n', '# two\n', '# one\n']) {
    await writeFile(join(root, 'README.md'), text);
    await world.seal(root, anna);
    assert.deepEqual(refusals(await world.verify(root, [anna.trust])), [], text);
  }
});

test('dangerous content is not sealed, and nothing is written', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const evil = Buffer.from("cos\nsystem\n(S'true'\ntR.", 'latin1');
  const root = await world.tree('m', { 'config.json': '{}', 'model.pkl': evil });
  const outcome = await world.seal(root, anna);
  assert.equal(outcome.written, false);
  assert.ok(outcome.scan.blocking.length > 0);
  assert.deepEqual((await readdir(root)).toSorted(), ['config.json', 'model.pkl']);
});

const NOW = new Date('2026-06-01T00:00:00Z');
const feedOf = (text: string) => indexFeeds([parseFeed('feed.yaml', Buffer.from(text), NOW)], NOW);
const DIGEST = sha256Hex(Buffer.from(FILES['weights.bin'] ?? ''));

test('known-bad bytes are not sealed, whatever the scanner thinks of them, and nothing is written', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const before = (await readdir(root)).toSorted();
  const outcome = await world.seal(root, anna, { judging: { index: feedOf(`${DIGEST}  weights.bin\n`) } });
  assert.equal(outcome.written, false);
  assert.deepEqual(
    outcome.scan.blocking.map(({ rule, place }) => [rule, place.path]),
    [['WM-FEED-001', 'weights.bin']],
  );
  assert.deepEqual((await readdir(root)).toSorted(), before);
});

test('a name that a feed knows to be bad is not sealed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const index = feedOf(
    'weighmark-feed: 1\npublished: 2026-05-01T00:00:00Z\nentries:\n  - id: X-1\n    title: a poisoned model\n    severity: critical\n    models: [{ name: acme/m, versions: "<2" }]\n',
  );
  assert.deepEqual(
    (await world.seal(root, anna, { name: 'acme/m:1', judging: { index } })).scan.blocking.map(({ rule }) => rule),
    ['WM-FEED-002'],
  );
  assert.equal((await world.seal(root, anna, { name: 'acme/m:2', judging: { index } })).written, true);
});

test('a suppression in force does not forbid sealing; one that is expired, or of other bytes, does', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const index = feedOf(`${DIGEST}  weights.bin\n`);
  const rule = { rule: 'WM-FEED-001', reason: 'looked at', expires: '2027-01-01T00:00:00Z' };
  const sealed = async (suppression: object) =>
    (
      await world.seal(root, anna, {
        judging: { index, suppressions: { rules: [{ ...rule, ...suppression }], now: NOW } },
      })
    ).written;
  assert.equal(await sealed({ expires: '2026-01-01T00:00:00Z' }), false);
  assert.equal(await sealed({ sha256: 'a'.repeat(64) }), false);
  assert.equal(await sealed({ sha256: DIGEST }), true);
});

test('an interrupted seal leaves the old one whole, or the new one', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const writes = 4;
  for (let survived = 0; survived <= writes; survived += 1) {
    const root = await world.tree(`m${survived}`, FILES);
    await world.seal(root, anna, { name: 'acme/m:1' });
    const files = failingAfter(createFiles(), survived);
    const run = seal({ root, name: 'acme/m:2', failOn: 'high', version: '0.0.0' }, portsOf(files, anna));
    await (survived < writes ? assert.rejects(run, /killed/) : run);
    assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0, `after ${survived} writes`);
  }
});

test('a seal writes its digest list piece by piece: whole it would be in memory beside the signature', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const written = new Map<string, boolean>();
  const files: Files = createFiles();
  const watched: Files = {
    ...files,
    write: async (location, bytes, options) => {
      written.set(location, typeof bytes !== 'string' && 'pieces' in bytes);
      return files.write(location, bytes, options);
    },
  };
  await seal({ root, name: 'acme/m:1', failOn: 'high', version: '0.0.0' }, portsOf(watched, anna));
  assert.deepEqual(
    [...written].filter(([, inPieces]) => inPieces).map(([location]) => location),
    [join(root, '.weighmark/files')],
  );
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
});

function portsOf(files: Files, { signer }: { signer: ClaimSigner }) {
  const hasher = createHasher();
  return {
    files,
    hasher: async () => hasher,
    signer,
    clock: { now: () => new Date() },
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    locate: (path: string) => path,
    registry: () => Promise.reject(new Error('no registry here')),
  };
}

/** Stands for a process killed before its write number `survived`. */
function failingAfter(files: Files, survived: number): Files {
  let left = survived;
  return {
    ...files,
    write: async (location, bytes, options) => {
      left -= 1;
      if (left < 0) throw new Error('killed');
      return files.write(location, bytes, options);
    },
  };
}

test('an empty folder cannot be sealed or signed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', {});
  await assert.rejects(world.seal(root, anna), { code: 'empty-artifact' });
  await assert.rejects(world.sign(root, anna), { code: 'empty-artifact' });
});

test('a signature written elsewhere in the folder is no part of it', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  const signature = join(root, 'skill.oms.sig');
  await world.sign(root, anna, { signature });
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await writeFile(join(root, 'other.oms.sig'), '{}');
  assert.equal((await world.verify(root, [anna.trust], { signature })).verdict.exitCode, 1);
});

test('an ML-BOM too large to be read in a claim is claimed in summary, and bound by its bytes', () => {
  const digest = 'ab'.repeat(32);
  const facts = {
    id: `sha256:${digest}`,
    root: digest,
    name: 'm',
    files: [],
    list: Buffer.from('list'),
    weights: null,
    bom: Buffer.from('bom'),
  };
  const component = { name: 'm', components: [{ name: 'x'.repeat(13_000_000) }] };
  const payload = bomStatement(facts, {
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    version: 1,
    metadata: { component },
  });
  const { predicate, subject } = parseStatement(payload);
  assert.deepEqual(predicate['metadata'], { component: { name: 'm' } });
  assert.deepEqual(subject.find(({ annotations }) => annotations?.['kind'] === 'bom')?.digest, {
    sha256: sha256Hex('bom'),
  });
});
