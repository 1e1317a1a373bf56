import { isCodeAt } from '../../formats/marshal.ts';
import { probeExecutable } from '../probe.ts';
import { leaveOut, report } from '../session.ts';
import type { Judge } from './judge.ts';

const SEARCHED = 64 << 20;
const CHUNK = 1 << 20;
/** The counts and the start of the byte code of an object that begins in one chunk and goes on in the next. */
const OVERLAP = 64;

/** Code objects inside of other data: whoever takes them out runs them. What is nothing but code is judged as a program. */
export const judgeMarshal: Judge = async (spot, { source }) => {
  if ((await probeExecutable(source)) !== null) return true;
  for (let base = 0; base < Math.min(source.size, SEARCHED); base += CHUNK) {
    const { buffer, byteOffset, byteLength } = await source.read(base, CHUNK + OVERLAP);
    const at = firstCode(Buffer.from(buffer, byteOffset, byteLength), source.size - base);
    if (at === null) continue;
    report(spot, 'WM-CODE-001', 'compiled Python code, which runs when it is taken out', {
      severity: 'medium',
      offset: base + at,
    });
    return true;
  }
  if (source.size > SEARCHED) leaveOut(spot, `marshalled data beyond ${SEARCHED} bytes`);
  return true;
};

function firstCode(bytes: Buffer, size: number): number | null {
  for (let at = 0; at < Math.min(bytes.length, CHUNK); at++) if (isCodeAt(bytes, at, size)) return at;
  return null;
}
