import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { bytesOf, PROTO4, stackGlobal, text } from '../formats/pickle/assemble.ts';
import { fired, scan, told } from './build.ts';

/** So many memo entries that only names are kept of what follows. */
const MANY = bytesOf(...Array.from({ length: 60_000 }, () => 'K\x01\x940'));

test('names beyond the memo that is kept are judged as names', async () => {
  const late = bytesOf(
    PROTO4,
    MANY,
    text('os'),
    '\x94',
    text('system'),
    '\x9400j',
    u32(60_000),
    text('system'),
    '\x93',
    text('id'),
    '\x85R.',
  );
  assert.ok(fired(await scan('a.pkl', late), 'WM-PICKLE-001', 'critical'));
  const harmless = bytesOf(PROTO4, MANY, text('collections'), '\x940j', u32(60_000), text('OrderedDict'), '\x93)R.');
  const result = await scan('a.pkl', harmless);
  assert.equal(result.verdict, 'pass', told(result));
});

test('a text that was forgotten and is used as a name is a finding, never a pass', async () => {
  const result = await scan(
    'a.pkl',
    bytesOf(PROTO4, MANY, text('acme_lib'), '\x940j', u32(60_000), text('Thing'), '\x93)R.'),
  );
  assert.ok(fired(result, 'WM-PICKLE-007', 'high'), told(result));
});

test('joblib arrays are passed over however much was read before', async () => {
  const wrapper = [stackGlobal('joblib.numpy_pickle', 'NumpyArrayWrapper'), ')\x81}('];
  const dtype = [stackGlobal('numpy', 'dtype'), text('f8'), '\x89\x88\x87R'];
  const array = bytesOf(
    ...wrapper,
    text('subclass'),
    stackGlobal('numpy', 'ndarray'),
    text('shape'),
    'K\x01\x85',
    text('order'),
    text('C'),
    text('dtype'),
    ...dtype,
    text('allow_mmap'),
    '\x88ub',
    Buffer.alloc(8, 0x2e),
  );
  const kept = bytesOf(...Array.from({ length: 60_000 }, () => 'K\x01a'));
  const result = await scan('a.joblib', bytesOf(PROTO4, ']', kept, array, 'a', array, 'a.'));
  assert.equal(result.verdict, 'pass', told(result));
});

test('more memo entries than are kept at all: incomplete, by a limit that is said', async () => {
  const one = Buffer.from('h\0r\0\0\0\x000', 'latin1');
  const entries = Buffer.alloc(one.length * (LIMITS.pickleMemoNames + 10));
  for (let index = 0; index * one.length < entries.length; index++) {
    one.writeUInt32LE(index + 1, 3);
    one.copy(entries, index * one.length);
  }
  const result = await scan(
    'a.pkl',
    bytesOf(PROTO4, stackGlobal('collections', 'OrderedDict'), '\x940', entries, 'N.'),
  );
  assert.equal(result.verdict, 'incomplete', told(result));
  assert.match(result.unexamined[0]?.reason ?? '', /memo entries/);
});

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
