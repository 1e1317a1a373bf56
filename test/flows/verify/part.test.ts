import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { before, test } from 'node:test';
import { PROGRAM } from '../../program.ts';

const LAYER_BYTES = 1 << 20;
const LAYERS = 20;
const home = mkdtempSync(join(tmpdir(), 'weighmark-part-'));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string; all: string } {
  const result = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
  });
  return { ...result, all: result.stdout + result.stderr };
}

function safetensors(): Buffer {
  const tensors = Array.from({ length: LAYERS }, (_, layer) => [
    `layers.${layer}.weight`,
    { dtype: 'U8', shape: [LAYER_BYTES], data_offsets: [layer * LAYER_BYTES, (layer + 1) * LAYER_BYTES] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([
    length,
    header,
    Buffer.alloc(LAYERS * LAYER_BYTES).map((_, index) => (index * 7) ^ (index >> 11)),
  ]);
}

const verify = (folder: string, only: string) => run('verify', folder, '--key', 'k.pub', '--only', only);
const verdictOf = (folder: string, only: string) =>
  JSON.parse(run('verify', folder, '--key', 'k.pub', '--only', only, '--json').stdout) as {
    exitCode: number;
    verdicts: { scope: string; id?: string; checks: { evidence: { data?: object }[] }[] }[];
  };

/** A copy with one byte of the weights changed. */
function changed(name: string, at: number): void {
  cpSync(join(home, 'model'), join(home, name), { recursive: true });
  const bytes = readFileSync(join(home, name, 'w.safetensors'));
  bytes.writeUInt8((bytes.readUInt8(at) + 1) % 256, at);
  writeFileSync(join(home, name, 'w.safetensors'), bytes);
}

before(() => {
  mkdirSync(join(home, 'model'));
  writeFileSync(join(home, 'model', 'w.safetensors'), safetensors());
  writeFileSync(join(home, 'model', 'README.md'), 'hello');
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  assert.equal(run('seal', 'model', '--key', 'k.key').status, 0);
});

test('sealing leaves an outboard beside the large file only', () => {
  assert.equal(
    readFileSync(join(home, 'model/.weighmark/outboards/w.safetensors.obao4')).readBigUInt64LE(0),
    BigInt(safetensors().length),
  );
  assert.throws(() => readFileSync(join(home, 'model/.weighmark/outboards/README.md.obao4')));
});

test('tensors by glob, bytes by range: the verdict is partial and has no id', () => {
  const {
    exitCode,
    verdicts: [verdict],
  } = verdictOf('model', 'w.safetensors#layers.1?.weight'.replace('?', '*'));
  assert.deepEqual([exitCode, verdict?.scope, verdict?.id], [0, 'partial', undefined]);
  const proven = verdict?.checks[0]?.evidence[0]?.data as { bytes: number } | undefined;
  assert.equal(proven?.bytes, 11 * LAYER_BYTES);
  assert.match(verify('model', 'w.safetensors#bytes=0-100').stdout, /VERIFIED \(partial\)/);
  assert.match(verify('model', 'README.md#bytes=0-5').stdout, /VERIFIED \(partial\)/);
});

test('a change elsewhere in the file does not matter, a change in the part does, and is named', () => {
  changed('elsewhere', 5 * LAYER_BYTES);
  assert.equal(verify('elsewhere', 'w.safetensors#layers.1.*').status, 0);
  const refused = verify('elsewhere', 'w.safetensors#layers.4.*');
  assert.equal(refused.status, 1);
  assert.match(refused.all, /digest-mismatch[\s\S]*bytes \d+ to \d+/);
});

test('the header is proven before what it says is used', () => {
  changed('header', 12);
  const refused = verify('header', 'w.safetensors#layers.1.*');
  assert.equal(refused.status, 1);
  assert.match(refused.all, /digest-mismatch[\s\S]*bytes 0 to 16384/);
});

test('the length is proven first: a longer or shorter file is refused whatever is asked', () => {
  for (const [name, cut] of [
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['shorter', (bytes: Buffer) => bytes.subarray(0, -20_000)],
  ] as const) {
    cpSync(join(home, 'model'), join(home, name), { recursive: true });
    writeFileSync(join(home, name, 'w.safetensors'), cut(safetensors()));
    assert.equal(verify(name, 'w.safetensors#bytes=0-10').status, 1);
  }
});

test('a forged outboard is refused, a missing one means reading it all', () => {
  cpSync(join(home, 'model'), join(home, 'forged'), { recursive: true });
  const place = join(home, 'forged/.weighmark/outboards/w.safetensors.obao4');
  const bytes = readFileSync(place);
  bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
  writeFileSync(place, bytes);
  assert.equal(verify('forged', 'w.safetensors#layers.1.*').status, 1);
  rmSync(place);
  assert.match(verify('forged', 'w.safetensors#layers.1.*').stdout, /all of it was read[\s\S]*VERIFIED \(partial\)/);
});

test('a whole verification that fails names the tensors that differ', () => {
  changed('tensor', 7 * LAYER_BYTES + 600_000);
  const { status, all } = run('verify', 'tensor', '--key', 'k.pub');
  assert.equal(status, 1);
  assert.match(all, /differs +layers\.7\.weight\n/);
});

test('names that are not there are said to be so', () => {
  for (const only of ['w.safetensors#layers.99.*', 'other#x', 'w.safetensors#bytes=0-99999999999', 'README.md#x'])
    assert.equal(verify('model', only).status, 2, only);
});

test('without a signed BLAKE3 there is nothing to prove parts against', () => {
  cpSync(join(home, 'model'), join(home, 'unlisted'), { recursive: true });
  rmSync(join(home, 'unlisted/.weighmark'), { recursive: true });
  const { status, all } = verify('unlisted', 'w.safetensors#layers.1.*');
  assert.equal(status, 2);
  assert.match(all, /signed BLAKE3/);
});

test('outboards are never written through a link that came with the artifact', () => {
  const place = join(home, 'planted');
  mkdirSync(join(place, '.weighmark'), { recursive: true });
  mkdirSync(join(home, 'elsewhere-folder'));
  writeFileSync(join(place, 'w.safetensors'), safetensors());
  symlinkSync(join(home, 'elsewhere-folder'), join(place, '.weighmark', 'outboards'));
  const { status, all } = run('seal', 'planted', '--key', 'k.key');
  assert.equal(status, 2);
  assert.match(all, /write-refused/);
});

test('tensors in members of an archive, and in files beside a graph', () => {
  const formats = fileURLToPath(new URL('../../../fixtures/formats', import.meta.url));
  for (const folder of ['torch', 'onnxruntime', 'keras', 'small', 'openvino'])
    cpSync(join(formats, folder), join(home, 'written', folder), { recursive: true });
  assert.equal(run('seal', 'written', '--key', 'k.key').status, 0);
  for (const [only, said] of [
    ['torch/linear.pt#weight', 'weight of torch/linear.pt, 60 B'],
    ['torch/linear.pt2#*', '2 tensors (*) of torch/linear.pt2, 80 B'],
    ['small/arrays.npz#w', 'w of small/arrays.npz, 24 B'],
    ['keras/bfloat16.keras#**', '2 tensors (**) of keras/bfloat16.keras, 288 B'],
    ['onnxruntime/external.onnx#weight', 'weight of onnxruntime/external.data, 60 B'],
    ['openvino/linear.xml#**', 'Constant_2 of openvino/linear.bin, 60 B'],
  ] as const) {
    const { status, all } = verify('written', only);
    assert.deepEqual([status, all.includes(said)], [0, true], all);
  }
  assert.match(verify('written', 'keras/bfloat16.keras#*').all, /inspect -v.*`\*` stops at `\/`/);
  const data = join(home, 'written', 'onnxruntime', 'external.data');
  const bytes = readFileSync(data);
  bytes.writeUInt8(bytes.readUInt8(3) ^ 1, 3);
  writeFileSync(data, bytes);
  const changedData = verify('written', 'onnxruntime/external.onnx#weight');
  assert.deepEqual([changedData.status, changedData.all.includes('onnxruntime/external.data: it is not')], [1, true]);
});
