/** A constant of TFLite. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * Names of a parent's constants by the child's: the converter numbers those that would be called alike, each time anew. They are of one
 * shape, and called alike without the number, or they are the only ones of their shape.
 */
export function tflitePairs(children: readonly Constant[], parents: readonly Constant[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const taken = new Set<string>();
  const plain = (name: string): string => name.replace(/\d+$/, '');
  const rules: readonly ((own: Constant, other: Constant) => boolean)[] = [
    (own, other) => own.name === other.name,
    (own, other) => plain(own.name) === plain(other.name),
    () => true,
  ];
  for (const rule of rules)
    for (const own of children) {
      if (found.has(own.name)) continue;
      const [first, ...others] = parents.filter(
        (other) => !taken.has(other.name) && own.shape.join() === other.shape.join() && rule(own, other),
      );
      if (first === undefined || others.length > 0) continue;
      found.set(own.name, first.name);
      taken.add(first.name);
    }
  return found;
}
