import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { buildOms, parseOms, type OmsResource } from '../../../src/domain/claims/oms.ts';
import { spelledResources } from '../../../src/domain/claims/oms-spelled.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';

const WHOLE = { algorithm: 'sha256', shardBytes: null } as const;

/** As signers write them. */
function spelled(paths: readonly string[], algorithm = 'sha256'): string {
  const items = paths.map((path) => JSON.stringify({ name: path, algorithm, digest: sha256Hex(path) }));
  return `[${items.join(',')}]`;
}

function read(list: string, how: Parameters<typeof spelledResources>[1] = WHOLE) {
  return spelledResources(Buffer.from(list), how)?.map(({ path, digest }) => ({ path, digest })) ?? null;
}

test('what is spelled as signers spell it is read as JSON reads it', () => {
  const part = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    .filter((text) => !/["\\/]|\p{Cc}|^\.+$/u.test(text));
  fc.assert(
    fc.property(fc.uniqueArray(part, { minLength: 1, maxLength: 8 }), (paths) => {
      assert.deepEqual(
        read(spelled(paths)),
        paths.map((path) => ({ path, digest: sha256Hex(path) })),
      );
    }),
  );
  assert.deepEqual(read(spelled(['.'])), [{ path: '.', digest: sha256Hex('.') }]);
});

test('any other spelling is left to who reads JSON', () => {
  const good = spelled(['a', 'b']);
  const others = [
    '[]',
    `"${good.replaceAll('"', "'")}"`,
    good.replace('"a"', String.raw`"\u0061"`),
    good.replace('},{', '}, {'),
    good.replace('"name":', '"name": '),
    good.replace('"algorithm"', '"Algorithm"'),
    good.replace('"sha256"', '"blake3"'),
    good.replace(sha256Hex('a'), sha256Hex('a').toUpperCase()),
    good.replace(sha256Hex('a'), sha256Hex('a').slice(1)),
    good.replace(sha256Hex('b'), `${sha256Hex('b')}0`),
    good.replace('}]', ',"more":1}]'),
    good.replace('{"name":"a",', '{"x":1,"name":"a",'),
  ];
  for (const list of others) assert.equal(read(list), null, list);
  assert.equal(read(good, { algorithm: 'sha256', shardBytes: 10 }), null);
  assert.equal(read(good, { algorithm: 'blake2b', shardBytes: null }), null);
  assert.notEqual(read(spelled(['a'], 'blake3'), { algorithm: 'blake3', shardBytes: null }), null);
});

test('a name that leaves the folder is refused in any spelling', () => {
  for (const path of ['../a', '/a', 'a//b', '', 'a/./b'])
    assert.throws(() => read(spelled([path])), { code: 'name-unsafe' }, path);
});

test('a statement of thousands is read in pieces as it is whole, whatever the names', () => {
  const paths = Array.from(
    { length: 3000 },
    (_, at) => `ä ${String(at).padStart(5, '0')}${at % 7 === 0 ? '"\\\n' : ''}`,
  );
  const resources = paths.map((path): OmsResource => ({ path, digest: sha256Hex(path) }));
  const about = { name: 'm', single: false, allowSymlinks: false, ignorePaths: [] };
  for (const some of [resources, resources.filter((_, at) => at % 7 !== 0)]) {
    const { payload } = buildOms({ ...about, resources: some });
    assert.ok(payload.length > 128 << 10);
    const reparsed = JSON.parse(Buffer.from(payload).toString()) as { predicate: { resources: unknown } };
    assert.equal(Buffer.from(payload).toString(), JSON.stringify(reparsed));
    assert.deepEqual(
      reparsed.predicate.resources,
      some.map(({ path, digest }) => ({ name: path, algorithm: 'sha256', digest })),
    );
    assert.deepEqual(
      parseOms(parseStatement(payload)).resources.map(({ path, digest }) => ({ path, digest })),
      some,
    );
  }
});
