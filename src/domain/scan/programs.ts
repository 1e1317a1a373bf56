/** Machines of hosts by their ELF numbers: 386, MIPS, PowerPC 64, S/390, ARM, x86-64, AArch64, RISC-V, LoongArch. A GPU's kernels are ELF files of other machines. */
const HOSTS: ReadonlySet<number> = new Set([3, 8, 21, 22, 40, 62, 183, 243, 258]);
/** Processors that Mach-O names: x86, ARM, PowerPC, each also in 64 bits. */
const MACH_HOSTS: ReadonlySet<number> = new Set([7, 12, 18]);

interface Kind {
  readonly what: string;
  readonly magic: Buffer;
  /** Whether what stands behind the magic is what a program for a host has there. */
  readonly fits: (bytes: Buffer, at: number) => boolean;
}

const mach = (hex: string, wide: (bytes: Buffer, at: number) => number): Kind => ({
  what: 'a Mach-O program or library',
  magic: Buffer.from(hex, 'hex'),
  fits: (bytes, at) => MACH_HOSTS.has(wide(bytes, at + 4) & 0xff) && wide(bytes, at + 12) < 16,
});

const KINDS: readonly Kind[] = [
  { what: 'an ELF program or library', magic: Buffer.from('7f454c46', 'hex'), fits: isElf },
  { what: 'a Windows program or library', magic: Buffer.from('MZ'), fits: isWindows },
  mach('cffaedfe', (bytes, at) => bytes.readUInt32LE(at)),
  mach('cefaedfe', (bytes, at) => bytes.readUInt32LE(at)),
  mach('feedfacf', (bytes, at) => bytes.readUInt32BE(at)),
  mach('feedface', (bytes, at) => bytes.readUInt32BE(at)),
  { what: 'a Java class or a Mach-O program', magic: Buffer.from('cafebabe000000', 'hex'), fits: () => true },
  { what: 'a program for Android', magic: Buffer.from('dex\n0'), fits: (bytes, at) => bytes[at + 7] === 0 },
  { what: 'a WebAssembly module', magic: Buffer.from('0061736d01000000', 'hex'), fits: () => true },
];

/** What `programIn` must see behind a program's first byte. */
export const PROGRAM_HEAD = 4096;

/** The first program for a host that begins anywhere in the bytes, by more of its header than chance would give. */
export function programIn(bytes: Buffer): { readonly at: number; readonly what: string } | null {
  const found = KINDS.flatMap(({ what, magic, fits }) => {
    for (let at = bytes.indexOf(magic); at >= 0 && at + 20 <= bytes.length; at = bytes.indexOf(magic, at + 1))
      if (fits(bytes, at)) return [{ at, what }];
    return [];
  });
  return found.toSorted((a, b) => a.at - b.at)[0] ?? null;
}

/** A program or library (type 2 or 3) for a host. */
function isElf(bytes: Buffer, at: number): boolean {
  const little = bytes[at + 5] !== 2;
  const number = (place: number): number => (little ? bytes.readUInt16LE(at + place) : bytes.readUInt16BE(at + place));
  return [2, 3].includes(number(16)) && HOSTS.has(number(18));
}

function isWindows(bytes: Buffer, at: number): boolean {
  if (at + 64 > bytes.length) return false;
  const header = at + bytes.readUInt32LE(at + 60);
  return bytes.toString('latin1', header, header + 4) === 'PE\0\0';
}
