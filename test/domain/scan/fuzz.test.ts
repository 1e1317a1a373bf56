import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeLz4 } from '../../../src/domain/formats/compressed/lz4.ts';
import { decodeLzma } from '../../../src/domain/formats/compressed/lzma.ts';
import { parseFeed } from '../../../src/domain/scan/feeds/parse.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { global, PROTO4, text } from '../formats/pickle/assemble.ts';
import { scan } from './build.ts';
import { mutated, SEEDS } from './seeds.ts';
import { runs } from '../../thorough.ts';

/** For any file, and for each byte of it. */
const STEPS = { aFile: 100_000, aByte: 300 };
const RUNS = runs(150);

for (const [name, seed] of Object.entries(SEEDS)) {
  test(`mutations of ${name}: an answer, within bounds of work and memory, never an exception`, async () => {
    const before = process.memoryUsage().rss;
    const { steps } = await workOf(() =>
      fc.assert(
        fc.asyncProperty(mutated(seed), async (bytes) => {
          const { verdict } = await scan(name, bytes);
          assert.ok(['block', 'review', 'pass', 'incomplete'].includes(verdict));
        }),
        { numRuns: RUNS },
      ),
    );
    assert.ok(steps < RUNS * (STEPS.aFile + STEPS.aByte * seed.length), `${steps} steps`);
    assert.ok(process.memoryUsage().rss - before < 300 << 20);
  });
}

test('decompressors answer any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (tail) => {
      for (const [head, decode] of [
        ['fd377a585a00000422fb', decodeLzma],
        ['5d00008000ffffffffffffffff00', decodeLzma],
        ['04224d186440a7', decodeLz4],
      ] as const) {
        const { bytes } = decode(Buffer.concat([Buffer.from(head, 'hex'), tail]), 1 << 16);
        assert.ok(bytes.length <= 1 << 16);
      }
    }),
    { numRuns: runs(300) },
  );
});

test('feeds are read or refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.string(),
        fc.string().map((body) => `weighmark-feed: 1\nentries: ${body}`),
      ),
      (content) => {
        try {
          parseFeed('feed', Buffer.from(content), new Date(0));
        } catch (error) {
          assert.ok(error instanceof WeighmarkError, String(error));
        }
      },
    ),
    { numRuns: runs(500) },
  );
});

const HOSTILE: readonly (readonly [what: string, name: string, bytes: () => Uint8Array])[] = [
  ['a million marks', 'a.pkl', () => Buffer.alloc(1_000_000, '(')],
  [
    'a million nested lists',
    'a.pkl',
    () =>
      Buffer.concat([
        Buffer.from(PROTO4, 'latin1'),
        Buffer.alloc(1_000_000, ']'),
        Buffer.alloc(999_999, 'a'),
        Buffer.from('.'),
      ]),
  ],
  [
    'constants that look like pickles',
    'a.pkl',
    () =>
      Buffer.concat([
        Buffer.from(PROTO4, 'latin1'),
        ...Array.from({ length: 20_000 }, () => Buffer.from('C\x08\x80\x02}.....0', 'latin1')),
        Buffer.from('N.'),
      ]),
  ],
  [
    'distinct names without end',
    'a.pkl',
    () =>
      Buffer.concat([
        Buffer.from(PROTO4, 'latin1'),
        ...Array.from({ length: 30_000 }, (_, index) => global('m', `N${index}`)),
        Buffer.from('.'),
      ]),
  ],
  [
    'text that a careless pattern would backtrack on',
    'chat_template.jinja',
    () => Buffer.from(`{% if '${'a '.repeat(50_000)}' in content %}${'"'.repeat(50_000)}{{ ${'(['.repeat(20_000)}`),
  ],
  ['quotes without end', 'a.py', () => Buffer.from(`exec(${'('.repeat(100_000)}${'a'.repeat(100_000)}`)],
  ['one long line of commas', 'a.csv', () => Buffer.alloc(2_000_000, ',=')],
  ['deep JSON', 'config.json', () => Buffer.from('['.repeat(100_000))],
  [
    'JSON of many templates',
    'tokenizer_config.json',
    () =>
      Buffer.from(
        JSON.stringify({ chat_template: Array.from({ length: 500 }, () => ({ template: '{{ a }}'.repeat(50) })) }),
      ),
  ],
  ['open tags without end', 'chat_template.jinja', () => Buffer.from('{{'.repeat(400_000))],
  ['open comments without end', 'chat_template.jinja', () => Buffer.from('{#'.repeat(400_000))],
  ['white space between quotes', 'chat_template.jinja', () => Buffer.from(`{{ '${' '.repeat(900_000)} }}`)],
  ['filters without end', 'chat_template.jinja', () => Buffer.from(`{{ ${'|map('.repeat(150_000)} }}`)],
  ['triggers without end', 'chat_template.jinja', () => Buffer.from("{% if 'abc' in content ".repeat(40_000))],
  ['empty lines', 'a.yaml', () => Buffer.alloc(300_000, '\n')],
  ['classes without end', 'a.py', () => Buffer.from('class a('.repeat(500_000))],
  ['sockets without end', 'a.py', () => Buffer.from('socket.socket '.repeat(300_000))],
  [
    'a header of descriptions',
    'a.npy',
    () =>
      Buffer.concat([
        Buffer.from('\x93NUMPY\x02\0', 'latin1'),
        Buffer.from([0, 255, 0, 0]),
        Buffer.from(`{${"'descr':".repeat(8_150)}}`),
      ]),
  ],
  ['a name of underscores', 'a.pkl', () => Buffer.from(`\x80\x02cmod\n${'_'.repeat(65_000)}\n)R.`, 'latin1')],
  [
    'base64 text',
    'a.pkl',
    () => Buffer.concat([Buffer.from(PROTO4, 'latin1'), text('A'.repeat(250)), Buffer.from('.')]),
  ],
];

for (const [what, name, bytes] of HOSTILE) {
  test(`${what}: an answer, with work that its size bounds`, async () => {
    const content = bytes();
    const { steps } = await workOf(() => scan(name, content));
    assert.ok(steps < STEPS.aFile + STEPS.aByte * content.length, `${steps} steps`);
  });
}
