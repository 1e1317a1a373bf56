import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../../../src/domain/base/json.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { formatLeaf, parseLeaf, type LogLeaf } from '../../../src/domain/tlog/leaf.ts';

const digest = (index: number): string => `sha256:${index.toString(16).padStart(64, '0')}`;

test('a leaf is read only from its one canonical form, plain texts or not', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('prod', 'a"b', 'a\\b', 'ä', '~', ' ', '\u007f'));
  const leaf = fc.record({
    name: text,
    env: fc.option(text, { nil: undefined }),
    kind: fc.constantFrom('push', 'claim', 'promotion', 'revocation'),
  });
  fc.assert(
    fc.property(leaf, fc.nat(), fc.nat({ max: 255 }), ({ name, env, kind }, place, byte) => {
      const wanted = {
        v: 1 as const,
        manifest: digest(1),
        bundle: digest(2),
        name,
        kind,
        ...(env === undefined ? {} : { env }),
      };
      const bytes = formatLeaf(wanted);
      if (name.isWellFormed() && (env ?? '').isWellFormed()) assert.deepEqual(parseLeaf(bytes), wanted);
      const bent = Uint8Array.from(bytes);
      bent[place % bent.length] = byte;
      let read: LogLeaf;
      try {
        read = parseLeaf(bent);
      } catch {
        return;
      }
      assert.deepEqual(Buffer.from(formatLeaf(read)), Buffer.from(bent), 'what is read is written as it stood');
    }),
    { numRuns: 500 },
  );
});

const LEAF = {
  v: 1,
  kind: 'promotion',
  name: 'acme/enc',
  manifest: digest(1),
  bundle: digest(2),
  env: 'prod',
} as const;

test('a leaf has its members, of their types, and no others', () => {
  const written = (fields: object): Uint8Array => Buffer.from(canonicalJson(fields as never));
  assert.deepEqual(parseLeaf(written(LEAF)), LEAF);
  const changes = [
    ...[0, 2, '1', null].map((v) => ({ v })),
    ...['void', '', 7].map((kind) => ({ kind })),
    ...[7, null].map((name) => ({ name })),
    ...[digest(1).toUpperCase(), digest(1).slice(1), '', 7].flatMap((value) => [
      { manifest: value },
      { bundle: value },
    ]),
    ...[7, null].map((env) => ({ env })),
    { other: 1 },
  ];
  for (const change of changes)
    assert.throws(() => parseLeaf(written({ ...LEAF, ...change })), { code: 'log-invalid' }, JSON.stringify(change));
  for (const key of ['v', 'kind', 'name', 'manifest', 'bundle'] as const) {
    const { [key]: _left, ...rest } = LEAF;
    assert.throws(() => parseLeaf(written(rest)), { code: 'log-invalid' }, key);
  }
  assert.throws(() => parseLeaf(Buffer.from(JSON.stringify(LEAF))), { code: 'log-invalid' }, 'another order');
});

test('a leaf fits into an entry of a tile', () => {
  const rest = formatLeaf({ ...LEAF, name: '' }).length;
  for (const letter of ['a', '"'])
    for (const over of [0, 1]) {
      const room = LIMITS.logLeafBytes - rest + over;
      const name =
        letter === 'a' ? 'a'.repeat(room) : `${'"'.repeat(Math.floor(room / 2))}${room % 2 === 1 ? 'a' : ''}`;
      const bytes = formatLeaf({ ...LEAF, name });
      assert.equal(bytes.length, LIMITS.logLeafBytes + over);
      if (over === 0) assert.equal(parseLeaf(bytes).name, name);
      else assert.throws(() => parseLeaf(bytes), { code: 'limit-exceeded' });
    }
});
