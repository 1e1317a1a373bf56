import type { Json } from '../../../src/domain/base/json.ts';
import { childrenOf, readDer, type Der } from '../../../src/domain/pki/der.ts';

type Change = (value: Json) => Json | undefined;
const CHANGES: Readonly<Record<string, Change>> = {
  dropped: () => undefined,
  null: () => null,
  number: () => 7,
  text: () => 'x',
  list: (value) => [value],
  object: (value) => ({ value }),
  'empty list': () => [],
  'empty object': () => ({}),
  'empty text': () => '',
  uppercase: (value) => (typeof value === 'string' ? value.toUpperCase() : undefined),
  padded: (value) => (typeof value === 'string' ? ` ${value}` : undefined),
  twice: (value) => (Array.isArray(value) ? [...value, ...value] : undefined),
  reversed: (value) => (Array.isArray(value) ? value.toReversed() : undefined),
  shortened: (value) => (Array.isArray(value) ? value.slice(1) : undefined),
  'with another field': (value) => (isObject(value) ? { ...value, 'x-other': 1 } : undefined),
  'with another item': (value) => (Array.isArray(value) ? [...value, 'other'] : undefined),
};

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface Mutant {
  readonly name: string;
  readonly value: Json;
}

/** Every node of a document, changed in every way that changes it. */
export function mutantsOf(document: Json): readonly Mutant[] {
  return nodesOf(document).flatMap(({ at, value, put }) =>
    Object.entries(CHANGES).flatMap(([how, change]) => {
      const changed = change(value);
      const isSame = JSON.stringify(changed) === JSON.stringify(value);
      if (isSame || (changed === undefined && (how !== 'dropped' || at === ''))) return [];
      return [{ name: `${at || '/'} ${how}`, value: put(changed) as Json }];
    }),
  );
}

/**
 * Every text that is base64 of more than 16 bytes, with one bit of every so-manieth byte changed. Of DER the name says in
 * which element: `certificates/0/rawBytes in 0.6.0, byte 70`.
 */
export function flipsOf(document: Json, every: number): readonly Mutant[] {
  return nodesOf(document).flatMap(({ at, value, put }) => {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.alloc(0);
    if (bytes.length <= 16 || bytes.toString('base64') !== value) return [];
    const places = Array.from({ length: Math.ceil(bytes.length / every) }, (_, index) => index * every);
    return places.map((place) => {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (place % 8));
      const name = `${at} in ${elementAt(bytes, place)}, byte ${place}`;
      return { name, value: put(flipped.toString('base64')) as Json };
    });
  });
}

/** The places of the elements that a byte lies in, outermost first; empty outside DER. */
function elementAt(bytes: Uint8Array, place: number): string {
  const path: number[] = [];
  for (let element = tried(() => readDer(bytes)), at = place; element !== null;) {
    const header = element.raw.length - element.body.length;
    const children = at < header || (element.tag & 0x20) === 0 ? [] : (tried(() => childrenOf(element as Der)) ?? []);
    let start = header;
    const index = children.findIndex(({ raw }) => (start += raw.length) > at);
    const child = children[index];
    if (child === undefined) break;
    path.push(index);
    at -= start - child.raw.length;
    element = child;
  }
  return path.join('.');
}

function tried<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

interface Node {
  /** As a JSON pointer. */
  readonly at: string;
  readonly value: Json;
  /** The whole document with something else here, or nothing. */
  readonly put: (value: Json | undefined) => Json | undefined;
}

function nodesOf(value: Json, at = '', put: Node['put'] = (changed) => changed): readonly Node[] {
  const entries: readonly [string, Json][] =
    Array.isArray(value) || isObject(value) ? Object.entries(value as { readonly [key: string]: Json }) : [];
  const inside = entries.flatMap(([key, child]) =>
    nodesOf(child, `${at}/${key}`, (changed) => put(withEntry(value, key, changed))),
  );
  return [{ at, value, put }, ...inside];
}

function withEntry(document: Json, key: string, value: Json | undefined): Json {
  if (Array.isArray(document))
    return document.flatMap((item: Json, index) =>
      String(index) !== key ? [item] : value === undefined ? [] : [value],
    );
  const { [key]: _old, ...rest } = document as { readonly [key: string]: Json };
  return value === undefined ? rest : { ...rest, [key]: value };
}
