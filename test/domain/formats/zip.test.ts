import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import { bytesSource, collect, memberSource, openMember, readZip } from '../../../src/domain/formats/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { codesOf, reportOf, reportOfFile, u32le, u64le, VECTORS, vectorsMissing } from './support.ts';

interface Part {
  name: string;
  data: Uint8Array;
  localName?: string;
  method?: 0 | 8;
  centralCrc?: number;
  flags?: number;
  hidden?: boolean;
  attributes?: number;
  statedSize?: number;
  /** Sizes and checksum follow the data, in 32 or 64 bits, with or without a signature. */
  descriptor?: { wide: boolean; signed: boolean };
}

const u16le = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);

/** A zip file of these members, each lying as it is told to. */
function zip(
  parts: Part[],
  { prefix = Buffer.alloc(0), comment = '' }: { prefix?: Buffer; comment?: string } = {},
): Buffer {
  const locals: Buffer[] = [prefix];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const {
    name,
    data,
    localName = name,
    method = 0,
    centralCrc,
    flags = 0,
    hidden = false,
    attributes = 0,
    statedSize,
    descriptor,
  } of parts) {
    const raw = method === 8 ? deflateRawSync(data) : data;
    const sum = crc32(data);
    const common = (crc: number): Buffer =>
      Buffer.concat([
        u16le(20),
        u16le(descriptor === undefined ? flags : flags | 8),
        u16le(method),
        u16le(0),
        u16le(0),
        u32le(crc),
        u32le(raw.length),
        u32le(statedSize ?? data.length),
      ]);
    const size = descriptor?.wide === true ? u64le : u32le;
    const after =
      descriptor === undefined
        ? []
        : [...(descriptor.signed ? [u32le(0x08074b50)] : []), u32le(sum), size(raw.length), size(data.length)];
    const front =
      descriptor === undefined ? common(sum) : Buffer.concat([common(sum).subarray(0, 10), Buffer.alloc(12)]);
    const local = Buffer.concat([
      u32le(0x04034b50),
      front,
      u16le(Buffer.byteLength(localName)),
      u16le(0),
      Buffer.from(localName),
      raw,
      ...after,
    ]);
    locals.push(local);
    if (!hidden)
      centrals.push(
        Buffer.concat([
          u32le(0x02014b50),
          u16le(3 << 8),
          common(centralCrc ?? sum),
          u16le(Buffer.byteLength(name)),
          u16le(0),
          u16le(0),
          u16le(0),
          u16le(0),
          u32le(attributes),
          u32le(offset),
          Buffer.from(name),
        ]),
      );
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.concat([
    u32le(0x06054b50),
    u16le(0),
    u16le(0),
    u16le(centrals.length),
    u16le(centrals.length),
    u32le(directory.length),
    u32le(offset),
    u16le(comment.length),
    Buffer.from(comment),
  ]);
  return Buffer.concat([...locals, directory, end]);
}

const part = (name: string, text = name): Part => ({ name, data: Buffer.from(text) });
const read = (bytes: Uint8Array) => readZip(bytesSource(bytes));

test('members as the directory lists them, stored and deflated', async () => {
  const bytes = zip([part('a', 'hello'), { ...part('b', 'x'.repeat(10_000)), method: 8 }], { comment: 'made by hand' });
  const archive = await read(bytes);
  assert.deepEqual(
    archive.entries.map(({ name, size, method }) => [name, size, method]),
    [
      ['a', 5, 0],
      ['b', 10_000, 8],
    ],
  );
  assert.deepEqual(archive.problems, []);
  assert.equal(archive.comment, 'made by hand');
  const [, b] = archive.entries;
  assert.ok(b !== undefined);
  assert.equal((await collect(openMember(bytesSource(bytes), b, { verify: true }), 20_000)).length, 10_000);
  assert.equal(Buffer.from(await memberSource(bytesSource(bytes), b).read(9_990, 100)).toString(), 'x'.repeat(10));
});

test('where loaders would disagree, it is said', async (t) => {
  const cases: Record<string, [Buffer, string[]]> = {
    'another name in front of the data': [zip([{ ...part('data.pkl'), localName: 'data.txt' }]), ['name-mismatch']],
    'another checksum in the directory': [zip([{ ...part('a'), centralCrc: 1 }]), ['header-mismatch']],
    'one name twice': [zip([part('a', '1'), part('a', '2')]), ['duplicate-key']],
    'a member missing from the directory': [
      zip([part('a'), { ...part('evil.pkl'), hidden: true }, part('b')]),
      ['hidden-member'],
    ],
    'one hidden before the first': [zip([{ ...part('evil.pkl'), hidden: true }, part('b')]), ['hidden-member']],
    'bytes before the archive': [zip([part('a')], { prefix: Buffer.from('\x80\x04N.') }), ['prefix']],
    'bytes after the archive': [Buffer.concat([zip([part('a')]), Buffer.from('tail')]), ['trailing']],
    'two archives in one file': [
      Buffer.concat([zip([part('a')]), zip([part('b')])]),
      ['hidden-member', 'several-directories'],
    ],
    'the encryption flag': [zip([{ ...part('a'), flags: 1 }]), ['encrypted']],
    'a path out of the folder': [
      zip([part('../../a'), part('/etc/x'), part('C:\\x'), part('a\\..\\b')]),
      ['unsafe-path'],
    ],
    'a symbolic link': [zip([{ ...part('a'), attributes: 0xa1ff0000 }]), ['link']],
    'sizes that differ': [zip([part('a')]).fill(99, 22, 23), ['size-mismatch']],
  };
  for (const [name, [bytes, codes]] of Object.entries(cases)) {
    await t.test(name, async () => {
      const found = new Set((await read(bytes)).problems.map(({ code }) => code));
      assert.ok(
        codes.every((code) => (found as Set<string>).has(code)),
        [...found].join(),
      );
    });
  }
});

test('members whose sizes follow them, as streaming writers leave them', async () => {
  for (const wide of [false, true]) {
    for (const signed of [false, true]) {
      const descriptor = { wide, signed };
      const parts = [
        { ...part('META-INF/', ''), method: 8 as const, descriptor },
        { ...part('empty', ''), descriptor },
        { ...part('a', 'hello'), descriptor },
        { ...part('b'), method: 8 as const, descriptor },
      ];
      assert.deepEqual((await read(zip(parts))).problems, [], JSON.stringify(descriptor));
    }
  }
});

test('a hidden member can be read', async () => {
  const bytes = zip([part('a'), { ...part('evil.pkl', 'payload'), hidden: true }]);
  const [hidden] = (await read(bytes)).hidden;
  assert.equal(hidden?.name, 'evil.pkl');
  assert.equal(Buffer.from(await collect(openMember(bytesSource(bytes), hidden), 100)).toString(), 'payload');
});

test('zip64: counts and places of 64 bits', async () => {
  const bytes = zip([part('a', 'hello')]);
  const endAt = bytes.length - 22;
  const [count, size, offset] = [
    bytes.readUInt16LE(endAt + 10),
    bytes.readUInt32LE(endAt + 12),
    bytes.readUInt32LE(endAt + 16),
  ];
  const end64 = Buffer.concat([
    u32le(0x06064b50),
    u64le(44),
    u16le(45),
    u16le(45),
    u32le(0),
    u32le(0),
    u64le(count),
    u64le(count),
    u64le(size),
    u64le(offset),
  ]);
  const locator = Buffer.concat([u32le(0x07064b50), u32le(0), u64le(endAt), u32le(1)]);
  const end = Buffer.from(bytes.subarray(endAt)).fill(0xff, 8, 20);
  const archive = await read(Buffer.concat([bytes.subarray(0, endAt), end64, locator, end]));
  assert.equal(archive.zip64, true);
  assert.deepEqual(
    archive.entries.map(({ name }) => name),
    ['a'],
  );
  assert.deepEqual(archive.problems, []);
});

test('a bomb is cut off by ratio and by size', async () => {
  const bytes = zip([{ name: 'bomb', data: Buffer.alloc(64 << 20), method: 8 }]);
  const [entry] = (await read(bytes)).entries;
  assert.ok(entry !== undefined);
  const drain = async (limits: object): Promise<number> => {
    let total = 0;
    for await (const chunk of openMember(bytesSource(bytes), entry, limits)) total += chunk.length;
    return total;
  };
  await assert.rejects(drain({}), (error) => error instanceof WeighmarkError && error.code === 'limit-exceeded');
  await assert.rejects(
    drain({ maxRatio: 1e9, maxBytes: 1 << 20 }),
    (error) => error instanceof WeighmarkError && error.code === 'limit-exceeded',
  );
  assert.equal(await drain({ maxRatio: 1e9 }), 64 << 20);
});

test('a member that is shorter than it states ends with an error, not with zeros', async () => {
  const bytes = zip([{ name: 'a', data: Buffer.from('x'.repeat(1000)), method: 8, statedSize: 5000 }]);
  const [entry] = (await read(bytes)).entries;
  assert.ok(entry !== undefined);
  await assert.rejects(memberSource(bytesSource(bytes), entry).read(0, 5000), /ends early/);
});

test('a zip ten deep is one member to this reader: nothing is opened that was not asked for', async () => {
  let bytes = zip([part('payload.pkl')]);
  for (let depth = 0; depth < 10; depth++) bytes = zip([{ name: `${depth}.zip`, data: bytes, method: 8 }]);
  const report = await reportOf(bytes, 'deep.zip');
  assert.deepEqual(
    report.members?.map(({ name }) => name),
    ['9.zip'],
  );
  assert.deepEqual(
    report.problems.map(({ code, message }) => [code, message]),
    [['limit', '"9.zip" is an archive itself: what is in it is not listed']],
  );
  assert.equal(report.complete, false);
});

test('the shared vectors', { skip: vectorsMissing() }, async () => {
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/torch_zip_name_mismatch.pt`)), ['name-mismatch']);
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/torch_zip_bad_crc.pt`)), ['header-mismatch']);
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/torch_zip_flag_encrypted.pt`)), ['encrypted']);
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/slip.zip`)), ['unsafe-path']);
});
