import type { Lineage } from '../../domain/lineage/types.ts';
import { html, raw, type Html } from './html.ts';
import { extentOf, layOut, SIZE, type Box, type Layout, type Line } from './lineage-layout.ts';

/** So many of the nearest artifacts are drawn; every one is in the tables. */
const MAX_NODES = 300;
/** What a box has room for: lines, and widths of a small letter. */
const NAME = { lines: 3, letters: 27 } as const;
const DETAIL = { lines: 1, letters: 31 } as const;

/** The address of an artifact's own page, by its hex digest; null where it has none. */
export type PageOfDigest = (digest: string) => string | null;

/**
 * The ancestry as inline SVG, inputs to the right of what was made from them; `MOVE_DRAWING` lets it be moved, zoomed and
 * folded, and without a script it stands whole. Null of an artifact with no inputs.
 */
export function lineageDrawing(lineage: Lineage, pageOf: PageOfDigest = () => null): Html | null {
  const layout = layOut(lineage, MAX_NODES, ({ key, name }) => boxHeight(linesOf(labelOf(lineage, key, name), NAME)));
  if (layout.boxes.length < 2) return null;
  const { width, height } = extentOf(layout);
  const beyond = lineage.nodes.size - layout.boxes.length;
  return html`<div class="graph" id="drawing"><div class="tools" hidden><button type="button" data-do="in" aria-label="Zoom in">+</button><button type="button" data-do="out" aria-label="Zoom out">−</button><button type="button" data-do="whole">Whole</button><button type="button" data-do="open">Open all</button><span class="lead">Drag, or arrow keys, to move; Ctrl and wheel, two fingers, or + and − to zoom; the circle of a box opens what it was made from.</span></div>
<div class="scroll" tabindex="0" role="region" aria-label="Lineage, drawn"><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="group" aria-label="Lineage: what each artifact was made from" font-family="system-ui, sans-serif" font-size="13">
${layout.lines.map((line) => arrow(line, layout))}
${layout.boxes.map((box, index) => drawn(box, index, { lineage, layout, pageOf }))}
</svg></div>${beyond > 0 ? html`<p class="lead">The ${layout.boxes.length} nearest are drawn; the table below has ${beyond} more.</p>` : null}</div>`;
}

function labelOf(lineage: Lineage, key: string, name: string): string {
  const own = lineage.nodes.get(key)?.name ?? '';
  return own !== '' ? own : name !== '' ? name : key.slice(0, 12);
}

function detailOf(lineage: Lineage, { key, refused }: Box): string {
  const node = lineage.nodes.get(key);
  if (refused) return 'not attested';
  return node?.step != null ? `${node.step} by ${node.signedBy ?? 'nobody'}` : key.slice(0, 16);
}

function boxHeight(lines: readonly string[]): number {
  return (lines.length + 1) * SIZE.line + 16;
}

interface Picture {
  readonly lineage: Lineage;
  readonly layout: Layout;
  readonly pageOf: PageOfDigest;
}

function drawn(box: Box, index: number, { lineage, layout, pageOf }: Picture): Html {
  const { key, x, y, height, refused } = box;
  const label = labelOf(lineage, key, box.name);
  const detail = detailOf(lineage, box);
  const stroke = raw(refused ? 'stroke="var(--bad)" stroke-dasharray="5 3"' : 'stroke="var(--line)"');
  const lines = linesOf(label, NAME);
  const name = html`<text fill="var(--fg)" font-weight="600">${lines.map((line, at) => html`<tspan x="${x + 10}" y="${y + 22 + at * SIZE.line}">${line}</tspan>`)}</text>`;
  const page = index === 0 ? null : pageOf(key);
  return html`<g data-box="${index}"><title>${label}: ${detail}</title><rect x="${x}" y="${y}" width="${SIZE.width}" height="${height}" rx="6" fill="var(--soft)" ${stroke}/>
${page === null ? name : html`<a href="${page}">${name}</a>`}<text x="${x + 10}" y="${y + height - 10}" fill="${raw(refused ? 'var(--bad)' : 'var(--dim)')}" font-size="12">${linesOf(detail, DETAIL)}</text>${handle(box, label, layout.lines.filter(({ from }) => from === index).length)}</g>
`;
}

/** Opens and folds what an artifact was made from; without a script there is nothing to fold. */
function handle({ x, y, height }: Box, label: string, inputs: number): Html | null {
  if (inputs === 0) return null;
  const [left, middle] = [x + SIZE.width, y + height / 2];
  return html`<g class="fold" role="button" aria-label="${inputs}: what ${label} was made from" display="none"><circle cx="${left}" cy="${middle}" r="11" fill="var(--bg)" stroke="var(--dim)"/><text x="${left}" y="${middle + 4}" text-anchor="middle" fill="var(--fg)"></text></g>`;
}

function arrow(line: Line, { boxes }: Layout): Html | null {
  const [from, to] = [boxes[line.from], boxes[line.to]];
  if (from === undefined || to === undefined) return null;
  const start = [from.x + SIZE.width, from.y + from.height / 2] as const;
  const end = [to.x, to.y + to.height / 2] as const;
  const path = curve([start, ...line.through, end]);
  return html`<g data-from="${line.from}" data-to="${line.to}"><path d="${path}" fill="none" stroke="${raw(line.refused ? 'var(--bad)' : 'var(--dim)')}"/><text x="${end[0] - 6}" y="${end[1] - 6}" text-anchor="end" fill="var(--dim)" font-size="11" stroke="var(--bg)" stroke-width="4" paint-order="stroke">${line.words}</text></g>
`;
}

/** Level where it leaves a column and where it enters the next. */
function curve([start, ...points]: readonly (readonly [number, number])[]): string {
  let before = start ?? [0, 0];
  const parts = points.map(([x, y]) => {
    const middle = (before[0] + x) / 2;
    const part = before[1] === y ? `H${x}` : `C${middle} ${before[1]} ${middle} ${y} ${x} ${y}`;
    before = [x, y];
    return part;
  });
  return `M${start?.[0]} ${start?.[1]}${parts.join('')}`;
}

interface Room {
  readonly lines: number;
  readonly letters: number;
}

/** Broken where names are read in parts; what there is no room for ends in `…`. */
function linesOf(text: string, room: Room): readonly string[] {
  const lines: string[] = [];
  let rest = Array.from(text.slice(0, 400));
  while (rest.length > 0 && lines.length < room.lines) {
    const fits = fitting(rest, room.letters);
    const cut = fits === rest.length || lines.length === room.lines - 1 ? fits : breakBefore(rest, fits);
    lines.push(rest.slice(0, cut).join(''));
    rest = rest.slice(cut);
  }
  const last = lines.at(-1) ?? '';
  return rest.length === 0 ? lines : [...lines.slice(0, -1), `${Array.from(last).slice(0, -1).join('')}…`];
}

function fitting(letters: readonly string[], most: number): number {
  let width = 0;
  const beyond = letters.findIndex((letter) => (width += widthOf(letter)) > most);
  return beyond === -1 ? letters.length : Math.max(1, beyond);
}

function breakBefore(letters: readonly string[], most: number): number {
  const at = letters.slice(0, most).findLastIndex((letter) => /[\s/:@_.-]/.test(letter));
  return at < most / 2 ? most : at + 1;
}

function widthOf(letter: string): number {
  if (letter > '\u04ff') return 1.9;
  return /[A-Zmw@%]/.test(letter) ? 1.35 : 1;
}
