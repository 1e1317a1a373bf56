import type { Lineage, LineageEdge } from '../../domain/lineage/types.ts';
import { greatest, least } from '../../domain/base/lists.ts';

/** How large boxes are, and what lies between them. */
export const SIZE = { width: 232, line: 18, gapX: 130, gapY: 18 } as const;
const BEND_HEIGHT = 10;

/** An artifact of the picture; the top left corner, as SVG counts. */
export interface Box {
  readonly key: string;
  /** The name an input was called by; '' of the root. */
  readonly name: string;
  readonly refused: boolean;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** From what was made to its input, by way of the columns between. */
export interface Line {
  readonly from: number;
  readonly to: number;
  readonly words: string;
  readonly refused: boolean;
  readonly through: readonly (readonly [x: number, y: number])[];
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

interface Met {
  readonly key: string;
  readonly name: string;
  readonly refused: boolean;
}

interface Spot {
  readonly height: number;
  readonly before: Spot[];
  column: number;
  y: number;
}

/**
 * Layers as Sugiyama draws them: every input right of all that was made from it, each near those, and lines bent where
 * columns lie between. Only the nearest `most` artifacts.
 */
export function layOut(lineage: Lineage, most: number, heightOf: (met: Met) => number): Layout {
  const met = nearest(lineage, most);
  const index = new Map(met.map(({ key }, at) => [key, at]));
  const links = met.flatMap(({ key }, from) => linksOf(lineage, key, from, index));
  const columns = columnsOf(met.length, links);
  const spots = met.map((each, at): Spot => ({ height: heightOf(each), before: [], column: columns[at] ?? 0, y: 0 }));
  const bends = links.map((link) => bendsOf(spots, link));
  stack([...spots, ...bends.flat()]);
  const boxes = met.map((each, at) => ({ ...each, ...placed(spots[at]) }));
  const lines = links.map((link, at) => ({ ...link, through: throughOf(bends[at] ?? []) }));
  return { boxes, lines };
}

function nearest(lineage: Lineage, most: number): readonly Met[] {
  const met = new Map<string, Met>([[lineage.root, { key: lineage.root, name: '', refused: false }]]);
  for (const { key } of met.values())
    for (const edge of lineage.nodes.get(key)?.edges ?? []) {
      const input = keyOf(edge);
      if (met.size < most && !met.has(input))
        met.set(input, { key: input, name: edge.name, refused: edge.standing === 'refused' });
    }
  return [...met.values()];
}

/** Inputs without a digest are told apart by name. */
export function keyOf(edge: Pick<LineageEdge, 'to' | 'name'>): string {
  return edge.to === '' ? `name:${edge.name}` : edge.to;
}

type Link = Omit<Line, 'through'>;

function linksOf(lineage: Lineage, key: string, from: number, index: ReadonlyMap<string, number>): readonly Link[] {
  return [...Map.groupBy(lineage.nodes.get(key)?.edges ?? [], keyOf)].flatMap(([input, same]) => {
    const to = index.get(input);
    if (to === undefined || to === from) return [];
    const words = [...new Set(same.map(({ word }) => word))].join(', ');
    return [{ from, to, words, refused: same.some(({ standing }) => standing === 'refused') }];
  });
}

/** The longest way from the root; an artifact that says to be made from what was made of it ends the way. */
function columnsOf(count: number, links: readonly Link[]): readonly number[] {
  const inputs = Map.groupBy(links, ({ from }) => from);
  const columns = Array.from({ length: count }, () => 0);
  for (const from of inputsLast(inputs))
    for (const { to } of inputs.get(from) ?? [])
      if (to !== 0) columns[to] = Math.max(columns[to] ?? 0, (columns[from] ?? 0) + 1);
  return columns;
}

/** Depth first from the root, each before its inputs. */
function inputsLast(inputs: ReadonlyMap<number, readonly Link[]>): readonly number[] {
  const done: number[] = [];
  const seen = new Set([0]);
  const way = [{ at: 0, next: 0 }];
  for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
    const to = inputs.get(top.at)?.[top.next++]?.to;
    if (to === undefined) done.push(way.pop()?.at ?? 0);
    else if (!seen.has(to)) {
      seen.add(to);
      way.push({ at: to, next: 0 });
    }
  }
  return done.reverse();
}

/** A place in each column that the line crosses, so that it runs between the boxes; a line back, in a circle, has none. */
function bendsOf(spots: readonly Spot[], { from, to }: Link): readonly Spot[] {
  const [start, end] = [spots[from], spots[to]];
  if (start === undefined || end === undefined) return [];
  const bends: Spot[] = [];
  for (let column = start.column + 1, before = start; column < end.column; column++) {
    const bend: Spot = { height: BEND_HEIGHT, before: [before], column, y: 0 };
    bends.push(bend);
    before = bend;
  }
  if (end.column > start.column) end.before.push(bends.at(-1) ?? start);
  return bends;
}

/** Column by column: in the order of those they belong to, as near to them as there is room. */
function stack(spots: readonly Spot[]): void {
  const columns = [...Map.groupBy(spots, ({ column }) => column)].sort(([a], [b]) => a - b);
  for (const [, column] of columns) {
    const wanted = new Map(column.map((spot) => [spot, middleOf(spot.before) - spot.height / 2]));
    const ordered = column.toSorted((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
    let free = -Infinity;
    for (const spot of ordered) {
      spot.y = Math.max(free, wanted.get(spot) ?? 0);
      free = spot.y + spot.height + SIZE.gapY;
    }
    const lower = ordered.reduce((sum, spot) => sum + spot.y - (wanted.get(spot) ?? 0), 0) / ordered.length;
    for (const spot of ordered) spot.y -= lower;
  }
  const top = least(spots.map(({ y }) => y));
  for (const spot of spots) spot.y = Math.round(spot.y - top) + 1;
}

function middleOf(spots: readonly Spot[]): number {
  return spots.reduce((sum, { y, height }) => sum + y + height / 2, 0) / Math.max(1, spots.length);
}

function placed(spot: Spot | undefined): Pick<Box, 'x' | 'y' | 'height'> {
  return { x: leftOf(spot?.column ?? 0), y: spot?.y ?? 0, height: spot?.height ?? 0 };
}

/** The line runs level through the width of a column. */
function throughOf(bends: readonly Spot[]): Line['through'] {
  return bends.flatMap(({ column, y, height }) => {
    const middle = y + height / 2;
    return [[leftOf(column), middle] as const, [leftOf(column) + SIZE.width, middle] as const];
  });
}

function leftOf(column: number): number {
  return 1 + column * (SIZE.width + SIZE.gapX);
}

/** What holds all of it. */
export function extentOf({ boxes }: Layout): { readonly width: number; readonly height: number } {
  return {
    width: greatest(boxes.map(({ x }) => x)) + SIZE.width + 12,
    height: greatest(boxes.map(({ y, height }) => y + height)) + 2,
  };
}
