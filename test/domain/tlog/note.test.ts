import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { formatLeaf, parseLeaf } from '../../../src/domain/tlog/leaf.ts';
import { inclusionProof, leafHash, rootAt } from '../../../src/domain/tlog/merkle.ts';
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
import { formatProof, parseProof, verifyProof } from '../../../src/domain/tlog/proof.ts';
import { evaluateQuorum, parseLogPolicy } from '../../../src/domain/tlog/quorum.ts';
import { subtreesOf } from '../../../src/domain/tlog/tiles.ts';
import { leavesOf, readerOf } from './log.ts';

/** From the specification of signed notes. */
const SPEC_NOTE =
  'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';

const hasMlDsa = Number(process.versions.node.split('.')[0]) >= 24;

interface Party {
  readonly key: VerifierKey;
  readonly vkey: string;
  sign(text: string, timestamp?: number): NoteSignature;
}

function party(name: string, type: number): Party {
  const { publicKey, privateKey } = pair(type);
  const vkey = formatVkey(name, type, rawPublicKey(publicKey));
  const key = parseVkey(vkey);
  return {
    key,
    vkey,
    sign(text, timestamp = 1_700_000_000) {
      if (type === ED25519) return { name, id: key.id, signature: sign(null, Buffer.from(text), privateKey) };
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(timestamp));
      const message = cosignedMessage(text, key, timestamp) ?? Buffer.alloc(0);
      return { name, id: key.id, signature: Buffer.concat([time, sign(null, message, privateKey)]) };
    },
  };
}

function pair(type: number): { publicKey: KeyObject; privateKey: KeyObject } {
  return type === COSIGNATURE_ML_DSA_44 ? generateKeyPairSync('ml-dsa-44') : generateKeyPairSync('ed25519');
}

describe('signed notes', () => {
  test("the specification's own note reads and writes back byte for byte", () => {
    const note = parseNote(SPEC_NOTE);
    assert.ok(note.text.endsWith('sera.\n'));
    assert.deepEqual(
      note.signatures.map(({ name, id }) => ({ name, id })),
      [{ name: 'quasimodo.example/salvatore', id: '367ba04b' }],
    );
    assert.equal(formatNote(note), SPEC_NOTE);
  });

  test("a verifier key of Go's checksum database has the id its hash says", () => {
    const key = parseVkey('sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8');
    assert.deepEqual([key.name, key.type, key.id], ['sum.golang.org', ED25519, '033de0ae']);
    assert.throws(() => parseVkey('sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'), {
      code: 'trust-invalid',
    });
    assert.throws(() => parseVkey('other.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'), {
      code: 'trust-invalid',
    });
  });

  test('a changed text, a changed signature of a known key: refused; unknown keys: ignored', () => {
    const [log, other] = [party('log.example/a', ED25519), party('log.example/a', ED25519)];
    const text = 'hello\n';
    const note = { text, signatures: [log.sign(text), other.sign(text)] };
    assert.equal(verifyNote(note, [log.key]).length, 1);
    assert.equal(verifyNote(note, [log.key, other.key]).length, 2);
    assert.deepEqual(verifyNote(note, [party('x', ED25519).key]), []);
    assert.throws(() => verifyNote({ ...note, text: 'hallo\n' }, [log.key]), { code: 'log-invalid' });
  });

  for (const [what, text] of Object.entries({
    'no signatures': 'x\n',
    'control characters': 'a\tb\n\n— n AAAAAAA=\n',
    'no last newline': 'a\n\n— n AAAAAAAA',
    'a hyphen for a dash': 'a\n\n- n AAAAAAAA\n',
    'base64 with loose bits': 'a\n\n— n AAAAAAB=\n',
    'too many': `a\n\n${'— n AAAAAAAA\n'.repeat(65)}`,
    empty: '',
  })) {
    test(`not a note: ${what}`, () => assert.throws(() => parseNote(text), { code: 'log-invalid' }));
  }
});

describe('checkpoints', () => {
  const root = leafHash(Buffer.from('x'));
  const text = formatCheckpoint({ origin: 'log.example/a', size: 1, root });

  test('malformed sizes, roots and origins are refused', () => {
    assert.deepEqual(parseCheckpoint(text).size, 1);
    for (const bad of ['a\n01\n', 'a\n-1\n', 'a\n1e3\n', 'a\n99999999999999999\n', '\n1\n']) {
      assert.throws(() => parseCheckpoint(`${bad}${Buffer.from(root).toString('base64')}\n`), { code: 'log-invalid' });
    }
    assert.throws(() => parseCheckpoint('a\n1\nAAAA\n'), { code: 'log-invalid' });
  });

  test('only the known key of the log opens one: log-key-mismatch', () => {
    const [log, thief] = [party('log.example/a', ED25519), party('log.example/a', ED25519)];
    const signed = formatNote({ text, signatures: [log.sign(text)] });
    assert.equal(openCheckpoint(signed, [log.key]).size, 1);
    assert.throws(() => openCheckpoint(signed, [thief.key]), { code: 'log-key-mismatch' });
    assert.throws(() => openCheckpoint(signed, []), { code: 'log-key-mismatch' });
    const renamed = party('log.example/b', ED25519);
    assert.throws(() => openCheckpoint(formatNote({ text, signatures: [renamed.sign(text)] }), [renamed.key]), {
      code: 'log-key-mismatch',
    });
  });

  test('a witness key alone is no log key', () => {
    const witness = party('log.example/a', COSIGNATURE_ED25519);
    assert.throws(() => openCheckpoint(formatNote({ text, signatures: [witness.sign(text)] }), [witness.key]), {
      code: 'log-key-mismatch',
    });
  });

  test(
    'ML-DSA-44 beside Ed25519: both must be there and verify',
    { skip: !hasMlDsa && 'this Node has no ML-DSA' },
    () => {
      const [log, quantum] = [party('log.example/a', ED25519), party('log.example/a', COSIGNATURE_ML_DSA_44)];
      const both = { text, signatures: [log.sign(text), quantum.sign(text, 0)] };
      assert.equal(openCheckpoint(formatNote(both), [log.key, quantum.key]).signatures.length, 2);
      assert.throws(
        () => openCheckpoint(formatNote({ ...both, signatures: [log.sign(text)] }), [log.key, quantum.key]),
        { code: 'log-key-mismatch' },
      );
      const grown = formatCheckpoint({ origin: 'log.example/a', size: 2, root });
      assert.throws(
        () =>
          openCheckpoint(formatNote({ text: grown, signatures: [log.sign(grown), quantum.sign(text, 0)] }), [
            log.key,
            quantum.key,
          ]),
        { code: 'log-invalid' },
      );
    },
  );
});

test('a proof file verifies offline and says what was logged; a changed leaf, index or checkpoint does not', async () => {
  const log = party('log.example/a', ED25519);
  const leaves = leavesOf(300);
  const subtrees = subtreesOf(300, readerOf(leaves));
  const text = formatCheckpoint({ origin: 'log.example/a', size: 300, root: await rootAt(300, subtrees) });
  const checkpoint = formatNote({ text, signatures: [log.sign(text)] });
  const leaf = leaves[257] ?? Buffer.alloc(0);
  const file = formatProof({ index: 257, hashes: await inclusionProof(257, 300, subtrees), checkpoint, extra: leaf });
  const proof = parseProof(file);
  assert.equal(formatProof(proof), file);
  assert.equal(verifyProof(proof, leafHash(proof.extra ?? Buffer.alloc(0)), { log: [log.key] }).size, 300);
  assert.throws(() => verifyProof(proof, leafHash(Buffer.from('other')), { log: [log.key] }), { code: 'log-invalid' });
  assert.throws(() => verifyProof({ ...proof, index: 256 }, leafHash(leaf), { log: [log.key] }), {
    code: 'log-invalid',
  });
  assert.throws(
    () =>
      verifyProof({ ...proof, checkpoint: checkpoint.replace('\n300\n', '\n301\n') }, leafHash(leaf), {
        log: [log.key],
      }),
    { code: 'log-invalid' },
  );
  for (const bad of [
    '',
    'c2sp.org/tlog-proof@v2\nindex 0\n\nx',
    'c2sp.org/tlog-proof@v1\nindex 01\n\nx',
    'c2sp.org/tlog-proof@v1\nindex 0\n@@\n\nx',
  ]) {
    assert.throws(() => parseProof(bad), { code: 'log-invalid' });
  }
});

describe('witness quorums', () => {
  const log = party('log.example/a', ED25519);
  const [x1, x2, x3, y1] = ['x1', 'x2', 'x3', 'y1'].map((name) => party(`w.example/${name}`, COSIGNATURE_ED25519)) as [
    Party,
    Party,
    Party,
    Party,
  ];
  const policy = parseLogPolicy(
    `# two operators\nlog ${log.vkey}\nwitness X1 ${x1.vkey} http://127.0.0.1:1/\nwitness X2 ${x2.vkey}\nwitness X3 ${x3.vkey}\ngroup X 2 X1 X2 X3\nwitness Y1 ${y1.vkey}\ngroup both all X Y1\nquorum both\n`,
  );
  const text = formatCheckpoint({ origin: 'log.example/a', size: 1, root: leafHash(Buffer.from('x')) });
  const witnesses = policy.witnesses.map((witness) => witness.key);
  const quorumOf = (...signatures: readonly NoteSignature[]) =>
    evaluateQuorum(policy, verifyNote({ text, signatures }, witnesses));

  test('two of three and the other operator', () => {
    assert.deepEqual(quorumOf(x1.sign(text, 100), x3.sign(text, 300), y1.sign(text, 200)), {
      met: true,
      witnesses: ['X1', 'X3', 'Y1'],
      time: 100,
    });
    assert.equal(quorumOf(x1.sign(text), x2.sign(text)).met, false);
    assert.equal(quorumOf(x1.sign(text), y1.sign(text)).met, false);
  });

  test('one witness that signs twice counts once', () => {
    assert.equal(quorumOf(x1.sign(text, 1), x1.sign(text, 2), y1.sign(text)).met, false);
  });

  test('a cosignature over another checkpoint refuses the whole note', () => {
    assert.throws(() => quorumOf(x1.sign(text.replace('\n1\n', '\n2\n')), x2.sign(text), y1.sign(text)), {
      code: 'log-invalid',
    });
  });

  for (const [what, body] of Object.entries({
    'no quorum': `log ${log.vkey}`,
    'two quorums': 'quorum none\nquorum none',
    'an unknown word': 'allow all\nquorum none',
    'a group of the undefined': 'group g any w\nquorum g',
    'a witness in two groups': `witness w ${x1.vkey}\ngroup g any w\ngroup h any w\nquorum g`,
    'one key under two names': `witness w ${x1.vkey}\nwitness v ${x1.vkey}\nquorum w`,
    'three of two': `witness w ${x1.vkey}\nwitness v ${x2.vkey}\ngroup g 3 w v\nquorum g`,
    'none of one': `witness w ${x1.vkey}\ngroup g 0 w\nquorum g`,
    'a log key as witness': `witness w ${log.vkey}\nquorum w`,
    'the name none': `witness none ${x1.vkey}\nquorum none`,
    'control characters': 'quorum none\r\n',
  })) {
    test(`no policy: ${what}`, () => assert.throws(() => parseLogPolicy(body), { code: 'policy-invalid' }));
  }
});

test('a leaf is canonical JSON of the fields known, or refused', () => {
  const digest = `sha256:${'ab'.repeat(32)}`;
  const leaf = { v: 1, kind: 'promotion', name: 'acme/enc', manifest: digest, bundle: digest, env: 'prod' } as const;
  const bytes = formatLeaf(leaf);
  assert.equal(
    Buffer.from(bytes).toString(),
    `{"bundle":"${digest}","env":"prod","kind":"promotion","manifest":"${digest}","name":"acme/enc","v":1}`,
  );
  assert.deepEqual(parseLeaf(bytes), leaf);
  for (const bad of [
    { ...leaf, v: 2 },
    { ...leaf, kind: 'x' },
    { ...leaf, manifest: 'sha256:1' },
    { ...leaf, extra: 1 },
    { ...leaf, env: 1 },
  ]) {
    assert.throws(() => parseLeaf(Buffer.from(JSON.stringify(bad))), { code: 'log-invalid' });
  }
  assert.throws(() => parseLeaf(Buffer.from(JSON.stringify(leaf))), { code: 'log-invalid' }, 'not canonical');
});

test("key ids are the specification's hash", () => {
  assert.equal(keyId('a', 1, new Uint8Array(32)).length, 8);
});
