import { Buffer } from 'node:buffer';
import { crc32, deflateRawSync } from 'node:zlib';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { atLeast, scanFile, type ScanResult, type Severity } from '../../../src/domain/scan/index.ts';

/** Scans bytes under a name. Strings are Latin-1. */
export function scan(path: string, content: Uint8Array | string): Promise<ScanResult> {
  return scanFile({
    path,
    source: bytesSource(typeof content === 'string' ? Buffer.from(content, 'latin1') : content),
  });
}

/** Whether a rule fired at this severity or worse. */
export function fired(result: ScanResult, rule: string, level: Severity = 'info'): boolean {
  return result.findings.some((finding) => finding.rule === rule && atLeast(finding.severity, level));
}

/** For assertion messages. */
export function told({ findings, unexamined }: ScanResult): string {
  return [
    ...findings.map(({ severity, rule, message }) => `${severity} ${rule} ${message}`),
    ...unexamined.map(({ reason }) => `? ${reason}`),
  ].join('\n');
}

export interface Member {
  readonly name: string;
  readonly data: Uint8Array | string;
  readonly deflate?: boolean;
  /** What the records say where it differs from the truth. */
  readonly localName?: string;
  readonly crc?: number;
  readonly flags?: number;
  readonly statedSize?: number;
  readonly attributes?: number;
  /** A local header without a directory record. */
  readonly hidden?: boolean;
}

const bytes = (value: Uint8Array | string): Buffer =>
  typeof value === 'string' ? Buffer.from(value, 'latin1') : Buffer.from(value);

/** A zip file, honest or not. */
export function zip(members: readonly Member[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const member of members) {
    const data = bytes(member.data);
    const packed = member.deflate === true ? deflateRawSync(data) : data;
    const stored = {
      crc: member.crc ?? crc32(data),
      size: member.statedSize ?? data.length,
      packed: packed.length,
      method: member.deflate === true ? 8 : 0,
    };
    const local = Buffer.concat([record(0x04034b50, member, stored, member.localName ?? member.name), packed]);
    if (member.hidden !== true) centrals.push(central(member, stored, at));
    locals.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}

interface Stored {
  readonly crc: number;
  readonly size: number;
  readonly packed: number;
  readonly method: number;
}

function record(signature: number, { flags = 0 }: Member, stored: Stored, name: string): Buffer {
  const head = Buffer.alloc(30);
  head.writeUInt32LE(signature, 0);
  head.writeUInt16LE(20, 4);
  head.writeUInt16LE(flags, 6);
  head.writeUInt16LE(stored.method, 8);
  head.writeUInt32LE(stored.crc, 14);
  head.writeUInt32LE(stored.packed, 18);
  head.writeUInt32LE(stored.size, 22);
  head.writeUInt16LE(Buffer.byteLength(name), 26);
  return Buffer.concat([head, Buffer.from(name)]);
}

function central({ name, flags = 0, attributes = 0 }: Member, stored: Stored, offset: number): Buffer {
  const head = Buffer.alloc(46);
  head.writeUInt32LE(0x02014b50, 0);
  head.writeUInt16LE((3 << 8) | 20, 4);
  head.writeUInt16LE(20, 6);
  head.writeUInt16LE(flags, 8);
  head.writeUInt16LE(stored.method, 10);
  head.writeUInt32LE(stored.crc, 16);
  head.writeUInt32LE(stored.packed, 20);
  head.writeUInt32LE(stored.size, 24);
  head.writeUInt16LE(Buffer.byteLength(name), 28);
  head.writeUInt32LE(attributes >>> 0, 38);
  head.writeUInt32LE(offset, 42);
  return Buffer.concat([head, Buffer.from(name)]);
}

/** A tar of one kind of entry each: file data, or a link. */
export function tar(
  entries: readonly { name: string; data?: Uint8Array | string; type?: string; link?: string }[],
): Buffer {
  const blocks = entries.flatMap(({ name, data = '', type = '0', link = '' }) => {
    const content = bytes(data);
    const head = Buffer.alloc(512);
    head.write(name, 0, 'latin1');
    head.write('0000644\0', 100, 'latin1');
    head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    head.write('        ', 148, 'latin1');
    head.write(type, 156, 'latin1');
    head.write(link, 157, 'latin1');
    head.write('ustar\x0000', 257, 'latin1');
    head.write(
      `${head
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
      'latin1',
    );
    return [head, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function safetensors(header: string | object, data: Uint8Array = new Uint8Array(16)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

/** A GGUF file of text metadata, without tensors. */
export function gguf(items: readonly (readonly [key: string, value: string])[]): Buffer {
  const u64 = (value: number): Buffer => {
    const out = Buffer.alloc(8);
    out.writeBigUInt64LE(BigInt(value));
    return out;
  };
  const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from('GGUF\x03\0\0\0', 'latin1'),
    u64(0),
    u64(items.length),
    ...items.flatMap(([key, value]) => [text(key), Buffer.from([8, 0, 0, 0]), text(value)]),
  ]);
}

/** A protobuf field: a number, or bytes. */
export function field(number: number, value: number | Uint8Array | string): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number << 3), varint(value)]);
  const payload = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(payload.length), payload]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
}

/** A minimal ONNX model around the fields of its graph. */
export function onnx(...graph: Buffer[]): Buffer {
  return Buffer.concat([
    field(1, 8),
    field(2, 'test'),
    field(7, Buffer.concat([...graph, field(2, 'g')])),
    field(8, Buffer.concat([field(1, ''), field(2, 17)])),
  ]);
}

/** A state dict as `torch.save` pickles it. */
export const STATE_DICT = Buffer.from(
  '\x80\x02ccollections\nOrderedDict\nq\0)Rq\x01X\x01\0\0\0wq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\0\0\0storageq\x04ctorch\nFloatStorage\nq\x05' +
    'X\x01\0\0\x000q\x06X\x03\0\0\0cpuq\x07K\x04tq\x08QK\0K\x02K\x02\x86q\tK\x02K\x01\x86q\n\x89h\0)Rq\x0btq\x0cRq\rs.',
  'latin1',
);

export function torchZip(pickle: Uint8Array | string = STATE_DICT, more: readonly Member[] = []): Buffer {
  return zip([
    { name: 'archive/data.pkl', data: pickle },
    { name: 'archive/data/0', data: new Uint8Array(16) },
    { name: 'archive/version', data: '3\n' },
    ...more,
  ]);
}
