import { headOf, windowSource } from '../../base/source.ts';
import { unwrap } from '../../formats/compressed/unwrap.ts';
import type { NamedSource } from '../../formats/types.ts';
import { inside, leaveOut, type Spot } from '../session.ts';

/** `ZF`, the length in hexadecimal filled up to 19 characters, perhaps one more space. */
const PREFIX = 21;

/** `ZF`. */
export function mayBeOldJoblib(head: Uint8Array): boolean {
  return head[0] === 0x5a && head[1] === 0x46;
}

/**
 * joblib's container of before 0.10, which it still reads under any name: a pickle in zlib behind a text of its length.
 * @see joblib/numpy_pickle_compat.py `read_zfile`
 */
export async function judgeOldJoblib(spot: Spot, { source }: NamedSource): Promise<boolean> {
  const first = await headOf(source, PREFIX + 1);
  if (!mayBeOldJoblib(first)) return false;
  const head = Buffer.from(first).toString('latin1');
  if (!/^[+\s]*(?:0x)?[0-9a-f_]+L?\s*$/i.test(head.slice(2, PREFIX))) return false;
  const start = PREFIX + (head[PREFIX] === ' ' ? 1 : 0);
  const data = windowSource(source, start, Math.max(0, source.size - start));
  const opened = await unwrap(data, 'zlib', spot.session.budget.inflatedBytes);
  if (opened === null) return false;
  spot.session.budget.inflatedBytes -= opened.source.size;
  const at = inside(spot, '(zlib)');
  if (opened.cut !== undefined) leaveOut(at, opened.cut);
  await spot.session.examine(at, { path: 'content.pkl', source: opened.source });
  return true;
}
