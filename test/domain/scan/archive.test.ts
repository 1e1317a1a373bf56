import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Severity } from '../../../src/domain/scan/index.ts';
import { callOf } from '../formats/pickle/assemble.ts';
import { fired, scan, tar, told, torchZip, zip } from './build.ts';

const OS = callOf('posix', 'system');
/** The archive with bytes as its comment. */
function commented(archive: Buffer, comment: Uint8Array): Buffer {
  archive.writeUInt16LE(comment.length, archive.length - 2);
  return Buffer.concat([archive, comment]);
}

const CASES: readonly (readonly [rule: string, severity: Severity, name: string, bytes: Uint8Array])[] = [
  ['WM-ARCHIVE-001', 'high', 'm.pt', zip([{ name: 'a/data.pkl', localName: 'a/data.txt', data: 'x' }])],
  [
    'WM-ARCHIVE-002',
    'high',
    'm.pt',
    zip([
      { name: 'a/data.pkl', data: OS },
      { name: 'a/data.pkl', data: 'x' },
    ]),
  ],
  [
    'WM-ARCHIVE-003',
    'high',
    'm.pt',
    zip([
      { name: 'a/version', data: '3' },
      { name: 'a/data.pkl', data: 'x', hidden: true },
    ]),
  ],
  ['WM-ARCHIVE-004', 'high', 'm.pt', zip([{ name: 'a/data.pkl', data: 'hello', crc: 1 }])],
  ['WM-ARCHIVE-006', 'high', 'm.pt', zip([{ name: 'a/data.pkl', data: 'hello', flags: 1 }])],
  ['WM-ARCHIVE-007', 'medium', 'm.pt', Buffer.concat([Buffer.from('prefix'), torchZip()])],
  ['WM-ARCHIVE-008', 'high', 'm.pt', Buffer.concat([torchZip(OS), torchZip()])],
  ['WM-ARCHIVE-009', 'high', 'm.zip', zip([{ name: '../../evil.txt', data: 'x' }])],
  ['WM-ARCHIVE-009', 'high', 'm.zip', zip([{ name: 'C:\\evil.txt', data: 'x' }])],
  ['WM-ARCHIVE-009', 'high', 'm.tar.gz', gzipSync(tar([{ name: '../../evil.txt', data: 'x' }]))],
  ['WM-ARCHIVE-010', 'high', 'm.zip', zip([{ name: 'a', data: '/etc/passwd', attributes: 0o120777 << 16 }])],
  ['WM-ARCHIVE-010', 'high', 'm.tar', tar([{ name: 'a', type: '2', link: '/etc/passwd' }])],
  ['WM-ARCHIVE-010', 'medium', 'm.tar', tar([{ name: 'a', type: '2', link: 'b' }])],
  ['WM-ARCHIVE-010', 'high', 'm.tar', tar([{ name: 'a', type: '3' }])],
  ['WM-ARCHIVE-011', 'high', 'm.npz', zip([{ name: 'a.npy', data: new Uint8Array(100 << 20), deflate: true }])],
  ['WM-ARCHIVE-011', 'high', 'm.gz', gzipSync(new Uint8Array(100 << 20))],
  ['WM-ARCHIVE-012', 'medium', 'm.pt', Buffer.concat([torchZip(), Buffer.alloc(100, 65)])],
  ['WM-ARCHIVE-012', 'medium', 'm.zip', commented(zip([{ name: 'a.txt', data: 'x' }]), OS)],
  ['WM-ARCHIVE-013', 'medium', 'm.7z', Buffer.concat([Buffer.from('377abcaf271c', 'hex'), Buffer.alloc(100)])],
  ['WM-ARCHIVE-013', 'high', 'm.pt', Buffer.concat([Buffer.from('377abcaf271c', 'hex'), Buffer.alloc(100)])],
  [
    'WM-ARCHIVE-014',
    'low',
    'm.zip',
    zip([
      { name: 'a.txt', data: 'x' },
      { name: 'A.txt', data: 'y' },
    ]),
  ],
];

for (const [rule, severity, name, bytes] of CASES) {
  test(`${rule} at ${severity}: ${name}`, async () => {
    const result = await scan(name, bytes);
    assert.ok(fired(result, rule, severity), told(result));
  });
}

test('WM-ARCHIVE-005: local header and directory disagree on sizes', async () => {
  const bytes = zip([{ name: 'a/data.pkl', data: 'hello world' }]);
  bytes.writeUInt32LE(3, 22);
  const result = await scan('m.pt', bytes);
  assert.ok(fired(result, 'WM-ARCHIVE-005', 'high'), told(result));
});

test('every copy is scanned: duplicates, hidden members, members of any name', async () => {
  const archives = [
    zip([
      { name: 'a/data.pkl', data: OS },
      { name: 'a/data.pkl', data: 'x' },
    ]),
    zip([
      { name: 'a/version', data: '3' },
      { name: 'a/data.pkl', data: OS, hidden: true },
    ]),
    zip([{ name: 'a/notes.txt', data: OS }]),
    zip([{ name: 'inner.zip', data: zip([{ name: 'deeper.zip', data: zip([{ name: 'x', data: OS }]) }]) }]),
    tar([{ name: 'a/model.pkl', data: OS }]),
  ];
  for (const bytes of archives) assert.ok(fired(await scan('m.zip', bytes), 'WM-PICKLE-001', 'critical'));
});

test('nesting beyond the limit is incomplete, not passed', async () => {
  let bytes: Uint8Array = zip([{ name: 'x', data: 'hello' }]);
  for (let depth = 0; depth < 9; depth++) bytes = zip([{ name: 'in.zip', data: bytes }]);
  const result = await scan('m.zip', bytes);
  assert.ok(result.unexamined.length > 0 && result.verdict !== 'pass', told(result));
});

test('honest archives pass', async () => {
  for (const [name, bytes] of [
    ['m.pt', torchZip()],
    ['m.zip', zip([{ name: 'a/b.txt', data: 'hello', deflate: true }])],
    ['m.tar', tar([{ name: 'a/b.txt', data: 'hello' }])],
  ] as const) {
    const result = await scan(name, bytes);
    assert.equal(result.verdict, 'pass', told(result));
  }
});

test('a zip stored in a tar is a member, not a second format', async () => {
  const result = await scan(
    'm.nemo',
    tar([
      { name: './model_weights.ckpt', data: torchZip() },
      { name: './model_config.yaml', data: 'a: 1\n' },
    ]),
  );
  assert.equal(result.verdict, 'pass', told(result));
});
