import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { bundleOf } from '../../../src/adapters/keys/bundle.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf, type Verdict } from '../../../src/domain/base/verdict.ts';
import { historicPreAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { HISTORIC_OMS, PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';
import { omsHint } from '../../../src/domain/pki/keys.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import { bundleFor, people, signBundle, MODEL } from '../../domain/policy/world.ts';
import { claimsWorld, refusals } from '../claims-world.ts';

const messages = (verdict: Pick<Verdict, 'checks'>) =>
  findingsOf(verdict).map(({ code, message }) => `${code}: ${message}`);
const evidenceOf = ({ checks }: Verdict, name: string) =>
  checks.find((check) => check.name === name)?.evidence.map(({ what }) => what);
const ANNA = { name: 'anna', anchor: { kind: 'key', pem: people.anna.pem } } as const;

async function signed(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  how: 'sign' | 'seal' = 'sign',
  more: object = {},
) {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', files);
  await world[how](root, anna, more);
  return { world, anna, root, verify: (over = {}, ports = {}) => world.verify(root, [anna.trust], over, ports) };
}

/** An OMS signature over files in the order that is given, as other tools may write it. */
function signature(
  files: readonly (readonly [path: string, text: string])[],
  ignorePaths: readonly string[] = [],
): Uint8Array {
  const resources = files.map(([name, text]) => ({ name, algorithm: 'sha256', digest: sha256Hex(text) }));
  const serialization = {
    method: 'files',
    hash_type: 'sha256',
    allow_symlinks: false,
    ignore_paths: ['model.sig', ...ignorePaths],
  };
  const root = omsRoot(resources.map(({ digest }) => digest));
  return signBundle(
    'anna',
    buildStatement([{ name: 'm', digest: { sha256: root } }], PREDICATES.integrity, { serialization, resources }),
  );
}

test('who signed is said once: by the name that the caller gave, else by what is proven', async (t) => {
  const { world, anna, root } = await signed(t, { 'w.bin': 'w' });
  const by = async (name: string) =>
    evidenceOf((await world.verify(root, [{ ...anna.trust, name }])).verdict, 'signature');
  const [named, ...none] = (await by('anna')) ?? [];
  assert.match(named ?? '', /^model\.sig by anna, key SHA256:.{16}…$/);
  assert.deepEqual(none, [], 'nobody says when');
  assert.match((await by('command-line'))?.[0] ?? '', /^model\.sig by key SHA256:.{16}…$/);
});

test('what trust is limited to is told beside what was signed', async (t) => {
  const { world, anna, root } = await signed(t, { 'w.bin': 'w' });
  const { verdict } = await world.verify(root, [{ ...anna.trust, for: 'acme/*' }]);
  assert.deepEqual(findingsOf(verdict)[0]?.facts, { signed: 'no name', trusted: 'acme/*' });
});

test('a signature among the claims counts as one; of claims it is said which are by strangers, and which nobody can read', async (t) => {
  const { root, verify } = await signed(t, { 'w.bin': 'w' });
  await writeFile(join(root, 'claims.jsonl'), await readFile(join(root, 'model.sig')));
  await rm(join(root, 'model.sig'));
  const embedded = await verify();
  assert.deepEqual([embedded.verdict.exitCode, embedded.signature !== null], [0, true]);
  const stranger = bundleFor({
    by: 'mallory',
    type: PREDICATES.evaluation,
    about: MODEL,
    predicate: { result: 'PASSED' },
  });
  await appendFile(
    join(root, 'claims.jsonl'),
    Buffer.concat([Buffer.from('\n'), stranger, Buffer.from('\n{"torn":1}\n')]),
  );
  const { notes } = (await verify()).verdict;
  assert.equal(notes[0], '1 of 3 claims are not by anyone trusted, and were ignored');
  assert.match(
    notes[1] ?? '',
    /^1 of 3 claims cannot be read \(claim-malformed\), and do not count: claims\.jsonl.*: /,
  );
  assert.equal(notes.length, 2);
});

test('by claims alone links are followed only if asked, and all digests hashed on demand', async (t) => {
  const { root, verify } = await signed(t, { 'w.bin': 'w', 'link.bin': '-> w.bin' }, 'seal', { allowSymlinks: true });
  await rm(join(root, 'model.sig'));
  assert.match(refusals(await verify()).join(), /link/);
  const followed = await verify({ allowSymlinks: true, algorithm: 'all' });
  assert.equal(followed.verdict.exitCode, 0, messages(followed.verdict).join());
  assert.deepEqual(evidenceOf(followed.verdict, 'content'), ['2 of 2 files, 2 B (sha256, blake3)']);
  assert.deepEqual(evidenceOf((await verify({ allowSymlinks: true })).verdict, 'content'), [
    '2 of 2 files, 2 B (sha256)',
  ]);
});

test('the form of model_signing 0.2.0 is read, and satisfies no policy', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'w.bin': 'w' });
  const payload = buildStatement(
    [{ name: 'w.bin', digest: { sha256: sha256Hex('w') }, annotations: { actual_hash_algorithm: 'file-sha256' } }],
    HISTORIC_OMS,
    { unused: 'Unused, just passed due to API' },
  );
  const made = sign('sha256', historicPreAuthEncoding(payload), people.anna.key);
  await writeFile(
    join(root, 'model.sig'),
    bundleOf({ key: { hint: omsHint(people.anna.pem) }, payload, signature: made }),
  );
  assert.deepEqual(messages((await world.verify(root, [ANNA])).verdict), []);
  assert.deepEqual(messages((await world.verify(root, [ANNA], { underPolicy: true })).verdict), [
    'policy-refused: a signature in the form of model_signing 0.2.0 does not satisfy a policy',
  ]);
});

test('what is left out as ever is no note; nor are unsigned files where there are none', async (t) => {
  const { verify } = await signed(t, { 'w.bin': 'w' }, 'seal');
  assert.deepEqual((await verify()).verdict.notes, []);
  assert.deepEqual((await verify({ ignoreUnsignedFiles: true })).verdict.notes, []);
});

test('files that were verified are told with where they lie', async (t) => {
  const { root, verify } = await signed(t, { 'w.bin': 'w', 'sub/c.bin': 'c' }, 'seal');
  const { files } = await verify();
  assert.deepEqual(
    files.map(({ path, location, sizeBytes, digests }) => [path, location, sizeBytes, digests.sha256]),
    [
      ['sub/c.bin', join(root, 'sub/c.bin'), 1, sha256Hex('c')],
      ['w.bin', join(root, 'w.bin'), 1, sha256Hex('w')],
    ],
  );
});

test('a signature that lists its files in another order binds the same artifact', async (t) => {
  const { world, anna, root } = await signed(t, { 'a.bin': 'a', 'b.bin': 'b' }, 'seal');
  const sealed = await world.verify(root, [anna.trust]);
  await writeFile(
    join(root, 'model.sig'),
    signature(
      [
        ['b.bin', 'b'],
        ['a.bin', 'a'],
      ],
      ['claims.jsonl', '.weighmark'],
    ),
  );
  const other = await world.verify(root, [anna.trust, ANNA]);
  assert.deepEqual(
    [other.verdict.exitCode, other.root, other.id],
    [0, sealed.root, sealed.id],
    messages(other.verdict).join(),
  );
  assert.ok(other.claims.length > 0);
});

test('what a signature lists is looked at, though it is usually left out', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'w.bin': 'w', '.gitignore': '*' });
  await writeFile(
    join(root, 'model.sig'),
    signature(
      [
        ['.gitignore', '*'],
        ['w.bin', 'w'],
      ],
      ['notes'],
    ),
  );
  assert.deepEqual(refusals(await world.verify(root, [ANNA])), []);
  await writeFile(join(root, '.gitignore'), '!');
  assert.deepEqual(refusals(await world.verify(root, [ANNA])), ['digest-mismatch .gitignore']);
});

test('records of a download are compared where the signature leaves them out, inside the folder alone', async (t) => {
  const world = await claimsWorld(t);
  const record = `${'a'.repeat(40)}\n${sha256Hex('w')}\n1700000000.0\n`;
  const root = await world.tree('m', { 'w.bin': 'w', '.cache/huggingface/download/w.bin.metadata': record });
  await writeFile(
    join(root, 'model.sig'),
    signature([['w.bin', 'w']], ['.cache/huggingface/download/w.bin.metadata', '.cache/huggingface']),
  );
  const { verdict } = await world.verify(root, [ANNA]);
  assert.ok(verdict.notes.includes('1 file matches what a download tool recorded'), verdict.notes.join('\n'));
});

test('every file that proving a part opens is closed', async (t) => {
  const { root, verify } = await signed(t, { 'w.bin': 'weights' }, 'seal');
  const own = await (await import('../../../src/adapters/hasher/index.ts')).createHasher();
  const real = createFiles();
  const location = join(root, 'w.bin');
  const opened = await real.open(location);
  await opened.close();
  const [hashed] = await own.hash([{ location, sizeBytes: opened.size, stamp: opened.stamp }], {
    algorithms: ['blake3'],
    outboardFromBytes: 0,
  });
  await placeOutboard(root, hashed?.outboard ?? Buffer.of());
  let open = 0;
  const counting: Files = {
    ...real,
    open: async (...args) => {
      const file = await real.open(...args);
      open += 1;
      return { ...file, read: file.read.bind(file), close: async () => ((open -= 1), file.close()) };
    },
  };
  const { verdict } = await verify({ only: 'w.bin#bytes=0-3' }, { files: counting });
  assert.deepEqual([messages(verdict), verdict.scope, open], [[], 'partial', 0]);
});

async function placeOutboard(root: string, outboard: Uint8Array): Promise<void> {
  const { mkdir } = await import('node:fs/promises');
  await mkdir(join(root, '.weighmark/outboards'));
  await writeFile(join(root, '.weighmark/outboards/w.bin.obao4'), outboard);
}

test('a file of a folder that is signed as a whole is told how to be verified; elsewhere nothing is guessed', async (t) => {
  const { world, anna, root } = await signed(t, { 'sub/deep/w.bin': 'w' });
  const hint = async (place: string) => findingsOf((await world.verify(place, [anna.trust])).verdict)[0]?.hint;
  assert.match(
    (await hint(join(root, 'sub/deep/w.bin'))) ?? '',
    /a part of a folder that is signed as a whole: `weighmark verify m --only sub\/deep\/w\.bin`/,
  );
  const alone = await world.tree('alone', { 'w.bin': 'w' });
  assert.match((await hint(join(alone, 'w.bin'))) ?? '', /^safe to load\? /);
});

test('what is wrong with the question or the trust is thrown, not judged', async (t) => {
  const { world, anna, root, verify } = await signed(t, { 'w.bin': 'w' });
  await assert.rejects(world.verify(join(root, 'nothing'), [anna.trust]), { code: 'not-found' });
  for (const code of ['trust-invalid', 'config-invalid', 'trust-unavailable'] as const)
    await assert.rejects(verify({}, { trust: async () => Promise.reject(new WeighmarkError(code, 'm')) }), { code });
  const judged = await verify({}, { trust: async () => Promise.reject(new WeighmarkError('unreadable', 'm')) });
  assert.deepEqual(refusals(judged), ['unreadable']);
  const untrusted = await world.verify(root, []);
  assert.deepEqual(messages(untrusted.verdict), ['trust-missing: model.sig is there, and nobody to trust was named']);
  const gone = AbortSignal.abort(new WeighmarkError('interrupted', 'stop'));
  await assert.rejects(verify({}, { signal: gone }));
});
