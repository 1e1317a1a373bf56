import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { canonicalJson } from '../../../src/domain/base/json.ts';
import { growLog } from '../../../src/domain/tlog/append.ts';
import { auditLog } from '../../../src/domain/tlog/audit.ts';
import { formatCheckpoint, openCheckpoint, type Checkpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { requireContinuity } from '../../../src/domain/tlog/continuity.ts';
import { formatLeaf, parseLeaf } from '../../../src/domain/tlog/leaf.ts';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  nodeHash,
  rootAt,
  verifyConsistency,
  verifyInclusion,
  type Hash,
} from '../../../src/domain/tlog/merkle.ts';
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  cosignedMessage,
  ED25519,
  formatNote,
  formatVkey,
  keyId,
  parseNote,
  parseVkey,
  rawPublicKey,
  verifyNote,
  type NoteSignature,
  type VerifierKey,
} from '../../../src/domain/tlog/note.ts';
import { evaluateQuorum, parseLogPolicy } from '../../../src/domain/tlog/quorum.ts';
import { parseProof } from '../../../src/domain/tlog/proof.ts';
import { findEntries, proveEntry, readEntries } from '../../../src/domain/tlog/read.ts';
import { formatEntries, parseEntries, subtreesOf, type ReadTile } from '../../../src/domain/tlog/tiles.ts';
import { leavesOf, readerOf } from './log.ts';

/** One case for each refusal of the log's rules that no other test failed without. */
const hash = (word: string): Hash => leafHash(Buffer.from(word));

interface Cosigner {
  readonly key: VerifierKey;
  readonly vkey: string;
  cosign(text: string, seconds: bigint): NoteSignature;
}

function cosigner(name: string): Cosigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const vkey = formatVkey(name, COSIGNATURE_ED25519, rawPublicKey(publicKey));
  const key = parseVkey(vkey);
  return {
    key,
    vkey,
    cosign(text, seconds) {
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(seconds);
      return {
        name,
        id: key.id,
        signature: Buffer.concat([
          time,
          sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), privateKey),
        ]),
      };
    },
  };
}

async function checkpointOf(leaves: readonly Uint8Array[]): Promise<Checkpoint> {
  return {
    origin: 'log.example/a',
    size: leaves.length,
    root: await rootAt(leaves.length, subtreesOf(leaves.length, readerOf(leaves))),
  };
}

/** A reader that gives one tile otherwise. */
function tampered(
  read: ReadTile,
  where: { level: number | 'entries'; index: number },
  change: (bytes: Buffer) => Uint8Array,
): ReadTile {
  return async (tile) => {
    const bytes = await read(tile);
    return tile.level === where.level && tile.index === where.index ? change(Buffer.from(bytes)) : bytes;
  };
}

const flipped = (bytes: Buffer): Uint8Array => bytes.with(3, (bytes[3] ?? 0) ^ 1);

describe('Merkle proofs', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(hash) as [Hash, Hash, Hash, Hash];

  test('of inclusion: a path longer or shorter than the tree is deep proves nothing, though its hash is the root', () => {
    assert.ok(!verifyInclusion([b], { index: 0, hash: a }, { size: 1, root: nodeHash(a, b) }));
    assert.ok(!verifyInclusion([b], { index: 0, hash: a }, { size: 1, root: nodeHash(b, a) }));
    assert.ok(!verifyInclusion([b], { index: 0, hash: a }, { size: 4, root: nodeHash(a, b) }));
    assert.ok(!verifyInclusion([], { index: 1, hash: a }, { size: 1, root: a }), 'nor one beyond its end');
  });

  test('of consistency: longer, shorter, empty or not asked for proves nothing, though the hashes fit', () => {
    const [older, newer] = [nodeHash(b, a), nodeHash(b, nodeHash(a, c))];
    assert.ok(verifyConsistency([a, c, b], { size: 3, root: older }, { size: 4, root: newer }));
    assert.ok(
      !verifyConsistency([a, c, b, d], { size: 3, root: nodeHash(d, older) }, { size: 4, root: nodeHash(d, newer) }),
    );
    assert.ok(!verifyConsistency([a, c], { size: 3, root: a }, { size: 4, root: nodeHash(a, c) }));
    assert.ok(!verifyConsistency([], { size: 3, root: a }, { size: 4, root: a }));
    assert.ok(!verifyConsistency([a], { size: 3, root: b }, { size: 3, root: b }));
    assert.ok(!verifyConsistency([a], { size: 0, root: EMPTY_ROOT }, { size: 3, root: b }));
    assert.ok(!verifyConsistency([], { size: 0, root: a }, { size: 3, root: b }));
    assert.ok(!verifyConsistency([], { size: 2, root: a }, { size: 1, root: a }), 'a log does not shrink');
  });

  test('are hashes of 32 bytes: what is longer or shorter proves nothing, though it hashes to the root', () => {
    for (const odd of [a.subarray(1), Buffer.concat([a, b])]) {
      assert.ok(!verifyInclusion([odd], { index: 0, hash: c }, { size: 2, root: nodeHash(c, odd) }));
      assert.ok(!verifyConsistency([odd], { size: 1, root: c }, { size: 2, root: nodeHash(c, odd) }));
    }
  });

  test('are not asked for beyond the end', async () => {
    const subtrees = subtreesOf(3, readerOf(leavesOf(3)));
    for (const index of [-1, 3, 4]) await assert.rejects(inclusionProof(index, 3, subtrees), { code: 'internal' });
    for (const [from, to] of [
      [4, 3],
      [-1, 3],
    ] as const)
      await assert.rejects(consistencyProof(from, to, subtrees), { code: 'internal', message: /^no way from size/ });
    await assert.rejects(subtrees(0, 300), { code: 'internal' });
  });
});

describe('audit', () => {
  const leaves = leavesOf(600);

  test('names the tile that is wrong, above the leaves too', async () => {
    const checkpoint = await checkpointOf(leaves);
    await auditLog(checkpoint, readerOf(leaves));
    for (const [where, subject] of [
      [{ level: 0, index: 1 }, 'tile/0/001'],
      [{ level: 1, index: 0 }, 'tile/1/000.p/2'],
      [{ level: 0, index: 2 }, 'tile/0/002.p/88'],
    ] as const) {
      await assert.rejects(auditLog(checkpoint, tampered(readerOf(leaves), where, flipped)), {
        code: 'log-invalid',
        subject,
      });
    }
  });

  test('a root that the tiles do not lead to', async () => {
    const checkpoint = await checkpointOf(leaves);
    await assert.rejects(auditLog({ ...checkpoint, root: hash('other') }, readerOf(leaves)), {
      code: 'log-invalid',
      subject: 'log.example/a',
    });
    await assert.rejects(auditLog({ ...checkpoint, size: 0 }, readerOf([])), { code: 'log-invalid' });
    await auditLog({ ...checkpoint, size: 0, root: EMPTY_ROOT }, readerOf([]));
  });

  test('tiles of another length', async () => {
    const subtrees = subtreesOf(3, async () => Buffer.alloc(64));
    await assert.rejects(subtrees(0, 0), { code: 'log-invalid' });
    assert.throws(() => parseEntries(formatEntries(leavesOf(2)), 3), { code: 'log-invalid' });
  });
});

test('a log is not grown over tiles that are not those of its checkpoint', async () => {
  const leaves = leavesOf(600);
  const checkpoint = await checkpointOf(leaves);
  const more = [Buffer.from('more')];
  assert.equal((await growLog(checkpoint, more, readerOf(leaves))).size, 601);
  for (const where of [
    { level: 0, index: 2 },
    { level: 1, index: 0 },
    { level: 'entries', index: 2 },
  ] as const) {
    await assert.rejects(
      growLog(checkpoint, more, tampered(readerOf(leaves), where, flipped)),
      { code: 'log-invalid' },
      String(where.level),
    );
  }
  await assert.rejects(growLog({ ...checkpoint, root: hash('other') }, more, readerOf(leaves)), {
    code: 'log-invalid',
  });
  const consistentLie = leaves.with(599, Buffer.from('rewritten'));
  await assert.rejects(
    growLog(checkpoint, more, readerOf(consistentLie)),
    { code: 'log-invalid' },
    'entries and hashes agree with each other, not with the root',
  );
});

test('continuity: shorter is a rollback, another root of the same size or another beginning is a fork', async () => {
  const leaves = leavesOf(5);
  const [three, five] = [await checkpointOf(leaves.slice(0, 3)), await checkpointOf(leaves)];
  await requireContinuity(three, five, readerOf(leaves));
  await requireContinuity(five, five, readerOf(leaves));
  await assert.rejects(requireContinuity(five, three, readerOf(leaves)), { code: 'log-rollback' });
  await assert.rejects(requireContinuity(five, { ...five, root: hash('other') }, readerOf(leaves)), {
    code: 'log-fork',
  });
  await assert.rejects(requireContinuity({ ...three, root: hash('other') }, five, readerOf(leaves)), {
    code: 'log-fork',
  });
});

test('entries are read, found and proven only under the root', async () => {
  const leaf = {
    v: 1,
    kind: 'push',
    name: 'a',
    manifest: `sha256:${'ab'.repeat(32)}`,
    bundle: `sha256:${'cd'.repeat(32)}`,
  } as const;
  const leaves = ['a', 'b', 'c'].map((name) => formatLeaf({ ...leaf, name }));
  const head = { ...(await checkpointOf(leaves)), note: 'note', signatures: [] };
  const swapped = readerOf(leaves.toReversed());
  assert.deepEqual(
    (await readEntries(head, readerOf(leaves), { from: 1, to: 9 })).map(({ leaf: { name } }) => name),
    ['b', 'c'],
  );
  assert.deepEqual(
    (await findEntries(head, readerOf(leaves), { name: 'b' })).map(({ index }) => index),
    [1],
  );
  assert.deepEqual(await findEntries(head, readerOf(leaves), { name: 'b', kind: 'claim' }), []);
  assert.deepEqual(
    [await readEntries(null, swapped, { from: 0, to: 9 }), await findEntries(null, swapped, {})],
    [[], []],
  );
  await assert.rejects(readEntries(head, swapped, { from: 0, to: 1 }), { code: 'log-invalid' });
  await assert.rejects(findEntries(head, swapped, {}), { code: 'log-invalid' });
  await assert.rejects(proveEntry(head, swapped, 0), { code: 'log-invalid' });
  const proof = parseProof(await proveEntry(head, readerOf(leaves), 1));
  assert.ok(verifyInclusion(proof.hashes, { index: 1, hash: leafHash(leaves[1] ?? Buffer.of()) }, head));
  assert.deepEqual([proof.index, proof.checkpoint, Buffer.from(proof.extra ?? [])], [1, 'note', leaves[1]]);
  for (const index of [-1, 3, 0.5, Number.NaN])
    await assert.rejects(proveEntry(head, readerOf(leaves), index), { code: 'not-found' });
  await assert.rejects(proveEntry(null, readerOf(leaves), 0), { code: 'not-found' });
});

test('a word of a leaf that stands in another field is not what was asked for', async () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const other = `sha256:${'cd'.repeat(32)}`;
  const leaves = [
    formatLeaf({ v: 1, kind: 'claim', name: 'prod', manifest: digest, bundle: other }),
    formatLeaf({ v: 1, kind: 'promotion', name: 'a', manifest: other, bundle: digest, env: 'prod' }),
  ];
  const head = { ...(await checkpointOf(leaves)), note: 'note', signatures: [] };
  assert.deepEqual(
    (await findEntries(head, readerOf(leaves), { name: 'prod', env: undefined } as never)).map(({ index }) => index),
    [0],
  );
  assert.deepEqual(
    (await findEntries(head, readerOf(leaves), { env: 'prod' })).map(({ index }) => index),
    [1],
  );
  assert.deepEqual(
    (await findEntries(head, readerOf(leaves), { manifest: digest })).map(({ index }) => index),
    [0],
  );
});

test('a leaf in canonical form with anything but its fields as they should be', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const leaf = { v: 1, kind: 'promotion', name: 'a', manifest: digest, bundle: digest, env: 'prod' };
  assert.equal(parseLeaf(Buffer.from(canonicalJson(leaf))).env, 'prod');
  const { manifest, ...without } = leaf;
  for (const bad of [
    { ...leaf, v: 2 },
    { ...leaf, v: '1' },
    { ...leaf, kind: 'other' },
    { ...leaf, kind: ['push'] },
    { ...leaf, name: 5 },
    { ...leaf, name: null },
    { ...leaf, manifest: [manifest] },
    { ...leaf, bundle: [digest] },
    { ...leaf, manifest: 'sha256:12' },
    { ...leaf, bundle: digest.toUpperCase() },
    { ...leaf, env: 1 },
    { ...leaf, env: null },
    { ...leaf, more: 1 },
    without,
  ])
    assert.throws(() => parseLeaf(Buffer.from(canonicalJson(bad))), { code: 'log-invalid' }, canonicalJson(bad));
});

describe('notes', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = parseVkey(formatVkey('log.example/a', ED25519, rawPublicKey(publicKey)));
  const text = formatCheckpoint({ origin: 'log.example/a', size: 1, root: hash('x') });
  const signature = sign(null, Buffer.from(text), privateKey);

  test("a line with the id of the log's key under another name is not the log's signature", () => {
    assert.throws(
      () => openCheckpoint(formatNote({ text, signatures: [{ name: 'other', id: key.id, signature }] }), [key]),
      { code: 'log-key-mismatch' },
    );
    assert.throws(
      () => openCheckpoint(formatNote({ text, signatures: [{ name: key.name, id: '00000000', signature }] }), [key]),
      { code: 'log-key-mismatch' },
    );
  });

  test('verifier keys: of a known type and its length, in canonical base64', () => {
    const raw = Buffer.alloc(32, 1);
    const vkeyOf = (type: number, bytes: Uint8Array) =>
      `n+${keyId('n', type, bytes)}+${Buffer.concat([Uint8Array.of(type), bytes]).toString('base64')}`;
    assert.equal(parseVkey(vkeyOf(ED25519, raw)).type, ED25519);
    for (const bad of [
      vkeyOf(2, raw),
      vkeyOf(0xff, raw),
      vkeyOf(ED25519, raw.subarray(1)),
      vkeyOf(COSIGNATURE_ML_DSA_44, raw),
      `${vkeyOf(ED25519, raw)}=`,
      vkeyOf(ED25519, raw).replace('n+', 'm+'),
    ]) {
      assert.throws(() => parseVkey(bad), { code: 'trust-invalid' }, bad.slice(0, 60));
    }
    assert.throws(() => rawPublicKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey), {
      code: 'key-unusable',
    });
  });

  test('a note is bounded, has a blank line, and ends with a newline', () => {
    const line = `— n ${Buffer.alloc(68).toString('base64')}\n`;
    assert.equal(parseNote(`a\n\n${line}`).signatures.length, 1);
    for (const bad of [`${'a'.repeat(1 << 18)}\n\n${line}`, `x${line}`, `a\n\n${line.slice(0, -1)}x`, `a\n${line}`])
      assert.throws(() => parseNote(bad), { code: 'log-invalid' });
  });

  test('a cosignature of another length, or from beyond all time, does not verify', () => {
    const witness = cosigner('w.example');
    const verified = (of: NoteSignature) => verifyNote({ text, signatures: [of] }, [witness.key]);
    assert.equal(verified(witness.cosign(text, 7n))[0]?.timestamp, 7);
    assert.equal(verified(witness.cosign(text, 2n ** 53n - 1n)).length, 1);
    for (const bad of [
      witness.cosign(text, 2n ** 60n),
      { ...witness.cosign(text, 7n), signature: Buffer.alloc(4) },
      { ...witness.cosign(text, 7n), signature: Buffer.concat([witness.cosign(text, 7n).signature, Buffer.alloc(1)]) },
    ]) {
      assert.throws(() => verified(bad), { code: 'log-invalid' });
    }
  });

  test('what is no checkpoint is not cosigned under ML-DSA', () => {
    const of = (body: string) => cosignedMessage(body, { name: 'w', type: COSIGNATURE_ML_DSA_44 }, 0);
    const root = Buffer.from(hash('x')).toString('base64');
    assert.notEqual(of(`o\n1\n${root}\n`), null);
    for (const bad of [`o\n01\n${root}\n`, `o\nx\n${root}\n`, 'o\n1\nAAAA\n', 'hello\n'])
      assert.equal(of(bad), null, bad);
  });

  test(
    'under ML-DSA, what is no checkpoint or from beyond all time does not verify',
    { skip: Number(process.versions.node.split('.')[0]) < 24 && 'this Node has no ML-DSA' },
    () => {
      const pair = generateKeyPairSync('ml-dsa-44');
      const quantum = parseVkey(formatVkey('w', COSIGNATURE_ML_DSA_44, rawPublicKey(pair.publicKey)));
      const cosigned = (exponent: number): NoteSignature => {
        const time = Buffer.alloc(8);
        time.writeBigUInt64BE(2n ** BigInt(exponent));
        return {
          name: 'w',
          id: quantum.id,
          signature: Buffer.concat([
            time,
            sign(null, cosignedMessage(text, quantum, 2 ** exponent) ?? Buffer.alloc(0), pair.privateKey),
          ]),
        };
      };
      assert.equal(verifyNote({ text, signatures: [cosigned(40)] }, [quantum])[0]?.timestamp, 2 ** 40);
      assert.throws(() => verifyNote({ text, signatures: [cosigned(60)] }, [quantum]), { code: 'log-invalid' });
      assert.throws(
        () =>
          verifyNote({ text: 'hello\n', signatures: [{ name: 'w', id: quantum.id, signature: Buffer.alloc(2428) }] }, [
            quantum,
          ]),
        { code: 'log-invalid' },
      );
    },
  );
});

describe('witness policies', () => {
  const [one, two] = [cosigner('w1.example'), cosigner('w2.example')];
  const log = formatVkey('log.example/a', ED25519, Buffer.alloc(32, 1));

  for (const [what, lines] of Object.entries({
    'too many characters': `# ${'a'.repeat(1 << 20)}\nquorum none`,
    'too many lines': `${'\n'.repeat(1001)}quorum none`,
    'a control character in a comment': '# \u0007\nquorum none',
    'a carriage return in a comment': '# \r\nquorum none',
    'another word for quorum': 'foo none',
    'a log without key': 'log\nquorum none',
    'a log with a third word': `log ${log} https://a b\nquorum none`,
    'a witness without a word': 'witness\nquorum none',
    'a witness without key': 'witness w\nquorum none',
    'a witness with a fourth word': `witness w ${one.vkey} https://a b\nquorum none`,
    'a group without a word': 'group\nquorum none',
    'a group of a name alone': 'group g\nquorum none',
    'a group of nobody': 'group g all\nquorum none',
    'a group with the name of a witness': `witness w ${one.vkey}\ngroup w any w\nquorum none`,
    'a group with the name of a group': `witness w ${one.vkey}\nwitness v ${two.vkey}\ngroup g any w\ngroup g any v\nquorum none`,
    'a group called none': `witness w ${one.vkey}\ngroup none any w\nquorum none`,
    'two witnesses of one name': `witness w ${one.vkey}\nwitness w ${two.vkey}\nquorum none`,
    'a quorum of nothing': 'quorum',
    'a quorum of two words': `witness w ${one.vkey}\nquorum w w`,
    'a quorum of the undefined': 'quorum w',
    'a threshold in words': `witness w ${one.vkey}\ngroup g one w\nquorum g`,
  }))
    test(`no policy: ${what}`, () => assert.throws(() => parseLogPolicy(lines), { code: 'policy-invalid' }));

  test("only the policy's own keys count: name and id", () => {
    const policy = parseLogPolicy(`witness w ${one.vkey}\nquorum w`);
    assert.deepEqual(evaluateQuorum(policy, [{ key: one.key, timestamp: 5 }]), {
      met: true,
      witnesses: ['w'],
      time: 5,
    });
    for (const key of [{ ...two.key, name: one.key.name }, { ...two.key, id: one.key.id }, two.key])
      assert.equal(evaluateQuorum(policy, [{ key, timestamp: 5 }]).met, false);
    assert.deepEqual(evaluateQuorum(parseLogPolicy('quorum none'), []), { met: true, witnesses: [] });
  });
});
