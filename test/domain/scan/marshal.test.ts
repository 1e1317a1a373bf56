import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, detect } from '../../../src/domain/formats/index.ts';
import { scanFile } from '../../../src/domain/scan/index.ts';

/** `marshal.dumps(compile('print(1)', 'x', 'exec'))` of CPython 3.11.7. */
const CODE = Buffer.from(
  '4wAAAAAAAAAAAAAAAAMAAAAAAAAA8xwAAACXAAIAZQBkAKYBAACrAQAAAAAAAAAAAQBkAVMAKQLpAQAAAE4pAdoFcHJpbnSpAPMAAAAA2gF4+gg8bW9kdWxlPnIHAAAAAQAAAHMWAAAA8AMBAQHYAAWABYBhgQiECIAIgAiACHIFAAAA',
  'base64',
);
const small = (type: number, name: string): Buffer =>
  Buffer.concat([Buffer.from([type, name.length]), Buffer.from(name)]);
/** `{name: code}`; a dictionary ends with a NULL. */
const dictionary = Buffer.concat([Buffer.from('{'), small(0xda, 'main'), CODE, Buffer.from('0')]);
const tuple = Buffer.concat([Buffer.from(')\x02'), small(0xda, 'main'), CODE]);
/** Of Python 2.7: four counts; of 3.8: six. */
const withCounts = (counts: number): Buffer => {
  const numbers = Buffer.alloc(counts * 4);
  numbers.writeUInt32LE(0x40, numbers.length - 4);
  return Buffer.concat([Buffer.from('c'), numbers, Buffer.from('s\x04\0\0\0d\0\0S'), Buffer.alloc(16)]);
};
const PROFILE = Buffer.concat([Buffer.from([0x7b, 0xa9, 3]), small(0xfa, '~'), Buffer.alloc(40)]);

const scanned = async (path: string, bytes: Uint8Array): Promise<readonly string[]> =>
  (await scanFile({ path, source: bytesSource(bytes) })).findings.map(({ rule, severity }) => `${rule} ${severity}`);

test('marshalled code is a program, by its bytes alone, and data that holds it is code', async () => {
  for (const code of [CODE, withCounts(4), withCounts(5), withCounts(6)]) {
    assert.deepEqual(await scanned('model.pkl', code), ['WM-FILE-003 critical']);
    assert.deepEqual(await scanned('weights.bin', code), ['WM-FILE-003 critical']);
    assert.deepEqual(await scanned('code', code), ['WM-FILE-004 medium']);
  }
  const header = Buffer.concat([Buffer.from('a70d0d0a', 'hex'), Buffer.alloc(12)]);
  assert.deepEqual(await scanned('plugin.pyc', Buffer.concat([header, CODE])), ['WM-FILE-004 medium']);
  assert.deepEqual(await scanned('p/__pycache__/a.cpython-311.pyc', Buffer.concat([header, CODE])), [
    'WM-FILE-004 low',
  ]);
  for (const data of [dictionary, tuple, Buffer.concat([PROFILE, CODE])])
    assert.deepEqual(await scanned('things', data), ['WM-CODE-001 medium']);
});

test('what holds no code, and text, is none', async () => {
  assert.deepEqual(await scanned('run.prof', PROFILE), []);
  assert.equal((await detect({ path: 'run.prof', source: bytesSource(PROFILE) })).format, 'marshal');
  for (const text of ['category\ncat\n', '{"c": 1}', '[c, s]', `c${'\t'.repeat(30)}s`])
    assert.notEqual((await detect({ path: 'a.txt', source: bytesSource(Buffer.from(text)) })).format, 'marshal', text);
  const cut = CODE.subarray(0, 40);
  assert.notEqual((await detect({ path: 'a', source: bytesSource(cut) })).format, 'marshal');
});
