import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { verify } from '../../../src/flows/verify/verify.ts';
import { claimsWorld, refusals, type ClaimsWorld } from '../claims-world.ts';
import { runs } from '../../thorough.ts';

const FILES = {
  'config.json': '{"model_type":"tiny"}\n',
  'weights.bin': 'weights '.repeat(500),
  'tokenizer/vocab.txt': 'a\nb\n',
  'README.md': '# tiny\n',
};

/** A change to a signed folder, and what the verdict must say of it. */
const CHANGES: readonly {
  readonly what: string;
  readonly change: (root: string) => Promise<unknown>;
  readonly refusals: readonly string[];
}[] = [
  {
    what: 'a byte changed',
    change: (root) => writeFile(join(root, 'weights.bin'), `X${FILES['weights.bin'].slice(1)}`),
    refusals: ['digest-mismatch weights.bin'],
  },
  {
    what: 'a file truncated',
    change: (root) => truncate(join(root, 'weights.bin'), 100),
    refusals: ['digest-mismatch weights.bin'],
  },
  {
    what: 'a file grown',
    change: (root) => appendFile(join(root, 'weights.bin'), 'x'),
    refusals: ['digest-mismatch weights.bin'],
  },
  {
    what: 'a file emptied',
    change: (root) => truncate(join(root, 'config.json'), 0),
    refusals: ['digest-mismatch config.json'],
  },
  {
    what: 'a file removed',
    change: (root) => rm(join(root, 'tokenizer/vocab.txt')),
    refusals: ['file-missing tokenizer/vocab.txt'],
  },
  {
    what: 'a file added',
    change: (root) => writeFile(join(root, 'tokenizer/evil.py'), 'import os'),
    refusals: ['file-unsigned tokenizer/evil.py'],
  },
  {
    what: 'a hidden file added',
    change: (root) => writeFile(join(root, '.hidden'), ''),
    refusals: ['file-unsigned .hidden'],
  },
  {
    what: 'a file renamed',
    change: (root) => rename(join(root, 'config.json'), join(root, 'Config.json')),
    refusals: ['file-missing config.json', 'file-unsigned Config.json'],
  },
  {
    what: 'a file moved',
    change: (root) => rename(join(root, 'config.json'), join(root, 'tokenizer/config.json')),
    refusals: ['file-missing config.json', 'file-unsigned tokenizer/config.json'],
  },
  {
    what: 'two files swapped',
    change: (root) => swap(root, 'config.json', 'weights.bin'),
    refusals: ['digest-mismatch config.json', 'digest-mismatch weights.bin'],
  },
  {
    what: 'a git file below the top',
    change: (root) => writeFile(join(root, 'tokenizer/.gitignore'), '*'),
    refusals: ['file-unsigned tokenizer/.gitignore'],
  },
];

async function swap(root: string, a: string, b: string): Promise<void> {
  await rename(join(root, a), join(root, 'swap.tmp'));
  await rename(join(root, b), join(root, a));
  await rename(join(root, 'swap.tmp'), join(root, b));
}

for (const how of ['sign', 'seal'] as const) {
  for (const { what, change, refusals: expected } of CHANGES) {
    test(`after ${how}, ${what} is refused by name`, async (t) => {
      const world = await claimsWorld(t);
      const anna = await world.person('anna');
      const root = await world.tree('m', FILES);
      await world[how](root, anna);
      assert.equal((await world.verify(root, [anna.trust])).verdict.outcome, 'verified');
      await change(root);
      const outcome = await world.verify(root, [anna.trust]);
      assert.equal(outcome.verdict.exitCode, 1);
      assert.deepEqual(refusals(outcome).toSorted(), expected.toSorted());
      assert.equal(outcome.id, null);
    });
  }
}

test('without a signature there is nothing to verify, whoever is trusted', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  for (const trust of [[], [anna.trust]]) {
    const { verdict } = await world.verify(root, trust);
    assert.deepEqual([verdict.exitCode, verdict.outcome], [3, 'nothing']);
  }
});

test('a signature without trust is a question of usage, and a stranger is refused', async (t) => {
  const world = await claimsWorld(t);
  const [anna, mallory] = [await world.person('anna'), await world.person('mallory')];
  const root = await world.tree('m', FILES);
  await world.sign(root, mallory);
  const untrusted = await world.verify(root, []);
  assert.deepEqual([untrusted.verdict.exitCode, refusals(untrusted)], [2, ['trust-missing']]);
  const stranger = await world.verify(root, [anna.trust]);
  assert.deepEqual([stranger.verdict.exitCode, refusals(stranger)], [1, ['signer-untrusted model.sig']]);
});

test('an unreadable file leaves it undecided and is named', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.sign(root, anna);
  const location = join(root, 'weights.bin');
  const { createFiles } = await import('../../../src/adapters/files/index.ts');
  const broken = {
    kernel: 'none',
    hash: () => Promise.reject(new WeighmarkError('unreadable', 'permission denied', { subject: location })),
  };
  const ports = {
    files: createFiles(),
    hasher: async () => broken as never,
    clock: { now: () => new Date() },
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    trust: async () => [anna.trust],
    timestampAuthorities: async () => [],
    keyless: () => Promise.reject(new Error('not needed')),
  };
  const outcome = await verify({ root, shown: 'm' }, ports);
  assert.deepEqual([outcome.verdict.exitCode, refusals(outcome)], [4, ['unreadable weights.bin']]);
});

test('an unreadable file hides no other that changed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.sign(root, anna);
  await appendFile(join(root, 'config.json'), ' ');
  const { createFiles } = await import('../../../src/adapters/files/index.ts');
  const location = join(root, 'weights.bin');
  const sha256 = async (path: string) => ({
    digests: {
      sha256: createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    },
  });
  const hash = async (jobs: readonly { location: string }[]) => {
    if (jobs.some((job) => job.location === location))
      throw new WeighmarkError('unreadable', 'permission denied', { subject: location });
    return Promise.all(jobs.map((job) => sha256(job.location)));
  };
  const ports = {
    files: createFiles(),
    hasher: async () => ({ kernel: 'none', hash }) as never,
    clock: { now: () => new Date() },
    progress: { start: () => ({ advance: () => {}, end: () => {} }) },
    trust: async () => [anna.trust],
    timestampAuthorities: async () => [],
    keyless: () => Promise.reject(new Error('not needed')),
  };
  const outcome = await verify({ root, shown: 'm' }, ports);
  assert.deepEqual(
    [outcome.verdict.exitCode, refusals(outcome).toSorted()],
    [1, ['digest-mismatch config.json', 'unreadable weights.bin']],
  );
});

test('what was signed cannot be wished away by --ignore, and the message says so', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.sign(root, anna);
  const outcome = await world.verify(root, [anna.trust], { ignore: ['config.json'] });
  assert.deepEqual(refusals(outcome), ['file-missing config.json']);
  assert.match(findingsOf(outcome.verdict)[0]?.message ?? '', /--ignore leaves it out/);
});

test('a symbolic link is refused unless asked for, and never leads outside', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.sign(root, anna);
  await world.tree('m', { 'link.bin': '-> weights.bin' });
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['symlink-refused link.bin']);
  await world.sign(root, anna, { allowSymlinks: true });
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await world.tree('m', { 'out.bin': '-> ../anna.key' });
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['symlink-refused out.bin']);
});

test('what the signer or the user leaves out is said', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { ...FILES, 'notes/a.txt': 'n' });
  await world.sign(root, anna, { ignore: ['notes/'] });
  const signed = await world.verify(root, [anna.trust]);
  assert.deepEqual([signed.verdict.exitCode, signed.verdict.notes], [0, ['left out by the signature: notes']]);
  await writeFile(join(root, 'extra.txt'), 'x');
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 1);
  const ignored = await world.verify(root, [anna.trust], { ignore: ['extra.txt'] });
  assert.equal(ignored.verdict.exitCode, 0);
  assert.ok(ignored.verdict.notes.includes('left out by --ignore: extra.txt'));
  const accepted = await world.verify(root, [anna.trust], { ignoreUnsignedFiles: true });
  assert.ok(accepted.verdict.notes.includes('1 unsigned files accepted: extra.txt'));
});

test('a single file is signed beside itself, and a changed byte refuses it', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna', 'secp384r1');
  await world.tree('m', FILES);
  const root = join(world.folder, 'm', 'weights.bin');
  for (const how of ['sign', 'seal'] as const) {
    await world[how](root, anna);
    assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  }
  await appendFile(root, 'x');
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['digest-mismatch weights.bin']);
});

test('BLAKE3 alone is hashed where the signer vouches for the pairs, and all on demand', async (t) => {
  const world = await claimsWorld(t);
  const [anna, ben] = [await world.person('anna'), await world.person('ben')];
  const root = await world.tree('m', FILES);
  await world.seal(root, anna);
  const algorithms = async (more = {}) =>
    (await world.verify(root, [anna.trust, ben.trust], more)).verdict.checks[0]?.evidence[0]?.data?.['algorithms'];
  assert.deepEqual(await algorithms(), ['blake3']);
  assert.deepEqual(await algorithms({ algorithm: 'sha256' }), ['sha256']);
  assert.deepEqual(await algorithms({ algorithm: 'all' }), ['sha256', 'blake3']);
});

test('the files are hashed once, while the claims are read; again only where the claims do not vouch for BLAKE3', async (t) => {
  const world = await claimsWorld(t);
  const [anna, ben] = [await world.person('anna'), await world.person('ben')];
  const root = await world.tree('m', FILES);
  await world.seal(root, anna);
  const hashes = async () => {
    world.hashed.length = 0;
    const { verdict } = await world.verify(root, [anna.trust, ben.trust]);
    return [verdict.outcome, ...world.hashed];
  };
  assert.deepEqual(await hashes(), ['verified', 'blake3 4 files']);
  await writeFile(join(root, '.hidden'), 'nobody signed it: not read');
  assert.deepEqual(await hashes(), ['failed', 'blake3 4 files']);
  await rm(join(root, '.hidden'));
  await appendFile(join(root, '.weighmark/files'), 'x');
  assert.deepEqual(await hashes(), ['failed', 'blake3 4 files', 'sha256 4 files']);
  await world.seal(root, anna);
  await writeFile(join(root, 'claims.jsonl'), '{}\n');
  assert.deepEqual(await hashes(), ['verified', 'blake3 4 files', 'sha256 4 files']);
  await world.seal(root, anna);
  await rm(join(root, 'model.sig'));
  await world.sign(root, ben);
  assert.deepEqual(
    await hashes(),
    ['verified', 'blake3 4 files', 'sha256 4 files'],
    'anna does not vouch for what ben signed',
  );
});

test('a stranger’s signature has nothing read', async (t) => {
  const world = await claimsWorld(t);
  const [anna, mallory] = [await world.person('anna'), await world.person('mallory')];
  const root = await world.tree('m', FILES);
  await world.seal(root, mallory);
  world.hashed.length = 0;
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['signer-untrusted model.sig']);
  assert.deepEqual(world.hashed, []);
});

test('property: whatever single byte of a sealed folder changes, it is refused', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'a.bin': 'abcdefgh', 'b/c.txt': 'hello\n' });
  await world.seal(root, anna, { name: 'acme/m:1' });
  const all = ['a.bin', 'b/c.txt', 'model.sig', '.weighmark/files', '.weighmark/bom.cdx.json'];
  const contents = new Map(
    await Promise.all(all.map(async (path) => [path, await readFile(join(root, path))] as const)),
  );
  const mutation = fc.tuple(fc.constantFrom(...all), fc.nat(), fc.integer({ min: 1, max: 255 }));
  await fc.assert(
    fc.asyncProperty(mutation, async ([path, at, flip]) => {
      const original = contents.get(path) ?? Buffer.alloc(0);
      const changed = Buffer.from(original);
      changed[at % changed.length] = (changed[at % changed.length] ?? 0) ^ flip;
      await writeFile(join(root, path), changed);
      const { verdict } = await world.verify(root, [anna.trust]);
      await writeFile(join(root, path), original);
      return verdict.exitCode === 1;
    }),
    { numRuns: runs(200) },
  );
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
});

test('a folder named by a link is the folder; nothing else special is', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.sign(root, anna);
  await world.tree('.', { alias: '-> m' });
  assert.equal((await world.verify(join(world.folder, 'alias'), [anna.trust])).verdict.exitCode, 0);
  await assert.rejects(world.verify(join(world.folder, 'nowhere'), [anna.trust]), { code: 'not-found' });
});

test('trust that is limited to names counts for those alone', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  await world.seal(root, anna, { name: 'acme/m:1' });
  const limited = { ...anna.trust, for: 'acme/*' };
  assert.equal((await world.verify(root, [limited], { name: 'acme/m' })).verdict.exitCode, 0);
  assert.equal((await world.verify(root, [limited], { name: 'other/m' })).verdict.exitCode, 1);
  assert.equal((await world.verify(root, [limited])).verdict.exitCode, 0);
  assert.equal((await world.verify(root, [{ ...anna.trust, for: 'other/*' }])).verdict.exitCode, 1);
});

test('a name that a stranger signed beside the content gives no trust', async (t) => {
  const world = await claimsWorld(t);
  const [anna, mallory] = [await world.person('anna'), await world.person('mallory')];
  const root = await world.tree('m', FILES);
  await world.seal(root, mallory, { name: 'acme/m:1' });
  await rm(join(root, 'model.sig'));
  await world.sign(root, anna);
  assert.deepEqual(refusals(await world.verify(root, [{ ...anna.trust, for: 'acme/*' }])), ['signer-untrusted']);
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await rm(join(root, 'model.sig'));
  assert.equal((await world.verify(root, [{ ...anna.trust, for: 'acme/*' }])).verdict.exitCode, 1);
});

const pointerTo = (content: string) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Hex(content)}\nsize ${content.length}\n`;

test('a Git LFS pointer to what was signed leaves it undecided; to anything else it is refused; none is signed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', FILES);
  for (const how of ['sign', 'seal'] as const) {
    await writeFile(join(root, 'weights.bin'), FILES['weights.bin']);
    await world[how](root, anna);
    await writeFile(join(root, 'weights.bin'), pointerTo(FILES['weights.bin']));
    const undecided = await world.verify(root, [anna.trust]);
    assert.deepEqual([undecided.verdict.exitCode, refusals(undecided)], [4, ['lfs-pointer weights.bin']]);
    await assert.rejects(world[how](root, anna), { code: 'lfs-pointer' });
    await writeFile(join(root, 'weights.bin'), pointerTo('other'));
    assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['digest-mismatch weights.bin']);
  }
});

test('what a download tool noted is compared, and said to be its say', async (t) => {
  const world = await claimsWorld(t);
  const commit = '060db6499f32faf8b98477b0a26969ef7d8b9987';
  const note = (etag: string) => `${commit}\n${etag}\n1700000000.0\n`;
  const blob = createHash('sha1').update(`blob ${FILES['config.json'].length}\0${FILES['config.json']}`).digest('hex');
  const root = await world.tree('m', {
    'config.json': FILES['config.json'],
    'model.safetensors': 'w',
    'README.md': 'x',
    '.cache/huggingface/download/config.json.metadata': note(blob),
    '.cache/huggingface/download/model.safetensors.metadata': note(sha256Hex('w')),
    '.cache/huggingface/download/README.md.metadata': note(blob),
  });
  const outcome = await world.verify(root, []);
  const { verdict } = outcome;
  assert.deepEqual(
    verdict.claimed.map(({ what }) => what),
    ['3 files, 24 B, safetensors', 'Hugging Face commit 060db64; 2 of 3 files match its download checksums'],
  );
  assert.deepEqual(refusals(outcome), ['nothing-to-verify', 'download-conflict README.md']);
  assert.equal(verdict.exitCode, 1);
});

async function bigTree(world: ClaimsWorld, count: number): Promise<string> {
  const root = join(world.folder, 'big');
  for (let folder = 0; folder < count / 100; folder += 1) {
    await mkdir(join(root, `d${folder}`), { recursive: true });
    for (let at = 0; at < 100; at += 1) await writeFile(join(root, `d${folder}`, `${at}.bin`), `${folder} ${at}`);
  }
  return root;
}

test('ten thousand files: one changed is found', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await bigTree(world, 10_000);
  await world.sign(root, anna);
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await writeFile(join(root, 'd42', '7.bin'), 'other');
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['digest-mismatch d42/7.bin']);
});
