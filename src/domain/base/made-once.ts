/** Made when it is first asked for: what most runs never need takes no time of their start. */
export function madeOnce<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
