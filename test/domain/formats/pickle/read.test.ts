import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { globalName, readPickle, readPickles } from '../../../../src/domain/formats/pickle/index.ts';
import { bytesOf, callOf, global, PROTO2, PROTO4, sourceOf, stackGlobal, text } from './assemble.ts';

const namesOf = (pickle: { globals: readonly Parameters<typeof globalName>[0][] }) => pickle.globals.map(globalName);
const kindsOf = (pickle: { events: readonly { kind: string }[] }) => pickle.events.map((event) => event.kind);
const codesOf = (pickle: { problems: readonly { code: string }[] }) => pickle.problems.map((problem) => problem.code);

test('plain values come out as plain values', async () => {
  const pickle = await readPickle(
    sourceOf(
      PROTO4,
      '(',
      text('a'),
      'K\x07',
      text('b'),
      'G\x3f\xf8\0\0\0\0\0\0',
      text('c'),
      '\x88',
      text('d'),
      'N',
      'd.',
    ),
  );
  assert.equal(pickle.complete, true);
  assert.deepEqual((pickle.value as { entries: unknown }).entries, [
    ['a', 7],
    ['b', 1.5],
    ['c', true],
    ['d', null],
  ]);
});

test('integers of every opcode', async () => {
  const pickle = await readPickle(
    sourceOf('(K\xffM\xff\xffJ\xff\xff\xff\xffI-5\nI01\nL12L\n\x8a\x01\x80\x8a\x09\0\0\0\0\0\0\0\0\x01\x8a\0t.'),
  );
  assert.deepEqual((pickle.value as { items: unknown }).items, [255, 65535, -1, -5, true, 12, -128, 2n ** 64n, 0]);
});

test('names reach STACK_GLOBAL through the memo, POP, DUP and MARK', async () => {
  const shuffles = [
    [text('posix'), '\x940', text('system'), '\x940', text('collections'), '0', 'h\0h\x01\x93'],
    [text('posix'), '(', text('x'), '1', text('system'), '\x93'],
    [text('system'), 'q\x050', text('posix'), '2', '0', 'h\x05\x93'],
    ["S'pos\\x69x'\n", 'Vs\\u0079stem\n', '\x93'],
    ['(0', text('posix'), text('system'), '\x93'],
  ];
  for (const parts of shuffles)
    assert.deepEqual(namesOf(await readPickle(sourceOf(PROTO4, ...parts, '.'))), ['posix.system']);
});

test('MEMOIZE counts entries, not puts, as CPython does', async () => {
  const pickle = await readPickle(
    sourceOf(PROTO4, text('os'), 'q\0q\0', '0', text('system'), '\x94', '0', 'h\0h\x01\x93.'),
  );
  assert.deepEqual(namesOf(pickle), ['os.system']);
});

test('names stay known in a memo beyond its bound', async () => {
  const many = Buffer.from('N\x94'.repeat(600_000), 'latin1');
  const pickle = await readPickle(
    sourceOf(
      PROTO4,
      many,
      global('os', 'system'),
      '\x94',
      '(',
      'j',
      Uint8Array.of(0xc0, 0x27, 0x09, 0),
      text('x'),
      '\x85R.',
    ),
    { keep: 0 },
  );
  assert.deepEqual(
    pickle.calls.map(({ callee }) => globalName(callee)),
    ['os.system'],
  );
  assert.deepEqual(codesOf(pickle), []);
});

test('every way of calling is a call', async () => {
  const ways: Record<string, (Uint8Array | string)[]> = {
    REDUCE: [global('os', 'system'), text('x'), '\x85R.'],
    NEWOBJ: [global('os', 'system'), text('x'), '\x85\x81.'],
    NEWOBJ_EX: [global('os', 'system'), text('x'), '\x85}\x92.'],
    OBJ: ['(', global('os', 'system'), text('x'), 'o.'],
    INST: ['(', text('x'), 'ios\nsystem\n.'],
  };
  for (const [via, parts] of Object.entries(ways)) {
    const { calls } = await readPickle(sourceOf(PROTO4, ...parts));
    assert.deepEqual(
      calls.map((call) => [call.via, globalName(call.callee), call.args]),
      [[via, 'os.system', ['x']]],
    );
  }
});

test('what a scan must know about is an event', async () => {
  const cases: Record<string, (Uint8Array | string)[]> = {
    'dotted-name': [stackGlobal('torch', 'serialization.os.system'), '.'],
    'computed-name': [text('os'), global('a', 'b'), ')R\x93.'],
    extension: ['\x82\x01.'],
    'build-on-global': [global('a', 'B'), '}b.'],
    'set-on-global': [global('sys', 'modules'), text('os'), 'Ns.'],
    'computed-call': [global('a', 'b'), ')R)R.'],
    persistent: ['Pfile:///etc/passwd\n.'],
    'memo-index': ['Nr\xff\xff\xff\x7f.'],
  };
  for (const [kind, parts] of Object.entries(cases))
    assert.ok(kindsOf(await readPickle(sourceOf(PROTO4, ...parts))).includes(kind), kind);
});

test('what is no callable is not called: the load ends there, as in Python', async () => {
  for (const parts of [['K\x01)R.'], ['])R.'], [text('os'), ')R.'], ['N)R.'], ['K\x01)\x81.'], ['(K\x01o.']]) {
    const read = await readPickle(sourceOf(PROTO4, ...parts));
    assert.deepEqual([codesOf(read), kindsOf(read)], [['bad-argument'], []], String(parts));
  }
});

test('a memo bomb is recognised, twenty thousand shared references are not one', async () => {
  const bomb = [']q\0', ...Array.from({ length: 40 }, () => '(h\0h\0lq\0')];
  assert.ok(kindsOf(await readPickle(sourceOf(PROTO2, ...bomb, '.'))).includes('memo-bomb'));
  const shared = await readPickle(sourceOf(PROTO2, ']q\x01(K\x01K\x02eq\0', '](', 'h\x01'.repeat(20_000), 'e.'));
  assert.deepEqual(kindsOf(shared), []);
});

test('a broken stream is read up to the break', async () => {
  const broken = await readPickle(sourceOf(PROTO2, global('posix', 'system'), text('true'), '\x85R\xff'));
  assert.deepEqual([broken.complete, namesOf(broken), codesOf(broken)], [false, ['posix.system'], ['bad-opcode']]);
  const cut = await readPickle(sourceOf(PROTO2, global('posix', 'system'), 'X\xff\0\0\0ab'));
  assert.deepEqual([cut.complete, namesOf(cut), codesOf(cut)], [false, ['posix.system'], ['bad-argument']]);
});

test('streams after STOP are read, and what follows them is said', async () => {
  const { streams, trailing } = await readPickles(sourceOf(PROTO2, '}.', callOf('os', 'system'), '\0\0\0'));
  assert.deepEqual(streams.map(namesOf), [[], ['os.system']]);
  assert.equal(trailing?.length, 3);
});

test('a large byte string is passed over, not read', async () => {
  const source = sourceOf(PROTO4, 'B', Uint8Array.of(0, 0, 0, 4), new Uint8Array(1 << 26), '.');
  const { value, complete } = await readPickle(source);
  assert.equal(complete, true);
  assert.deepEqual(
    { ...(value as object), head: 0 },
    { kind: 'bytes', offset: 7, length: 1 << 26, text: false, head: 0 },
  );
  assert.ok(source.bytesRead < 1 << 21);
});

test('a `__proto__` key stays data', async () => {
  const { value } = await readPickle(sourceOf(PROTO4, '}', text('__proto__'), '}', text('polluted'), '\x88ss.'));
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.equal((value as { entries: unknown[][] }).entries[0]?.[0], '__proto__');
});

test('array data between the opcodes of joblib is passed over', async () => {
  const dtype = [global('numpy', 'dtype'), text('f8'), '\x89\x88\x87R'];
  const state = [
    '}(',
    text('shape'),
    'K\x02\x85',
    text('dtype'),
    ...dtype,
    text('numpy_array_alignment_bytes'),
    'K\x10u',
  ];
  const wrapper = [global('joblib.numpy_pickle', 'NumpyArrayWrapper'), ')\x81', ...state, 'b'];
  const { streams } = await readPickles(
    sourceOf(PROTO4, ...wrapper, '\x03\xff\xff\xff', new Uint8Array(16).fill(0xff), text('after'), '\x86.'),
  );
  assert.equal(streams[0]?.complete, true);
  assert.deepEqual(
    streams[0]?.raw.map((span) => span.length),
    [16],
  );
});

test('hostile bytes never throw, hang or exhaust memory', async () => {
  const opcodes =
    'IJKMLSTUBCNVXFG]ael)td}su021(ghjpqrcRbio.PQ\x80\x81\x82\x85\x86\x87\x88\x8c\x8e\x90\x92\x93\x94\x95'.split('');
  const piece = fc.oneof(
    fc.constantFrom(...opcodes).map((code) => bytesOf(code)),
    fc.uint8Array({ maxLength: 6 }),
    fc.constant(text('os')),
    fc.constant(global('a', 'b')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
      const { streams } = await readPickles(sourceOf(...pieces));
      assert.ok(streams.every((stream) => stream.end >= stream.start));
    }),
    { numRuns: 500, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
  );
});

test('ten million opcodes stay within the memory bound', async () => {
  const before = process.memoryUsage().rss;
  const { complete } = await readPickle(
    sourceOf(PROTO4, '](', 'K\x01'.repeat(900), 'e'.repeat(1), '(K\x01K\x02e'.repeat(1_500_000), '.'),
  );
  assert.equal(complete, true);
  assert.ok(process.memoryUsage().rss - before < 400 << 20);
});
