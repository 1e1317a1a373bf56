import { WeighmarkError } from '../base/errors.ts';
import { readPickle } from '../formats/pickle/index.ts';
import { isCodeAt, isPythonBytecode } from '../formats/marshal.ts';
import { readTar } from '../formats/tar.ts';
import type { FormatId, NamedSource } from '../formats/types.ts';
import { headOf, type Source } from '../base/source.ts';

/** Formats the general detection names, and what an attacker might hide from it. */
export async function probeMore({ source }: NamedSource, matches: readonly FormatId[]): Promise<readonly FormatId[]> {
  const found = new Set(matches);
  const head = await headOf(source, 64);
  const program = await probeExecutable(source, head);
  if (program === null) found.delete('executable');
  else found.add('executable');
  if (found.has('tar') && found.has('zip') && !startsAsZip(head) && !(await hasTrailingData(source)))
    found.delete('zip');
  if (found.has('pickle') && found.has('zip') && !startsAsZip(head) && (await endsInStop(source))) found.delete('zip');
  return [...found];
}

/** A pickle that ends with the file and holds a zip in a constant is a pickle; with a zip behind it, it is both. */
async function endsInStop(source: Source): Promise<boolean> {
  const { complete, end, opcodes } = await readPickle(source, { keep: 0 });
  return complete && end === source.size && opcodes > 2;
}

function startsAsZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b;
}

/** A zip stored in a tar shows at the tail of both; one that follows the tar's end is another archive. */
async function hasTrailingData(source: Source): Promise<boolean> {
  try {
    return (await readTar(source)).problems.some(({ code }) => code === 'trailing' || code === 'malformed');
  } catch (error) {
    if (error instanceof WeighmarkError) return true;
    throw error;
  }
}

/** How programs begin that have a magic of their own: WebAssembly, ELF, Mach-O, Java, shortcuts, `MZ`, `jartsr`, Lua. */
const FIRST_BYTES: ReadonlySet<number> = new Set([0, 0x7f, 0xcf, 0xce, 0xfe, 0xca, 0x4c, 0x4d, 0x6a, 0x1b]);

/** False if bytes are certainly no program's, at the least cost; compiled Python has its mark behind the first two bytes. */
export function mayBeProgram(head: Uint8Array): boolean {
  const first = head[0] ?? 0;
  return FIRST_BYTES.has(first) || (first & 0x7f) === 0x63 || (head[2] === 0x0d && head[3] === 0x0a);
}

/** A name for the program the bytes are, or null. */
export async function probeExecutable(source: Source, start?: Uint8Array): Promise<string | null> {
  const bytes = start ?? (await headOf(source, 64));
  if (!mayBeProgram(bytes)) return null;
  const head = Buffer.from(bytes.subarray(0, 64));
  if (head.toString('hex', 0, 8) === '0061736d01000000') return 'a WebAssembly module';
  if (head.length < 16) return null;
  const magic = head.toString('hex', 0, 4);
  if (magic === '7f454c46') return 'an ELF program or library';
  if (['cffaedfe', 'cefaedfe', 'feedfacf', 'feedface'].includes(magic)) return 'a Mach-O program or library';
  if (magic === 'cafebabe' && head.readUInt32BE(4) < 70_000)
    return head.readUInt32BE(4) < 45 ? 'a Mach-O program or library' : 'a Java class';
  if (head.toString('hex', 0, 20) === '4c0000000114020000000000c000000000000046') return 'a shortcut of Windows';
  if (/^(MZqFpD|jartsr)='/.test(head.toString('latin1', 0, 8)))
    return 'a program for several systems (Actually Portable Executable)';
  if (head.toString('latin1', 0, 4) === 'MZ\x90\0' || head.toString('latin1', 0, 2) === 'MZ')
    return isWindows(source, head);
  if (magic === '1b4c7561' || magic.startsWith('1b4c4a')) return 'compiled Lua';
  return isPythonBytecode(head) || isCodeAt(head, 0, source.size) ? 'compiled Python' : null;
}

async function isWindows(source: Source, head: Buffer): Promise<string | null> {
  if (head.length < 64) return null;
  const at = head.readUInt32LE(60);
  if (at > source.size - 4) return null;
  return Buffer.from(await source.read(at, 4)).toString('latin1') === 'PE\0\0' ? 'a Windows program or library' : null;
}
