import type { Source } from '../../base/source.ts';

/** Text files are judged whole up to this size. */
export const TEXT_BYTES = 32 << 20;

/** A small source as text; null above `TEXT_BYTES`. A byte order mark is kept away. */
export async function readText(source: Source): Promise<string | null> {
  if (source.size > TEXT_BYTES) return null;
  const bytes = Buffer.from(await source.read(0, source.size));
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le').slice(1);
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}
