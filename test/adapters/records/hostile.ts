/** JSON lines of one shape or nearly, with mutations: what the fast parser must leave to the careful one. */
export function* hostileLines(count: number, seed: number): Generator<Buffer> {
  const random = xorshift(seed);
  for (let at = 0; at < count; at += 1) yield hostileFile(random);
}

type Random = (below: number) => number;

function xorshift(seed: number): Random {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T;

function hostileFile(random: Random): Buffer {
  const keys = ['id', 'text', 'é', 'a long name of a column with many letters in it, longer than most', ''].slice(
    0,
    1 + random(5),
  );
  const space = pick(random, ['', ' ', '\t', '  ']);
  const lines = Array.from({ length: 1 + random(6) }, () => {
    const fields = keys.map((key) => `${JSON.stringify(key)}:${space}${value(random, 3)}`);
    return `{${fields.join(`,${space}`)}}`;
  });
  const bytes = Buffer.from(lines.join('\n') + pick(random, ['', '\n', '\r\n']));
  for (let times = random(3); times > 0 && bytes.length > 0; times -= 1) mutate(bytes, random);
  return bytes;
}

function mutate(bytes: Buffer, random: Random): void {
  const at = random(bytes.length);
  bytes[at] = pick(random, [...Buffer.from('{}[],:"\\u0123456789.eE+-tfn \t\r\n'), 0, 0x1f, 0x80, 0xc3, 0xff]);
}

const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '0.0',
  '0.10',
  '1.5',
  '1e2',
  '1E+2',
  '1e-7',
  '0.0000001',
  '0.000001',
  '-0.5',
  '123456789012345678901',
  '1234567890123456789012',
  '0.00000012',
  '1e1000001',
  '10000000000000000000000.5',
  '9007199254740993',
  '1.0e0',
  '01',
  '1.',
  '-',
  '5e',
  '0e5',
  '0.1000000000000000055511151231257827021181583404541015625',
];
const TEXTS = [
  '""',
  '"a"',
  '"é日本"',
  '"\\n"',
  '"\\u00e9"',
  '"\\ud83d\\ude00"',
  '"\\ud800"',
  '"\\/"',
  `"${'long '.repeat(30)}"`,
  `"${'x'.repeat(62)}\\""`,
  `"${'x'.repeat(63)}"`,
  `"${'x'.repeat(127)}"`,
  `"${'x'.repeat(128)}"`,
];
/** Lists that are copied as they stand, and those just beyond: white space, escapes, a hundred and more values. */
const LISTS = [
  '[]',
  '[1,2]',
  '[1, "a", true]',
  '[1,  2]',
  '[ 1]',
  '[1 ]',
  '[null]',
  '["a\\n"]',
  '[1.50]',
  `[${'7,'.repeat(126)}7]`,
  `[${'7,'.repeat(127)}7]`,
  `[${'"é", '.repeat(40)}false]`,
  '[1,]',
  `[${'9'.repeat(70)}]`,
  `[0.${'9'.repeat(61)}]`,
  `[-0.${'9'.repeat(59)},-0.${'9'.repeat(60)}]`,
];

function value(random: Random, depth: number): string {
  const kind = random(depth > 0 ? 9 : 6);
  if (kind < 2) return pick(random, NUMBERS);
  if (kind < 4) return pick(random, TEXTS);
  if (kind === 4) return pick(random, ['true', 'false', 'null', 'nul', 'True']);
  if (kind === 5) return String(random(1_000_000) / 1000);
  if (kind === 8) return pick(random, LISTS);
  const items = Array.from({ length: random(4) }, () => value(random, depth - 1));
  if (kind === 6) return `[${items.join(', ')}]`;
  return `{${items.map((item, at) => `"${pick(random, ['a', 'b', 'c'])}${at % 3}":${item}`).join(',')}}`;
}
