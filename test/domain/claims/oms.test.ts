import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchNames } from '../../../src/domain/claims/oms-match.ts';
import { buildOms, isIgnored, parseOms } from '../../../src/domain/claims/oms.ts';
import { HISTORIC_OMS, PREDICATES, STATEMENT_V01, STATEMENT_V1 } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';

const A = sha256Hex('a');
const B = sha256Hex('b');

type Resource = readonly [name: string, digest: string, algorithm?: string];

/** A statement as a hostile or odd signer would make it; its root is right unless given. */
function statement(resources: readonly Resource[], serialization: object = {}, more: object = {}): Uint8Array {
  const root = omsRoot(resources.map(([, digest]) => digest));
  const predicate = {
    serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ...serialization },
    resources: resources.map(([name, digest, algorithm = 'sha256']) => ({ name, digest, algorithm })),
  };
  return Buffer.from(
    JSON.stringify({
      _type: STATEMENT_V1,
      subject: [{ name: 'm', digest: { sha256: root } }],
      predicateType: PREDICATES.integrity,
      predicate,
      ...more,
    }),
  );
}

const parse = (bytes: Uint8Array) => parseOms(parseStatement(bytes));

test('what is built is read back, sorted by UTF-8 bytes', () => {
  const resources = [
    { path: 'a.txt', digest: A },
    { path: 'a/b', digest: B },
    { path: 'a-b', digest: A },
    { path: '\u{1f600}', digest: B },
    { path: '\uff5e', digest: A },
  ];
  const manifest = parse(
    buildOms({ name: 'm', resources, single: false, allowSymlinks: false, ignorePaths: ['model.sig', '.git'] }).payload,
  );
  assert.deepEqual(
    manifest.resources.map(({ path }) => path),
    ['a-b', 'a.txt', 'a/b', '\uff5e', '\u{1f600}'],
  );
  assert.deepEqual(manifest.ignorePaths, ['.git', 'model.sig']);
});

test('any order the root agrees with is read', () => {
  assert.deepEqual(
    parse(
      statement([
        ['a/b', B],
        ['a-b', A],
      ]),
    ).resources.map(({ path }) => path),
    ['a/b', 'a-b'],
  );
});

const REFUSED: readonly (readonly [string, Uint8Array, object])[] = [
  ['a name that leaves the folder', statement([['../secret', A]]), { code: 'name-unsafe' }],
  ['a name that leaves it on the way', statement([['s/../a', A]]), { code: 'name-unsafe' }],
  ['an absolute name', statement([['/etc/passwd', A]]), { code: 'name-unsafe' }],
  ['a name that is not canonical', statement([['./a', A]]), { code: 'name-unsafe' }],
  ['a name with a NUL', statement([['a\u0000b', A]]), { code: 'name-unsafe' }],
  [
    'a name that stands twice',
    statement([
      ['a', A],
      ['a', B],
    ]),
    { code: 'signature-malformed' },
  ],
  [
    '`.` beside a file',
    statement([
      ['.', A],
      ['a', B],
    ]),
    { code: 'signature-malformed' },
  ],
  ['no resource', statement([]), { code: 'empty-artifact' }],
  ['an ignore path for everything', statement([['a', A]], { ignore_paths: ['.'] }), { code: 'name-unsafe' }],
  ['an empty ignore path', statement([['a', A]], { ignore_paths: [''] }), { code: 'name-unsafe' }],
  ['an ignore path outside', statement([['a', A]], { ignore_paths: ['../x'] }), { code: 'name-unsafe' }],
  ['an absolute ignore path', statement([['a', A]], { ignore_paths: ['/etc'] }), { code: 'name-unsafe' }],
  [
    'another root',
    statement([['a', A]], {}, { subject: [{ name: 'm', digest: { sha256: A } }] }),
    { code: 'signature-malformed' },
  ],
  [
    'two subjects',
    statement([['a', A]], {}, { subject: [{ digest: { sha256: omsRoot([A]) } }, { digest: { sha256: A } }] }),
    { code: 'signature-malformed' },
  ],
  ['an upper-case digest', statement([['a', A.toUpperCase()]]), { code: 'signature-malformed' }],
  ['a short digest', statement([['a', A.slice(2)]]), { code: 'signature-malformed' }],
  ['an unknown hash', statement([['a', A, 'md5']], { hash_type: 'md5' }), { code: 'signature-malformed' }],
  ['a resource of another hash than announced', statement([['a', A, 'blake3']]), { code: 'signature-malformed' }],
  ['an unknown method', statement([['a', A]], { method: 'chunks' }), { code: 'signature-malformed' }],
  ['a shard size without shards', statement([['a', A]], { shard_size: 1 }), { code: 'signature-malformed' }],
  ['shards without a size', statement([['a:0:1', A]], { method: 'shards' }), { code: 'signature-malformed' }],
  [
    'a shard size of half a byte',
    statement([['a:0:1', A]], { method: 'shards', shard_size: 0.5 }),
    { code: 'signature-malformed' },
  ],
  [
    'a gap between shards',
    statement(
      [
        ['a:0:2', A],
        ['a:4:5', B],
      ],
      { method: 'shards', shard_size: 2 },
    ),
    { code: 'signature-malformed' },
  ],
  [
    'a missing first shard',
    statement([['a:2:3', A]], { method: 'shards', shard_size: 2 }),
    { code: 'signature-malformed' },
  ],
  [
    'shards that overlap',
    statement(
      [
        ['a:0:2', A],
        ['a:1:3', B],
      ],
      { method: 'shards', shard_size: 2 },
    ),
    { code: 'signature-malformed' },
  ],
  [
    'a short shard in the middle',
    statement(
      [
        ['a:0:1', A],
        ['a:2:4', B],
      ],
      { method: 'shards', shard_size: 2 },
    ),
    { code: 'signature-malformed' },
  ],
  ['no word on symbolic links', statement([['a', A]], { allow_symlinks: undefined }), { code: 'signature-malformed' }],
  [
    'an unknown field that may change the meaning',
    statement([['a', A]], { strip_prefix: 'x' }),
    { code: 'signature-malformed' },
  ],
  ['statement v0.1', statement([['a', A]], {}, { _type: STATEMENT_V01 }), { code: 'signature-malformed' }],
  [
    'version 1.1 of the predicate',
    statement([['a', A]], {}, { predicateType: 'https://model_signing/signature/v1.1' }),
    { code: 'signature-malformed' },
  ],
];

for (const [what, bytes, error] of REFUSED) test(`refused: ${what}`, () => assert.throws(() => parse(bytes), error));

test('both spellings of shards are read, sizes as protobuf writes them, names with colons', () => {
  const shards: readonly Resource[] = [
    ['a:b.bin:0:2', A, 'sha256-sharded-2'],
    ['a:b.bin:2:3', B, 'sha256-sharded-2'],
  ];
  const text = Buffer.from(statement(shards, { method: 'shards', shard_size: 2 }))
    .toString()
    .replace('"shard_size":2', '"shard_size":2.0');
  const manifest = parse(Buffer.from(text));
  assert.deepEqual(
    manifest.resources.map(({ path, range }) => [path, range]),
    [
      ['a:b.bin', { start: 0, end: 2 }],
      ['a:b.bin', { start: 2, end: 3 }],
    ],
  );
  assert.equal(
    parse(
      statement(
        [
          ['a:0:2', A],
          ['a:2:3', B],
        ],
        { method: 'shards', shard_size: 2 },
      ),
    ).shardBytes,
    2,
  );
});

test('a single file is found as `.` and by its name, never by another', () => {
  const names = (manifest: ReturnType<typeof parse>) => matchNames(manifest, [{ path: 'w.bin', sizeBytes: 1 }], true);
  assert.deepEqual(names(parse(statement([['.', A]]))).missing, []);
  assert.deepEqual(names(parse(statement([['w.bin', A]]))).missing, []);
  assert.deepEqual(names(parse(statement([['v.bin', A]]))).missing, ['v.bin']);
  assert.deepEqual(matchNames(parse(statement([['.', A]])), [{ path: 'w.bin', sizeBytes: 1 }], false).missing, ['.']);
});

test('the historic form has files as subjects and no root', () => {
  const subject = [{ name: 'a', digest: { sha256: A }, annotations: { actual_hash_algorithm: 'file-sha256' } }];
  const payload = (subjects: object) =>
    Buffer.from(
      JSON.stringify({
        _type: STATEMENT_V1,
        subject: subjects,
        predicateType: HISTORIC_OMS,
        predicate: { unused: '' },
      }),
    );
  assert.equal(parse(payload(subject)).historic, true);
  assert.throws(() => parse(payload([...subject, ...subject])), { code: 'signature-malformed' });
  assert.throws(() => parse(payload([{ name: '../a', digest: { sha256: A }, annotations: subject[0]?.annotations }])), {
    code: 'name-unsafe',
  });
});

test('an ignore path covers itself and what is below, not its namesakes', () => {
  assert.deepEqual(
    ['a', 'a/b', 'ab', 'b/a'].map((path) => isIgnored(path, ['a'])),
    [true, true, false, false],
  );
});

test('property: any tree of good names is built and read back', () => {
  const part = fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed());
  const files = fc.uniqueArray(
    fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(files, (paths) => {
      const manifest = parse(
        buildOms({
          name: 'm',
          resources: paths.map((path) => ({ path, digest: sha256Hex(path) })),
          single: false,
          allowSymlinks: false,
          ignorePaths: [],
        }).payload,
      );
      return (
        manifest.resources.length === paths.length &&
        manifest.resources.every(({ path, digest }) => digest === sha256Hex(path))
      );
    }),
  );
});

test('property: files of any size are signed by shards and read back, in the order their names have as text', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1000, max: 9999 }), (bytes, shardBytes) => {
      const resources = bytes.flatMap((size, file) =>
        Array.from({ length: Math.ceil(size / shardBytes) }, (_, at) => ({
          path: `w:${file}`,
          range: { start: at * shardBytes, end: Math.min(size, (at + 1) * shardBytes) },
          digest: sha256Hex(`${file}:${at}`),
        })),
      );
      const manifest = parse(
        buildOms({
          name: 'm',
          resources,
          algorithm: 'blake3',
          shardBytes,
          single: false,
          allowSymlinks: false,
          ignorePaths: [],
        }).payload,
      );
      const names = manifest.resources.map(({ path, range }) => `${path}:${range?.start}:${range?.end}`);
      assert.deepEqual(names, names.toSorted());
      assert.deepEqual(new Set(manifest.resources), new Set(resources));
      assert.deepEqual([manifest.algorithm, manifest.shardBytes], ['blake3', shardBytes]);
    }),
  );
});
