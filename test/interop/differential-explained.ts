/** What we accept and model_signing 1.1.1 refuses, and why that is right. */
const EXPLAINED: readonly { readonly name: string; readonly why: string }[] = [
  {
    name: 'bundle: /verificationMaterial/tlogEntries null',
    why: 'null is the default in the JSON form of Protocol Buffers: an empty list',
  },
  {
    name: 'statement: /predicate/serialization/ignore_paths null',
    why: 'Go writes an empty list so; nothing is left out',
  },
];

/** True where their refusal is explained. */
export function isExplained(name: string): boolean {
  return EXPLAINED.some((each) => each.name === name);
}

/** What is explained and no case shows any more. */
export function staleOf(names: readonly string[]): readonly string[] {
  return EXPLAINED.map(({ name }) => name).filter((name) => !names.includes(name));
}
