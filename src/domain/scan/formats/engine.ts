import { report } from '../session.ts';
import type { Judge } from './judge.ts';

const CHUNK = 4 << 20;
const HEADER = 64;
/** Machines of hosts by their ELF numbers: 386, ARM, x86-64, AArch64, RISC-V. A GPU's kernels are ELF files of other machines. */
const HOSTS: ReadonlySet<number> = new Set([3, 40, 62, 183, 243]);
const MAGIC = Buffer.from('7f454c46', 'hex');

/**
 * A TensorRT engine is a program for a GPU. One that carries code for the host (a lean runtime, plug-ins) runs it when it is
 * loaded, if the loader lets it: `setEngineHostCodeAllowed`.
 * @see https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/advanced.html#version-compatibility
 */
export const judgeEngine: Judge = async (spot, { source }) => {
  for (let base = 0; base < source.size; base += CHUNK) {
    const { buffer, byteOffset, byteLength } = await source.read(base, CHUNK + HEADER);
    const at = hostProgram(Buffer.from(buffer, byteOffset, byteLength));
    if (at === null) continue;
    report(spot, 'WM-FILE-004', 'the engine holds a program for the machine that loads it', {
      severity: 'high',
      offset: base + at,
    });
    break;
  }
  return true;
};

/** An ELF header of a program or library (type 2 or 3) for a host. */
function hostProgram(bytes: Buffer): number | null {
  for (let at = bytes.indexOf(MAGIC); at >= 0 && at + 20 <= bytes.length; at = bytes.indexOf(MAGIC, at + 1)) {
    const little = bytes[at + 5] !== 2;
    const number = (place: number): number =>
      little ? bytes.readUInt16LE(at + place) : bytes.readUInt16BE(at + place);
    if ([2, 3].includes(number(16)) && HOSTS.has(number(18))) return at;
  }
  return null;
}
