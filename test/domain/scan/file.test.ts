import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Severity } from '../../../src/domain/scan/index.ts';
import { callOf } from '../formats/pickle/assemble.ts';
import { fired, gguf, safetensors, scan, told, torchZip, zip } from './build.ts';

const ELF = Buffer.concat([Buffer.from('7f454c4602010100', 'hex'), Buffer.alloc(200)]);
const PE = Buffer.concat([
  Buffer.from('MZ'),
  Buffer.alloc(58),
  Buffer.from([64, 0, 0, 0]),
  Buffer.from('PE\0\0'),
  Buffer.alloc(100),
]);
const TENSOR = { a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } };
const LFS = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 123\n`;

const CASES: readonly (readonly [rule: string, severity: Severity, name: string, bytes: Uint8Array | string])[] = [
  ['WM-FILE-001', 'high', 'model.safetensors', callOf('collections', 'OrderedDict')],
  ['WM-FILE-001', 'medium', 'model.safetensors', Buffer.from('hello world, this is text')],
  ['WM-FILE-001', 'medium', 'model.gguf', Buffer.alloc(64, 7)],
  ['WM-FILE-002', 'high', 'model.pkl', Buffer.concat([callOf('collections', 'OrderedDict'), torchZip()])],
  [
    'WM-FILE-002',
    'high',
    'model.safetensors',
    Buffer.concat([safetensors(TENSOR), zip([{ name: 'x.txt', data: 'hi' }])]),
  ],
  ['WM-FILE-003', 'critical', 'pytorch_model.bin', ELF],
  ['WM-FILE-003', 'critical', 'model.pt', PE],
  ['WM-FILE-003', 'high', 'model.gguf', '#!/bin/sh\necho hello\n'],
  ['WM-FILE-003', 'critical', 'model.zip', zip([{ name: 'weights.bin', data: ELF }])],
  ['WM-FILE-004', 'medium', 'lib/custom_ops.so', ELF],
  [
    'WM-FILE-005',
    'medium',
    'a.npy',
    Buffer.concat([
      Buffer.from(
        "\x93NUMPY\x01\0\x3a\0{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n".padEnd(68, ' '),
        'latin1',
      ),
      Buffer.alloc(100),
    ]),
  ],
  ['WM-FILE-006', 'medium', 'a.npy', Buffer.from("\x93NUMPY\x01\0\xff\xff{'descr'", 'latin1')],
  [
    'WM-FILE-006',
    'high',
    'a.npy',
    Buffer.from(
      "\x93NUMPY\x01\0\x3c\0{'descr': __import__('os').system('true'), 'shape': ()}\n".padEnd(70, ' '),
      'latin1',
    ),
  ],
  ['WM-FILE-007', 'medium', 'model.safetensors', LFS],
];

for (const [rule, severity, name, bytes] of CASES) {
  test(`${rule} at ${severity}: ${name}`, async () => {
    const result = await scan(name, bytes);
    assert.ok(fired(result, rule, severity), told(result));
  });
}

test('what was not fetched or is of no known format is incomplete', async () => {
  assert.ok((await scan('model.safetensors', LFS)).unexamined.length > 0);
  assert.ok((await scan('model.gguf', Buffer.alloc(64, 7))).unexamined.length > 0);
});

test('a polyglot is scanned as everything it is', async () => {
  const result = await scan('model.pt', Buffer.concat([callOf('posix', 'system'), torchZip(callOf('nt', 'system'))]));
  const messages = told(result);
  assert.match(messages, /posix\.system/);
  assert.match(messages, /nt\.system/);
});

test('raw bytes without a promise pass', async () => {
  assert.equal((await scan('weights.bin', Buffer.alloc(1000, 7))).verdict, 'pass');
  assert.equal((await scan('m.gguf', gguf([['general.architecture', 'llama']]))).verdict, 'pass');
});
