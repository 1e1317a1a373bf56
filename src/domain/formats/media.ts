import type { Source } from '../base/source.ts';
import { Cursor } from './cursor.ts';
import { attempt } from './problem.ts';
import type { Findings, MetadataItem, NamedSource, Problem } from './types.ts';
import { u16, u32 } from './zip-fields.ts';

type Facts = Readonly<Record<string, number | string>>;

/** An image's own format and its width and height, from its first bytes; pixels are not decoded. */
export async function readImage({ source }: NamedSource): Promise<Findings> {
  return describe('image', source, imageFacts);
}

/** An audio file's own format, and rate and channels where the header gives them. */
export async function readAudio({ source }: NamedSource): Promise<Findings> {
  return describe('audio', source, audioFacts);
}

async function describe(
  format: 'image' | 'audio',
  source: Source,
  facts: (head: Uint8Array, source: Source) => Promise<Facts>,
): Promise<Findings> {
  const problems: Problem[] = [];
  let metadata: MetadataItem[] = [];
  await attempt(problems, async () => {
    const found = await facts(await source.read(0, 64), source);
    metadata = Object.entries(found).map(([key, value]) => ({ key, value, place: `header:${key}` }));
  });
  const type = metadata.find(({ key }) => key === 'type')?.value;
  return { format, metadata, problems, ...(typeof type === 'string' ? { version: type } : {}) };
}

async function imageFacts(head: Uint8Array, source: Source): Promise<Facts> {
  const text = Buffer.from(head).toString('latin1');
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (text.startsWith('\x89PNG') && head.length >= 24)
    return { type: 'png', width: view.getUint32(16), height: view.getUint32(20) };
  if (text.startsWith('GIF8') && head.length >= 10) return { type: 'gif', width: u16(head, 6), height: u16(head, 8) };
  if (text.startsWith('\xff\xd8')) return { type: 'jpeg', ...(await jpegSize(source)) };
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP')
    return { type: 'webp', ...webpSize(head, text.slice(12, 16)) };
  return { type: 'tiff' };
}

function webpSize(head: Uint8Array, chunk: string): Facts {
  if (chunk === 'VP8X') return { width: (u32(head, 24) & 0xffffff) + 1, height: (u32(head, 27) & 0xffffff) + 1 };
  if (chunk === 'VP8 ') return { width: u16(head, 26) & 0x3fff, height: u16(head, 28) & 0x3fff };
  const bits = u32(head, 21);
  return chunk === 'VP8L' ? { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 } : {};
}

/** Walks the segments to the frame header (SOF0 to SOF15 without DHT, JPG, DAC). */
async function jpegSize(source: Source): Promise<Facts> {
  const first = await source.read(0, Math.min(source.size, FIRST_BYTES));
  return sizeWithin(first, source.size) ?? (await sizeBeyond(source));
}

/** Too few for the most segments that are looked at. */
const FIRST_BYTES = 4000;

/** The same as `sizeBeyond` says, if the first bytes tell; null: they do not. */
function sizeWithin(bytes: Uint8Array, size: number): Facts | null {
  const byte = (at: number): number => bytes[at] ?? 0;
  for (let at = 2; at + 9 <= bytes.length; at += 2 + Math.max(2, (byte(at + 2) << 8) | byte(at + 3))) {
    if (size - at <= 9) return {};
    if (byte(at) !== 0xff) return {};
    const marker = byte(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: (byte(at + 7) << 8) | byte(at + 8), height: (byte(at + 5) << 8) | byte(at + 6) };
  }
  return null;
}

async function sizeBeyond(source: Source): Promise<Facts> {
  const cursor = new Cursor(source, 2);
  for (let segments = 0; segments < 1000 && cursor.remaining > 9; segments++) {
    const [fill, marker] = [await cursor.u8(), await cursor.u8()];
    if (fill !== 0xff) return {};
    const head = await cursor.peek(7);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { width: ((head[5] ?? 0) << 8) | (head[6] ?? 0), height: ((head[3] ?? 0) << 8) | (head[4] ?? 0) };
    }
    cursor.skip(Math.max(2, ((head[0] ?? 0) << 8) | (head[1] ?? 0)));
  }
  return {};
}

async function audioFacts(head: Uint8Array): Promise<Facts> {
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith('RIFF') && text.slice(12, 16) === 'fmt ')
    return { type: 'wav', channels: u16(head, 22), sampleRate: u32(head, 24), bitsPerSample: u16(head, 34) };
  if (text.startsWith('fLaC')) return { type: 'flac', ...flacFacts(head) };
  if (text.startsWith('OggS')) return { type: 'ogg' };
  return { type: text.startsWith('ID3') || head[0] === 0xff ? 'mp3' : 'wav' };
}

/** STREAMINFO: 20 bits of sample rate, 3 of channels less one. */
function flacFacts(head: Uint8Array): Facts {
  const [high = 0, middle = 0, low = 0] = head.subarray(18, 21);
  return { sampleRate: (high << 12) | (middle << 4) | (low >> 4), channels: ((low >> 1) & 7) + 1 };
}
