/** What a walk over a graph found; every node once, children before their parents. */
export interface Walk {
  readonly order: readonly string[];
  /** Nodes that lead back to themselves, one for each edge that closes a circle. */
  readonly cycles: readonly string[];
  /** Longest way down from the root, in edges. */
  readonly depth: number;
  /** True if there were more than `maxNodes`: then the rest was not looked at. */
  readonly cut: boolean;
}

/** Depth-first with an explicit stack: hostile graphs are deep. Linear in nodes and edges. */
export function walk(root: string, childrenOf: (node: string) => readonly string[], maxNodes: number): Walk {
  const state = new Map<string, 'open' | 'done'>([[root, 'open']]);
  const heights = new Map<string, number>();
  const order: string[] = [];
  const cycles: string[] = [];
  const stack = [{ node: root, children: childrenOf(root), next: 0, height: 0 }];
  for (let top = stack.at(-1); top !== undefined && state.size <= maxNodes; top = stack.at(-1)) {
    const child = top.children[top.next];
    top.next += 1;
    if (child === undefined) {
      stack.pop();
      state.set(top.node, 'done');
      heights.set(top.node, top.height);
      order.push(top.node);
      const parent = stack.at(-1);
      if (parent !== undefined) parent.height = Math.max(parent.height, top.height + 1);
    } else if (state.get(child) === 'open') {
      cycles.push(child);
    } else if (state.get(child) === 'done') {
      top.height = Math.max(top.height, (heights.get(child) ?? 0) + 1);
    } else {
      state.set(child, 'open');
      stack.push({ node: child, children: childrenOf(child), next: 0, height: 0 });
    }
  }
  return { order, cycles, depth: heights.get(root) ?? stack.length, cut: state.size > maxNodes };
}
