import type { Lineage, LineageNode } from '../../domain/lineage/types.ts';
import { html, raw, type Html } from './html.ts';
import { greatest } from '../../domain/base/lists.ts';

const MAX_NODES = 60;
const BOX = { width: 190, height: 52, gapX: 160, gapY: 18 };

/** The ancestry as inline SVG, inputs to the right of what was made from them; past 60 artifacts a table reads better. */
export function lineageDrawing(lineage: Lineage): Html {
  const placed = place(lineage);
  if (placed.length > MAX_NODES || placed.length < 2)
    return html`${placed.length > MAX_NODES ? html`<p>Too many artifacts to draw; the table below has them all.</p>` : null}`;
  const at = new Map(placed.map((box) => [box.key, box]));
  const width = greatest(placed.map(({ x }) => x)) + BOX.width + 2;
  const height = greatest(placed.map(({ y }) => y)) + BOX.height + 2;
  const lines = placed.flatMap((from) =>
    from.inputs.map(({ key, word, refused }) => arrow(from, at.get(key), { word, refused })),
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Lineage, drawn"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Lineage: what each artifact was made from" font-family="system-ui, sans-serif" font-size="13">
${lines}
${placed.map(box)}
</svg></div>`;
}

interface Placed {
  readonly key: string;
  readonly label: string;
  readonly detail: string;
  readonly refused: boolean;
  readonly inputs: readonly { readonly key: string; readonly word: string; readonly refused: boolean }[];
  readonly x: number;
  readonly y: number;
}

/** Columns by distance from the root, rows in the order they are met. */
function place(lineage: Lineage): readonly Placed[] {
  const placed = new Map<string, Placed>();
  const rows: number[] = [];
  const queue: { key: string; name: string; depth: number; refused: boolean }[] = [
    { key: lineage.root, name: '', depth: 0, refused: false },
  ];
  for (let next = queue.shift(); next !== undefined && placed.size <= MAX_NODES; next = queue.shift()) {
    if (placed.has(next.key)) continue;
    const node = lineage.nodes.get(next.key);
    const row = rows[next.depth] ?? 0;
    rows[next.depth] = row + 1;
    placed.set(next.key, {
      ...describe(next, node),
      x: 1 + next.depth * (BOX.width + BOX.gapX),
      y: 1 + row * (BOX.height + BOX.gapY),
    });
    for (const edge of node?.edges ?? [])
      queue.push({ key: keyOf(edge), name: edge.name, depth: next.depth + 1, refused: edge.standing === 'refused' });
  }
  return [...placed.values()];
}

function describe(
  next: { key: string; name: string; refused: boolean },
  node: LineageNode | undefined,
): Omit<Placed, 'x' | 'y'> {
  const label =
    node?.name !== undefined && node.name !== '' ? node.name : next.name !== '' ? next.name : next.key.slice(0, 12);
  const detail = next.refused
    ? 'not attested'
    : node?.step != null
      ? `${node.step} by ${node.signedBy ?? 'nobody'}`
      : next.key.slice(0, 16);
  const edges = Map.groupBy(node?.edges ?? [], keyOf);
  const inputs = [...edges].map(([key, same]) => ({
    key,
    word: same.map(({ word }) => word).join(', '),
    refused: same.some(({ standing }) => standing === 'refused'),
  }));
  return { key: next.key, label, detail, refused: next.refused, inputs };
}

/** Inputs without a digest are told apart by name. */
function keyOf(edge: { readonly to: string; readonly name: string }): string {
  return edge.to === '' ? `name:${edge.name}` : edge.to;
}

function box({ x, y, label, detail, refused }: Placed): Html {
  const stroke = raw(refused ? 'stroke="var(--bad)" stroke-dasharray="5 3"' : 'stroke="var(--line)"');
  return html`<g><title>${label}: ${detail}</title><rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="var(--soft)" ${stroke}/>
<text x="${x + 10}" y="${y + 22}" fill="var(--fg)" font-weight="600">${clip(label)}</text><text x="${x + 10}" y="${y + 40}" fill="${raw(refused ? 'var(--bad)' : 'var(--dim)')}" font-size="12">${clip(detail)}</text></g>
`;
}

function arrow(
  from: Placed,
  to: Placed | undefined,
  { word, refused }: { word: string; refused: boolean },
): Html | null {
  if (to === undefined) return null;
  const [x1, y1, x2, y2] = [from.x + BOX.width, from.y + BOX.height / 2, to.x, to.y + BOX.height / 2];
  const middle = (x1 + x2) / 2;
  const path = `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
  return html`<path d="${path}" fill="none" stroke="${raw(refused ? 'var(--bad)' : 'var(--dim)')}"/><text x="${x2 - 6}" y="${y2 - 6}" text-anchor="end" fill="var(--dim)" font-size="10" stroke="var(--bg)" stroke-width="4" paint-order="stroke">${clip(word)}</text>
`;
}

function clip(text: string): string {
  return text.length > 24 ? `${text.slice(0, 23)}…` : text;
}
