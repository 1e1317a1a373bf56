/** As much of a map as is asked of items by path. */
export interface Lookup<T> {
  readonly size: number;
  get(path: string): T | undefined;
  has(path: string): boolean;
}

/**
 * Items of different paths, found by path. Of a million files a map of paths takes longer than hashing them, and both lists lie
 * in one order nearly always: who asks in the order of the items pays a comparison each, and a map is made for any other.
 */
export class ByPath<T> implements Lookup<T> {
  readonly items: readonly T[];
  readonly #pathOf: (item: T) => string;
  #next = 0;
  #places: Map<string, number> | null = null;

  constructor(items: readonly T[], pathOf: (item: T) => string) {
    this.items = items;
    this.#pathOf = pathOf;
  }

  get size(): number {
    return this.items.length;
  }

  get(path: string): T | undefined {
    const at = this.#placeOf(path);
    return at === undefined ? undefined : this.items[at];
  }

  has(path: string): boolean {
    return this.#placeOf(path) !== undefined;
  }

  /** The same again, the next, or the first: else by the map. */
  #placeOf(path: string): number | undefined {
    if (this.#isAt(this.#next, path)) return this.#found(this.#next);
    for (const at of [this.#next - 1, 0]) if (this.#isAt(at, path)) return this.#found(at);
    this.#places ??= new Map(this.items.map((item, at) => [this.#pathOf(item), at]));
    const at = this.#places.get(path);
    return at === undefined ? undefined : this.#found(at);
  }

  #isAt(at: number, path: string): boolean {
    const item = this.items[at];
    return item !== undefined && this.#pathOf(item) === path;
  }

  #found(at: number): number {
    this.#next = at + 1;
    return at;
  }
}

/** The path of what has one. */
export function pathOf({ path }: { readonly path: string }): string {
  return path;
}
