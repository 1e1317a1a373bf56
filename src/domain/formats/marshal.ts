/**
 * Python's marshal: what `.pyc` files hold behind their header, and what `marshal.dump` writes by itself.
 * @see https://github.com/python/cpython/blob/main/Python/marshal.c
 */

const CODE = 0x63;
/** Set on the type of an object that is referred to again. */
const REF = 0x80;
const STRING = 0x73;
/** Counts before the byte code: Python 2 has four, 3.0 to 3.7 and 3.11 on five, 3.8 to 3.10 six; the last are flags. */
const COUNTS = [4, 5, 6];
const LARGEST_COUNT = 1 << 20;
const LARGEST_FLAGS = 2 ** 28;

/** A code object at a place: its type, small counts, flags, and its byte code as a string that fits. */
export function isCodeAt(bytes: Buffer, at: number, size = bytes.length): boolean {
  if (((bytes[at] ?? 0) & ~REF) !== CODE) return false;
  return COUNTS.some((counts) => {
    const code = at + 1 + counts * 4;
    if (code + 5 > bytes.length || ((bytes[code] ?? 0) & ~REF) !== STRING) return false;
    for (let index = 0; index < counts - 1; index++)
      if (bytes.readUInt32LE(at + 1 + index * 4) > LARGEST_COUNT) return false;
    const length = bytes.readUInt32LE(code + 1);
    return bytes.readUInt32LE(code - 4) < LARGEST_FLAGS && length > 0 && code + 5 + length <= size;
  });
}

/** A magic number of CPython 3 (3000 and on) with CR LF, and a marshalled code object behind a header of 8, 12 or 16 bytes. */
export function isPythonBytecode(head: Buffer): boolean {
  if (head[2] !== 0x0d || head[3] !== 0x0a || (head[1] ?? 0) < 0x0b || (head[1] ?? 0) > 0x0f) return false;
  return [8, 12, 16].some((at) => ((head[at] ?? 0) & ~REF) === CODE);
}

/** Statistics of a profiler: a dictionary whose first key is a small tuple of three. @see CPython Lib/pstats.py */
function isProfile(head: Buffer): boolean {
  return ((head[0] ?? 0) & ~REF) === 0x7b && ((head[1] ?? 0) & ~REF) === 0x29 && head[2] === 3;
}

const CONTAINERS: ReadonlySet<number> = new Set(Buffer.from('([{)<>'));
const NEAR = 512;

/** A list, tuple, set or dictionary with a code object among the first that it holds. */
function holdsCode(head: Buffer, size: number): boolean {
  if (!CONTAINERS.has((head[0] ?? 0) & ~REF)) return false;
  for (let at = 1; at < Math.min(NEAR, head.length); at++) if (isCodeAt(head, at, size)) return true;
  return false;
}

export function isMarshal(head: Buffer, size: number): boolean {
  return isPythonBytecode(head) || isCodeAt(head, 0, size) || isProfile(head) || holdsCode(head, size);
}
