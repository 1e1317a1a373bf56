import { escapeToken, unescapeToken } from '../../base/pointer.ts';
import type { Json } from '../../base/json.ts';

/** One object or scalar of a BOM and where it stands. */
export interface Place {
  readonly value: Json;
  /** RFC 6901. */
  readonly pointer: string;
  /** The keys above without array indexes, joined by dots: `compositions.assemblies`. */
  readonly keys: string;
}

/** Every value of a BOM in document order, the root first. Depth is bounded by the JSON reader. */
export function* places(value: Json, pointer = '', keys = ''): Generator<Place> {
  yield { value, pointer, keys };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* places(item as Json, `${pointer}/${index}`, keys);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      yield* places(child, `${pointer}/${escapeToken(key)}`, keys === '' ? key : `${keys}.${key}`);
    }
  }
}

/** The value an RFC 6901 pointer points at; undefined where there is none or the pointer is malformed. */
export function valueAt(root: Json, pointer: string): Json | undefined {
  if (pointer === '') return root;
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) return undefined;
  let value: Json | undefined = root;
  for (const token of pointer.slice(1).split('/')) {
    value = step(value, unescapeToken(token));
    if (value === undefined) return undefined;
  }
  return value;
}

function step(value: Json | undefined, token: string): Json | undefined {
  if (Array.isArray(value))
    return /^(?:0|[1-9]\d*)$/.test(token) ? (value[Number(token)] as Json | undefined) : undefined;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, token)) return undefined;
  return (value as { readonly [key: string]: Json })[token];
}
