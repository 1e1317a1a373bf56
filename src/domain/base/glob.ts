import { least } from './lists.ts';

/**
 * Does a name match a glob? `*` is any run without `/`, `**` any run, everything else itself. Linear in both lengths but for
 * one restart a star, so bounded by their product.
 */
export function globMatches(glob: string, name: string): boolean {
  const tokens = glob.match(/\*{2,}|\*|[^*]/gs) ?? [];
  let reachable = new Set([0]);
  for (const token of tokens)
    reachable = token.startsWith('*') ? runs(reachable, name, token.length > 1) : steps(reachable, name, token);
  return reachable.has(name.length);
}

function steps(from: ReadonlySet<number>, name: string, char: string): Set<number> {
  return new Set([...from].filter((at) => name[at] === char).map((at) => at + 1));
}

function runs(from: ReadonlySet<number>, name: string, slashes: boolean): Set<number> {
  const reached = new Set<number>();
  for (let at = Math.min(least(from), name.length + 1); at <= name.length; at += 1) {
    if (from.has(at) || (reached.has(at - 1) && (slashes || name[at - 1] !== '/'))) reached.add(at);
  }
  return reached;
}
