import type { NamedSource } from '../../formats/types.ts';
import { report, type Spot } from '../session.ts';
import type { Severity } from '../types.ts';

const CHUNK = 4 << 20;
const OVERLAP = 256;
/** Symbols in a serialised R object whose call reaches commands, files or the network. Models hold formulas and families, none of these. */
const ACTING: ReadonlyMap<string, Severity> = new Map([
  ...words(
    'system system2 shell shell.exec pipe socketConnection dyn.load library.dynam install.packages download.file source sys.source url unserialize',
  ).map((name) => [name, 'high'] as const),
  ...words('parse readLines file.remove unlink writeLines Sys.setenv readRDS setwd file.copy').map(
    (name) => [name, 'medium'] as const,
  ),
]);

/**
 * A file of `saveRDS` or `save`: code in it (closures, calls, promises: CVE-2024-27322) runs when the object is used, or at
 * once. Symbols are found by their encoding, binary (SYMSXP with a CHARSXP) or text, wherever they stand.
 * @see https://cran.r-project.org/doc/manuals/r-release/R-ints.html#Serialization-Formats
 */
export async function judgeRData(spot: Spot, { source }: NamedSource): Promise<boolean> {
  for (let base = 0; base < source.size; base += CHUNK) {
    const bytes = Buffer.from(await source.read(base, CHUNK + OVERLAP));
    for (const { name, at } of [...binarySymbols(bytes), ...textSymbols(bytes)]) {
      const severity = ACTING.get(name);
      if (severity !== undefined)
        report(spot, 'WM-R-001', `the code in it names ${name}`, { severity, offset: base + at });
    }
  }
  return true;
}

/** 00000001, the flags of a CHARSXP with any encoding bits, a length, the name; little-endian likewise. */
function* binarySymbols(bytes: Buffer): Generator<{ name: string; at: number }> {
  for (
    let at = bytes.indexOf('00000001', 0, 'hex');
    at >= 0 && at + 12 < bytes.length;
    at = bytes.indexOf('00000001', at + 1, 'hex')
  ) {
    const length = bytes.readUInt32BE(at + 8);
    if (bytes[at + 7] === 9 && length > 0 && length < 64)
      yield { name: bytes.toString('latin1', at + 12, at + 12 + length), at };
  }
  for (
    let at = bytes.indexOf('01000000', 0, 'hex');
    at >= 0 && at + 12 < bytes.length;
    at = bytes.indexOf('01000000', at + 1, 'hex')
  ) {
    const length = bytes.readUInt32LE(at + 8);
    if (bytes[at + 4] === 9 && length > 0 && length < 64)
      yield { name: bytes.toString('latin1', at + 12, at + 12 + length), at };
  }
}

function* textSymbols(bytes: Buffer): Generator<{ name: string; at: number }> {
  if (bytes.includes(0)) return;
  for (const match of bytes.toString('latin1').matchAll(/\n1\n\d{1,10}\n\d{1,3}\n([\w.]{1,64})\n/g))
    yield { name: match[1] ?? '', at: match.index };
}

function words(text: string): string[] {
  return text.split(' ');
}
