import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBase64, isBase64 } from '../../../src/domain/base/base64.ts';
import {
  parseStrictJson,
  readStrictly,
  strictJsonWithout,
  type StrictJsonOptions,
} from '../../../src/domain/base/json.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { scanJson } from '../../../src/domain/base/json-scan.ts';
import { runs } from '../../thorough.ts';

/** Value or refusal, in words. */
function said(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    return { refused: String(error) };
  }
}

const options = fc.record({ refuseCaseDuplicates: fc.boolean(), refuseUnsafeIntegers: fc.boolean() });
const agree = (bytes: Uint8Array, how: StrictJsonOptions) => {
  const expected = said(() => readStrictly(bytes, how));
  assert.deepEqual(
    said(() => parseStrictJson(bytes, how)),
    expected,
  );
  assert.deepEqual(
    said(() => parseStrictJson(bytes, { ...how, lazyPath: ['a', 'b'] })),
    expected,
  );
};

const space = fc.constantFrom('', '', '', ' ', '\n', '\t', ' \r\n', '\u00a0');
const name = fc.constantFrom(
  'a',
  'A',
  'b',
  'é',
  'É',
  'K',
  'k',
  '\\u0061',
  'a\\n',
  '__proto__',
  '__PROTO__',
  'constructor',
  '0',
  '1',
  '@',
  '`',
  '_',
  '',
);
const scalar = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    'nul',
    'True',
    '""',
    '"',
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '"\\x"',
    '"\\u12g4"',
    '"\t"',
    '"é\ud83d\ude00"',
  ),
  fc.constantFrom(
    '0',
    '-0',
    '01',
    '-',
    '1.',
    '.5',
    '1e5',
    '1E+05',
    '1e999',
    '-1e-99',
    '9007199254740991',
    '9007199254740993',
    '1234567890123456789',
    '0.12345678901234567890',
    '1e',
    '+1',
    '12e10',
    '1.0e-7',
  ),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.double().map(String),
);

/** JSON as people, programs and attackers spell it. */
const spelled = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'json' },
    scalar,
    fc
      .tuple(
        space,
        fc.array(
          fc.tuple(space, tie('text'), space).map((parts) => parts.join('')),
          { maxLength: 4 },
        ),
        space,
      )
      .map(([before, items, after]) => `[${before}${items.join(',')}${after}]`),
    fc
      .tuple(
        space,
        fc.array(
          fc
            .tuple(space, name, space, space, tie('text'))
            .map(([s1, key, s2, s3, value]) => `${s1}"${key}"${s2}:${s3}${value}`),
          { maxLength: 5 },
        ),
        space,
      )
      .map(([before, members, after]) => `{${before}${members.join(',')}${after}}`),
  ),
})).text;

test('the fast way reads and refuses what the strict reader does, word for word', () => {
  fc.assert(
    fc.property(spelled, options, (text, how) => agree(Buffer.from(text), how)),
    { numRuns: runs(3000) },
  );
});

test('so it does after any change of a byte', () => {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.constantFrom(0x00, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x30, 0x65, 0x80, 0xc3, 0xff),
    kind: fc.constantFrom('put', 'insert', 'cut'),
  });
  fc.assert(
    fc.property(fc.oneof(spelled, fc.json()), change, options, (text, { at, byte, kind }, how) => {
      const bytes = [...Buffer.from(text)];
      const place = at % (bytes.length + 1);
      if (kind === 'put') bytes[place] = byte;
      else if (kind === 'insert') bytes.splice(place, 0, byte);
      else bytes.length = place;
      agree(Uint8Array.from(bytes), how);
    }),
    { numRuns: runs(3000) },
  );
});

test('text given as a string is read like its bytes, but for half surrogate pairs', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        spelled,
        fc.string({ unit: 'binary' }).map((text) => `["${text}","\\n${text}"]`),
      ),
      options,
      (text, how) => {
        assert.deepEqual(
          said(() => parseStrictJson(text, how)),
          said(() => readStrictly(text, how)),
        );
      },
    ),
    { numRuns: runs(1000) },
  );
});

test('it doubts keys that may be equal, surrogates, numbers that may not be exact, and depth: nothing common', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"A":2}',
    '{"\\u0061":1}',
    '{"é":1}',
    '{"__proto__":1}',
    '"\\ud83d\\ude00"',
    '9007199254740993',
    '1e100',
    `${'['.repeat(65)}${']'.repeat(65)}`,
  ]) {
    assert.equal(scanJson(Buffer.from(text)), null, text);
  }
  const common = {
    mediaType: 'text/plain',
    size: 4096,
    ratio: -0.5e-7,
    none: null,
    list: [true, false, { é: 'ü'.length }.é, 'ü\n"\\/'],
    deep: { deep: {} },
  };
  for (const text of [JSON.stringify(common), JSON.stringify(common, null, 2)])
    assert.notEqual(scanJson(Buffer.from(text)), null);
});

test('members are noted along a path, with the place of their values', () => {
  const text =
    '{ "x" : [ { "y" : 1 } ] , "a" : { "p" : "t" , "b" : { "q" : {} } , "c" : { "no" : 1 } } , "b" : { "no" : 2 } }';
  const noted = scanJson(Buffer.from(text), ['a', 'b'])?.map(({ depth, name: key, start, end }) => [
    depth,
    key,
    text.slice(start, end),
  ]);
  assert.deepEqual(noted, [
    [1, 'x', '[ { "y" : 1 } ]'],
    [2, 'p', '"t"'],
    [3, 'q', '{}'],
    [2, 'b', '{ "q" : {} }'],
    [2, 'c', '{ "no" : 1 }'],
    [1, 'a', text.slice(text.indexOf('{ "p"'), text.indexOf(' , "b" : { "no" : 2'))],
    [1, 'b', '{ "no" : 2 }'],
  ]);
});

test('what is put off is the same when it is read, as often as it is read', () => {
  const long = Array.from({ length: 20_000 }, (_, index) => ({ index, name: `file ${index}` }));
  const value = {
    first: 1,
    a: { x: long, b: { y: long, z: 'short' }, w: [] },
    b: { x: long },
    text: 'x'.repeat(1 << 17),
  };
  const bytes = Buffer.from(JSON.stringify(value));
  const read = parseStrictJson(bytes, { lazyPath: ['a', 'b'] }) as typeof value;
  assert.deepEqual(Object.keys(read), Object.keys(value));
  assert.equal(read.a.b.z, 'short');
  assert.deepEqual(read, value);
  assert.deepEqual(structuredClone(read), value);
  assert.equal(JSON.stringify(read), bytes.toString());
});

test('a fault in what is put off is refused at once', () => {
  const long = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => index));
  for (const fault of [
    '{"k":1,"k":2}',
    '[1,]',
    '"\\ud800"',
    '"\u0001"',
    '{"__proto__":1}',
    `${'['.repeat(70)}${']'.repeat(70)}`,
  ]) {
    const bytes = Buffer.from(`{"a":{"b":{"long":${long},"deep":{"x":[${fault},${long}]}}}}`);
    assert.throws(() => parseStrictJson(bytes, { lazyPath: ['a', 'b'] }), WeighmarkError, fault);
  }
});

test('a long member is taken out only where it stands, spelled as usual', () => {
  const bytes = Buffer.from('{"x":{"payload":"no"},"dsse":{"payload":"QUJD","n":1}}');
  const cut = strictJsonWithout(bytes, ['dsse', 'payload']);
  assert.deepEqual(
    [cut?.json, Buffer.from(cut?.text ?? []).toString()],
    [{ x: { payload: 'no' }, dsse: { payload: '', n: 1 } }, 'QUJD'],
  );
  for (const text of [
    '{"dsse":{"payload":1}}',
    '{"dsse":{}}',
    '{"dsse":[{"payload":"QUJD"}]}',
    '[{"dsse":{"payload":"QUJD"}}]',
    '{"dsse":{"payload":"\\u0051UJD"}}',
    '{"dsse":{"payload":"QUJD","payload":""}}',
    '{"dsse":{"payload":"QUJD"}',
  ]) {
    assert.equal(strictJsonWithout(Buffer.from(text), ['dsse', 'payload']), null, text);
  }
});

test('base64 is read in its one spelling, at every length', () => {
  for (const length of [0, 1, 2, 3, 4, 5, 12_287, 12_288, 12_289, 12_290, 12_291, 40_000]) {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 131) & 0xff));
    const text = Buffer.from(bytes.toString('base64'));
    assert.deepEqual(Buffer.from(decodeBase64(text) ?? []), bytes);
    assert.equal(isBase64(text), true);
  }
  for (const text of [
    'A',
    'AB',
    'AB=',
    'AB==',
    'AA==AA==',
    'AA=A',
    'A===',
    '====',
    'AA==\n',
    'A A=',
    'A-_A',
    'QR==',
    'QUJ=',
    'QUI=QUI=',
  ]) {
    assert.equal(isBase64(Buffer.from(text)), false, text);
    assert.equal(decodeBase64(Buffer.from(text)), null, text);
  }
});

test('a long text is base64 or not: control characters, quotes and escapes are seen all the same', () => {
  const long = 'QUJD'.repeat(3000);
  for (const inside of ['', '\u0001', '\\n', '\\ud800', '\\x', '"', 'é', ' ']) {
    for (const at of [0, 4095, 4096, 4097, long.length])
      agree(Buffer.from(`["${long.slice(0, at)}${inside}${long.slice(at)}",1]`), {});
  }
});

test('a list of several megabytes is read in pieces, and reads as JSON does', () => {
  const item = (at: number) => ({ name: `a,"]}[{\\${at}`, list: [at, [at, { é: null }]], text: 'x'.repeat(at % 90) });
  for (const value of [
    Array.from({ length: 30_000 }, (_, at) => item(at)),
    [`"${'x'.repeat(3 << 20)}"`, 1, []],
    Array.from({ length: 900_000 }, (_, at) => at),
  ]) {
    const bytes = Buffer.from(JSON.stringify(value));
    assert.ok(bytes.length > 2 << 20);
    assert.deepEqual(parseStrictJson(bytes), value);
    assert.deepEqual(parseStrictJson(Buffer.from(` ${JSON.stringify(value, null, 1)}\n`)), value);
    const read = parseStrictJson(Buffer.from(JSON.stringify({ a: { b: value } })), { lazyPath: ['a'] });
    assert.deepEqual(read, { a: { b: value } });
  }
});
