import type { Lineage, LineageEdge, LineageNode } from '../../domain/lineage/types.ts';
import { forDot, forMermaid } from '../../domain/base/text.ts';
import { derivationWords, shortDigest } from './lineage-text.ts';

/** Beyond this many nodes a mermaid picture is unreadable, and some hosts refuse it. */
const MERMAID_NODES = 60;

interface Picture {
  readonly nodes: readonly { readonly id: string; readonly label: readonly string[]; readonly ok: boolean }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly label: string;
    readonly ok: boolean;
  }[];
}

/** A mermaid flow chart; leaves that only differ by name are drawn as one beyond 60 nodes. */
export function lineageMermaid(lineage: Lineage): string {
  const picture = collapsed(pictureOf(lineage), MERMAID_NODES);
  const nodes = picture.nodes.map(
    ({ id, label, ok }) => `  ${id}["${label.map(forMermaid).join('<br>')}"]${ok ? '' : ':::bad'}`,
  );
  const edges = picture.edges.map(
    ({ from, to, label, ok }) => `  ${from} ${ok ? '-->' : '-.->'}|${forMermaid(label)}| ${to}`,
  );
  return ['flowchart BT', ...nodes, ...edges, '  classDef bad stroke:#b00,stroke-width:2px', ''].join('\n');
}

/** Graphviz, whole. */
export function lineageDot(lineage: Lineage): string {
  const picture = pictureOf(lineage);
  const nodes = picture.nodes.map(
    ({ id, label, ok }) => `  ${id} [label="${label.map(forDot).join('\\n')}"${ok ? '' : ', color="red"'}];`,
  );
  const edges = picture.edges.map(
    ({ from, to, label, ok }) =>
      `  ${from} -> ${to} [label="${forDot(label)}"${ok ? '' : ', color="red", style="dashed"'}];`,
  );
  return [
    'digraph lineage {',
    '  rankdir=BT;',
    '  node [shape=box, fontname="sans-serif"];',
    ...nodes,
    ...edges,
    '}',
    '',
  ].join('\n');
}

function pictureOf(lineage: Lineage): Picture {
  const ids = new Map<string, string>();
  const idOf = (digest: string): string => {
    const id = ids.get(digest) ?? `n${ids.size}`;
    ids.set(digest, id);
    return id;
  };
  const known = [...lineage.nodes.values()];
  const nodes = known.map((node) => ({ id: idOf(node.digest), label: labelOf(node), ok: true }));
  const leaves = new Map<string, Picture['nodes'][number]>();
  const edges = known.flatMap((node) =>
    node.edges.map((edge, index) => {
      const key = edge.to === '' ? `${node.digest} ${index}` : edge.to;
      if (!lineage.nodes.has(edge.to))
        leaves.set(key, { id: idOf(key), label: leafLabel(edge), ok: edge.standing !== 'refused' });
      const label = [edge.word, derivationWords(edge)].filter(Boolean).join(', ');
      return { from: idOf(key), to: idOf(node.digest), label, ok: edge.standing !== 'refused' };
    }),
  );
  return { nodes: [...nodes, ...leaves.values()], edges };
}

/** Keeps the first nodes, which are nearest to the artifact, and says how many more there are. */
function collapsed(picture: Picture, max: number): Picture {
  if (picture.nodes.length <= max) return picture;
  const inputs = Map.groupBy(picture.edges, ({ to }) => to);
  const kept = new Set<string>();
  for (let queue = picture.nodes.slice(0, 1).map(({ id }) => id); queue.length > 0 && kept.size < max - 1;) {
    const [id, ...rest] = queue;
    if (id !== undefined) kept.add(id);
    queue = [...rest, ...(id === undefined ? [] : (inputs.get(id) ?? []).map(({ from }) => from))].filter(
      (each) => !kept.has(each),
    );
  }
  const more = {
    id: 'more',
    label: [`${picture.nodes.length - kept.size} more`, 'see --format dot or json'],
    ok: true,
  };
  const edges = picture.edges
    .filter(({ to }) => kept.has(to))
    .map((edge) => (kept.has(edge.from) ? edge : { ...edge, from: 'more' }));
  const distinct = new Map(edges.map((edge) => [`${edge.from} ${edge.to} ${edge.label}`, edge]));
  return { nodes: [...picture.nodes.filter(({ id }) => kept.has(id)), more], edges: [...distinct.values()] };
}

function labelOf({ name, digest, step, signedBy }: LineageNode): readonly string[] {
  return [
    name === '' ? '(unnamed)' : name,
    shortDigest(digest),
    ...(step === null ? [] : [`${step} by ${signedBy ?? 'nobody'}`]),
  ];
}

function leafLabel({ name, to, standing }: LineageEdge): readonly string[] {
  return [
    name === '' ? '(unnamed)' : name,
    to === '' ? 'no digest' : shortDigest(to),
    standing === 'refused' ? 'NOT ATTESTED' : standing,
  ];
}
