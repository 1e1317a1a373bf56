import { escapeToken } from '../../base/pointer.ts';

/** One value in a configuration that differs, by RFC 6901 pointer. */
export interface SettingChange {
  readonly pointer: string;
  readonly before?: string;
  readonly after?: string;
}

const CHANGES = 200;
const SHOWN = 200;

/** Values that differ between two JSON texts; null if one is not JSON. At most 200. */
export function compareSettings(a: string, b: string): readonly SettingChange[] | null {
  const [before, after] = [flatten(a), flatten(b)];
  if (before === null || after === null) return null;
  const pointers = [...new Set([...before.keys(), ...after.keys()])].sort();
  return pointers
    .filter((pointer) => before.get(pointer) !== after.get(pointer))
    .slice(0, CHANGES)
    .map((pointer) => ({
      pointer,
      ...(before.has(pointer) ? { before: before.get(pointer)?.slice(0, SHOWN) ?? '' } : {}),
      ...(after.has(pointer) ? { after: after.get(pointer)?.slice(0, SHOWN) ?? '' } : {}),
    }));
}

function flatten(text: string): Map<string, string> | null {
  const found = new Map<string, string>();
  const waiting: [pointer: string, value: unknown][] = [];
  try {
    waiting.push(['', JSON.parse(text)]);
  } catch {
    return null;
  }
  for (let next = waiting.pop(); next !== undefined && found.size < 100_000; next = waiting.pop()) {
    const [pointer, value] = next;
    if (typeof value !== 'object' || value === null || Object.keys(value).length === 0)
      found.set(pointer, JSON.stringify(value));
    else for (const [key, entry] of Object.entries(value)) waiting.push([`${pointer}/${escapeToken(key)}`, entry]);
  }
  return found;
}
