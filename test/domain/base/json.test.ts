import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, parseStrictJson } from '../../../src/domain/base/json.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';

const refused = (text: string | Uint8Array) => assert.throws(() => parseStrictJson(text), WeighmarkError);

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false }), (text) => {
      const expected: unknown = JSON.parse(text);
      if (/"__proto__"/.test(text)) return;
      try {
        assert.deepEqual(parseStrictJson(text, { refuseCaseDuplicates: false, refuseUnsafeIntegers: false }), expected);
      } catch (error) {
        assert.match(String(error), /twice|surrogate|nested|too large/);
      }
    }),
  );
});

test('reads white space, escapes and numbers', () => {
  assert.deepEqual(parseStrictJson(' { "a\\n\\u0041" : [ 1 , -2.5e3 , true , null , "" ] } '), {
    'a\nA': [1, -2500, true, null, ''],
  });
});

test('refuses duplicate keys, also by case, and __proto__', () => {
  refused('{"a":1,"a":1}');
  refused('{"digest":1,"Digest":2}');
  refused('{"__proto__":{}}');
  assert.deepEqual(parseStrictJson('{"a":1,"A":2}', { refuseCaseDuplicates: false }), { a: 1, A: 2 });
});

test('refuses bad UTF-8, lone surrogates, byte order marks and control characters', () => {
  refused(Uint8Array.of(0x22, 0xff, 0x22));
  refused('"\\ud800"');
  refused('\ufeff{}');
  refused('"\n"');
});

test('refuses trailing text, unsafe integers, leading zeros, trailing commas and depth above 64', () => {
  for (const text of ['{} {}', '9007199254740993', '01', '[1,]', '{"a":1,}', '{,}', '[', '"a', '1e999', 'nul', ''])
    refused(text);
  refused('['.repeat(65) + ']'.repeat(65));
  parseStrictJson('['.repeat(64) + ']'.repeat(64));
});

test('canonical JSON sorts by UTF-16 code units as RFC 8785 section 3.2.3 shows', () => {
  const input = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  };
  const order = Object.keys(JSON.parse(canonicalJson(input)) as object).filter((key) => key !== '1');
  assert.deepEqual(order, ['\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
  assert.equal(
    canonicalJson({ b: [56, 1e30, 4.5, 2e-3, 1e-27], a: '\u000f"\\' }),
    '{"a":"\\u000f\\"\\\\","b":[56,1e+30,4.5,0.002,1e-27]}',
  );
});

test('canonical JSON refuses what has no JSON form', () => {
  assert.throws(() => canonicalJson(Number.NaN), WeighmarkError);
  assert.throws(() => canonicalJson([undefined]), WeighmarkError);
});
