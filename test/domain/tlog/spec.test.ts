import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { EMPTY_ROOT, leafHash } from '../../../src/domain/tlog/merkle.ts';
import {
  COSIGNATURE_ED25519,
  COSIGNATURE_ML_DSA_44,
  cosignedMessage,
  ED25519,
  formatNote,
  formatVkey,
  noteText,
  parseNote,
  parseSignatures,
  parseVkey,
  rawPublicKey,
  verifyNote,
  type NoteSignature,
  type VerifierKey,
} from '../../../src/domain/tlog/note.ts';
import { parseProof, verifyProof } from '../../../src/domain/tlog/proof.ts';
import { parseLogPolicy } from '../../../src/domain/tlog/quorum.ts';

/** Odd but legal, and illegal but near, cases of C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy. */
function party(name: string): { readonly vkey: string; readonly key: VerifierKey; sign(text: string): NoteSignature } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const vkey = formatVkey(name, ED25519, rawPublicKey(publicKey));
  const key = parseVkey(vkey);
  return { vkey, key, sign: (text) => ({ name, id: key.id, signature: sign(null, Buffer.from(text), privateKey) }) };
}

const log = party('log.example/a');
const root = leafHash(Buffer.from('x'));
const TEXT = formatCheckpoint({ origin: 'log.example/a', size: 1, root });
const SIGNATURE = Buffer.concat([Buffer.from('12345678', 'hex'), Buffer.alloc(64)]).toString('base64');

describe('signed-note', () => {
  test('key names: any text without Unicode spaces and plus, in signature lines and keys', () => {
    for (const name of ['é.example', '例え/ログ', 'a\ufeffb', 'a\u007fb', 'a:b', '—', 'a/b?c#d']) {
      assert.equal(parseNote(`x\n\n— ${name} ${SIGNATURE}\n`).signatures[0]?.name, name);
      assert.equal(parseVkey(party(name).vkey).name, name);
    }
    for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u0085b', 'a\u2003b', 'a\u2028b', 'a\u3000b']) {
      assert.throws(() => parseNote(`x\n\n— ${name} ${SIGNATURE}\n`), { code: 'log-invalid' }, JSON.stringify(name));
      assert.throws(() => party(name), { code: 'trust-invalid' }, JSON.stringify(name));
    }
  });

  test('unknown signatures are ignored, of whatever type and length, also under a known name or id', () => {
    const other = party('log.example/a');
    const strange = [
      { name: 'log.example/a', id: other.key.id, signature: Buffer.alloc(5000, 1) },
      { name: 'elsewhere', id: log.key.id, signature: Buffer.alloc(1) },
      { name: 'rfc6962.example', id: '00000000', signature: Buffer.alloc(80) },
    ];
    assert.equal(
      openCheckpoint(formatNote({ text: TEXT, signatures: [...strange, log.sign(TEXT)] }), [log.key]).signatures.length,
      1,
    );
  });

  test('at least sixteen signatures, of post-quantum size', () => {
    const many = Array.from({ length: 16 }, (_, at) => ({
      name: `w${at}`,
      id: '00000001',
      signature: Buffer.alloc(5000),
    }));
    assert.equal(openCheckpoint(formatNote({ text: TEXT, signatures: [...many, log.sign(TEXT)] }), [log.key]).size, 1);
  });

  test('several signatures of one key: each must verify', () => {
    const bad = { ...log.sign(TEXT), signature: Buffer.alloc(64) };
    const noteOf = (...signatures: readonly NoteSignature[]) => parseNote(formatNote({ text: TEXT, signatures }));
    assert.equal(verifyNote(noteOf(log.sign(TEXT), log.sign(TEXT)), [log.key]).length, 2);
    assert.throws(() => verifyNote(noteOf(log.sign(TEXT), bad), [log.key]), { code: 'log-invalid' });
    assert.throws(() => verifyNote(noteOf(bad, log.sign(TEXT)), [log.key]), { code: 'log-invalid' });
    assert.throws(
      () => verifyNote(noteOf({ ...log.sign(TEXT), signature: log.sign(TEXT).signature.subarray(1) }), [log.key]),
      { code: 'log-invalid' },
    );
  });

  test('the last empty line ends the text; a text may hold empty lines, and what looks like signatures', () => {
    const text = `a\n\n— n ${SIGNATURE}\n\nb\n`;
    const note = parseNote(formatNote({ text, signatures: [log.sign(text)] }));
    assert.equal(note.text, text);
    assert.equal(verifyNote(note, [log.key]).length, 1);
  });

  for (const [what, text] of Object.entries({
    CRLF: `x\r\n\r\n— n ${SIGNATURE}\r\n`,
    'a line after the signatures': `x\n\n— n ${SIGNATURE}\ny\n`,
    'two spaces': `x\n\n—  n ${SIGNATURE}\n`,
    'a space at the end': `x\n\n— n ${SIGNATURE} \n`,
    'a signature of an id alone': 'x\n\n— n EjRWeA==\n',
    'URL-safe base64': 'x\n\n— n EjRW-Q_4\n',
    'base64 without padding': 'x\n\n— n EjRWeAA\n',
    'a NUL': `x\u0000\n\n— n ${SIGNATURE}\n`,
  }))
    test(`not a note: ${what}`, () => assert.throws(() => parseNote(text), { code: 'log-invalid' }));

  test('every byte is UTF-8', () => {
    const bytes = Buffer.from(formatNote({ text: TEXT, signatures: [log.sign(TEXT)] }));
    assert.equal(openCheckpoint(noteText(bytes), [log.key]).size, 1);
    assert.throws(() => noteText(Buffer.concat([bytes, Buffer.from('e280', 'hex')])), { code: 'log-invalid' });
    assert.throws(
      () => openCheckpoint(noteText(Buffer.concat([Buffer.from('efbbbf', 'hex'), bytes])), [log.key]),
      { code: 'log-key-mismatch' },
      'a byte order mark is part of the origin',
    );
  });
});

describe('tlog-checkpoint', () => {
  const opened = (text: string) => openCheckpoint(formatNote({ text, signatures: [log.sign(text)] }), [log.key]);

  test('extension lines are opaque and may be there; an empty one may not, nor a fourth of what is missing', () => {
    assert.equal(opened(`${TEXT}extension\nand — another\n`).size, 1);
    for (const text of [`${TEXT}a\n\nb\n`, `${TEXT}\nb\n`, 'log.example/a\n1\n', '\n\n\n'])
      assert.throws(() => opened(text), { code: 'log-invalid' }, JSON.stringify(text));
  });

  test('a log of no entries, and of as many as a number holds; not of more', () => {
    assert.equal(opened(formatCheckpoint({ origin: 'log.example/a', size: 0, root: EMPTY_ROOT })).size, 0);
    assert.equal(
      opened(`log.example/a\n9007199254740991\n${Buffer.from(root).toString('base64')}\n`).size,
      Number.MAX_SAFE_INTEGER,
    );
    for (const size of [
      '9007199254740992',
      '9007199254740993',
      '18446744073709551615',
      '1'.repeat(400),
      '00',
      '+1',
      '1.0',
      '0x1',
      ' 1',
      '1 ',
      '１',
    ]) {
      assert.throws(
        () => parseCheckpoint(`o\n${size}\n${Buffer.from(root).toString('base64')}\n`),
        { code: 'log-invalid' },
        size,
      );
    }
  });

  test('roots: 32 bytes in canonical base64', () => {
    const zeros = Buffer.alloc(32).toString('base64');
    assert.equal(parseCheckpoint(`o\n1\n${zeros}\n`).size, 1);
    const loose = zeros.replace('A=', 'B=');
    for (const bad of [
      loose,
      zeros.slice(0, -1),
      `${zeros}=`,
      `${zeros} `,
      ` ${zeros}`,
      Buffer.alloc(31).toString('base64'),
      Buffer.alloc(33).toString('base64'),
      '',
      Buffer.alloc(32, 0xff).toString('base64url'),
    ]) {
      assert.throws(() => parseCheckpoint(`o\n1\n${bad}\n`), { code: 'log-invalid' }, bad);
    }
  });
});

describe('tlog-cosignature', () => {
  test('an ML-DSA message holds names of 1 to 255 bytes: a longer length would wrap', () => {
    const of = (name: string, origin = 'o') =>
      cosignedMessage(
        `${origin}\n1\n${Buffer.from(root).toString('base64')}\n`,
        { name, type: COSIGNATURE_ML_DSA_44 },
        0,
      );
    assert.equal(of('n'.repeat(255))?.[12], 255);
    for (const [name, origin] of [
      ['', 'o'],
      ['n'.repeat(256), 'o'],
      ['é'.repeat(128), 'o'],
      ['n', 'o'.repeat(256)],
    ] as const)
      assert.equal(of(name, origin), null);
  });

  test('an Ed25519 message is the whole text, extension lines and all', () => {
    const text = `${TEXT}extension\n`;
    assert.equal(
      Buffer.from(cosignedMessage(text, { name: 'w', type: COSIGNATURE_ED25519 }, 7) ?? []).toString(),
      `cosignature/v1\ntime 7\n${text}`,
    );
  });

  test('what a witness answers: signature lines, no empty ones among them', () => {
    assert.equal(parseSignatures(`— a ${SIGNATURE}\n— b ${SIGNATURE}\n`).length, 2);
    for (const bad of [
      '',
      '\n',
      `— a ${SIGNATURE}`,
      `— a ${SIGNATURE}\n\n— b ${SIGNATURE}\n`,
      `\n\n— b ${SIGNATURE}\n`,
      `x\n— a ${SIGNATURE}\n`,
    ])
      assert.throws(() => parseSignatures(bad), { code: 'log-invalid' }, JSON.stringify(bad));
  });
});

describe('tlog-proof', () => {
  const hash = Buffer.alloc(32, 7).toString('base64');
  const note = formatNote({ text: TEXT, signatures: [log.sign(TEXT)] });
  const leaf = leafHash(Buffer.from('x'));

  test('a log of one entry has a proof of no hashes, with and without extra data', () => {
    for (const extra of ['', 'extra \n', 'extra eA==\n']) {
      const proof = parseProof(`c2sp.org/tlog-proof@v1\n${extra}index 0\n\n${note}`);
      assert.equal(verifyProof(proof, root, { log: [log.key] }).size, 1);
      assert.equal(proof.extra === undefined, extra === '');
    }
  });

  for (const [what, text] of Object.entries({
    CRLF: `c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\n${note}`,
    'another version': `c2sp.org/tlog-proof@v2\nindex 0\n\n${note}`,
    'extra after the index': `c2sp.org/tlog-proof@v1\nindex 0\nextra eA==\n\n${note}`,
    'extra twice': `c2sp.org/tlog-proof@v1\nextra eA==\nextra eA==\nindex 0\n\n${note}`,
    'no index': `c2sp.org/tlog-proof@v1\n${hash}\n\n${note}`,
    'an index with a leading zero': `c2sp.org/tlog-proof@v1\nindex 00\n\n${note}`,
    'an index of 17 digits': `c2sp.org/tlog-proof@v1\nindex ${'1'.repeat(17)}\n\n${note}`,
    'a negative index': `c2sp.org/tlog-proof@v1\nindex -0\n\n${note}`,
    '64 hashes': `c2sp.org/tlog-proof@v1\nindex 0\n${`${hash}\n`.repeat(64)}\n${note}`,
    'a hash in loose base64': `c2sp.org/tlog-proof@v1\nindex 0\n${hash.slice(0, -1)}\n\n${note}`,
    'a line before': `\nc2sp.org/tlog-proof@v1\nindex 0\n\n${note}`,
    'no checkpoint': 'c2sp.org/tlog-proof@v1\nindex 0\n',
    'too long': `c2sp.org/tlog-proof@v1\nextra ${'A'.repeat(1 << 20)}\nindex 0\n\n${note}`,
  }))
    test(`not a proof: ${what}`, () => assert.throws(() => parseProof(text), { code: 'log-invalid' }));

  for (const [what, lines] of Object.entries({
    'a hash too many': `index 0\n${hash}\n`,
    'a hash of 31 bytes': `index 0\n${Buffer.alloc(31).toString('base64')}\n`,
    'an index beyond the log': 'index 1\n',
    'an index beyond all logs': 'index 9007199254740991\n',
  })) {
    test(`proves nothing: ${what}`, () =>
      assert.throws(
        () => verifyProof(parseProof(`c2sp.org/tlog-proof@v1\n${lines}\n${note}`), leaf, { log: [log.key] }),
        { code: 'log-invalid' },
      ));
  }
});

test('tlog-policy: white space and comments anywhere, names of any bytes, at least 32 of each', () => {
  const witnesses = Array.from({ length: 32 }, (_, at) => ({ name: `Wé${at}`, vkey: cosignerOf(`w${at}.example`) }));
  const lines = [
    '# comment',
    '\t # comment',
    '',
    ' \t',
    ...Array.from({ length: 32 }, (_, at) => `\tlog  ${party(`l${at}`).vkey} \thttps://l${at}.example/ `),
    ...witnesses.map(({ name, vkey }) => `witness ${name} ${vkey}`),
    ...witnesses.slice(1).map(({ name }, at) => `group g${at} any ${name}`),
    'group K all g0',
    'group \u212a 1 K',
    ' quorum \u212a ',
  ];
  const policy = parseLogPolicy(`${lines.join('\n')}\n`);
  assert.deepEqual(
    [policy.logs.length, policy.witnesses.length, policy.groups.length, policy.quorum],
    [32, 32, 33, '\u212a'],
  );
});

function cosignerOf(name: string): string {
  return formatVkey(name, COSIGNATURE_ED25519, rawPublicKey(generateKeyPairSync('ed25519').publicKey));
}
