import type { Lineage, LineageEdge, LineageNode } from '../../domain/lineage/types.ts';
import { findingsOf, type Verdict } from '../../domain/base/verdict.ts';
import type { Style } from '../command.ts';
import { renderFindings } from '../errors.ts';

/** The ancestry as a tree; an artifact reached twice is shown in full once. Ends with a newline. */
export function lineageTree(lineage: Lineage, verdict: Verdict, style: Style): string {
  const root = lineage.nodes.get(lineage.root);
  const lines = root === undefined ? [] : [heading(root, style)];
  const shown = new Set([lineage.root]);
  if (root !== undefined) branches(root, '', { lineage, style, shown, lines });
  return `${lines.join('\n')}\n${
    findingsOf(verdict).length === 0
      ? ''
      : `\n${renderFindings(findingsOf(verdict).slice(0, MAX_FINDINGS), style).join('\n')}\n`
  }`;
}

interface Drawing {
  readonly lineage: Lineage;
  readonly style: Style;
  readonly shown: Set<string>;
  readonly lines: string[];
}

const MAX_FINDINGS = 50;
const MAX_LINES = 2000;

function branches(node: LineageNode, indent: string, drawing: Drawing): void {
  node.edges.forEach((edge, index) => {
    if (drawing.lines.length >= MAX_LINES) return;
    const last = index === node.edges.length - 1;
    const child = drawing.lineage.nodes.get(edge.to);
    const again = drawing.shown.has(edge.to);
    drawing.lines.push(
      `${indent}${last ? '└─ ' : '├─ '}${edgeLine(edge, child, drawing.style)}${again && child !== undefined && child.edges.length > 0 ? drawing.style.dim(' (see above)') : ''}`,
    );
    if (child === undefined || again) return;
    drawing.shown.add(edge.to);
    branches(child, `${indent}${last ? '   ' : '│  '}`, drawing);
  });
}

function heading(node: LineageNode, style: Style): string {
  return `${style.bold(nameOf(node.name))} ${style.dim(shortDigest(node.digest))}${madeBy(node, style)}`;
}

function edgeLine(edge: LineageEdge, child: LineageNode | undefined, style: Style): string {
  const standing = edge.standing === 'refused' ? style.bad('NOT ATTESTED') : style.good(STANDINGS[edge.standing]);
  const name = child?.name === undefined || child.name === '' ? edge.name : child.name;
  return `${style.plain(edge.word)} ${style.bold(nameOf(name))} ${style.dim(shortDigest(edge.to))} ${standing}${shownBy(edge, style)}${child === undefined ? '' : madeBy(child, style)}`;
}

/** Whether anybody recomputed the step, apart from whoever claims it. */
function shownBy(edge: LineageEdge, style: Style): string {
  const words = derivationWords(edge);
  if (words === null) return '';
  return ` ${edge.verified?.length === 0 ? style.warn(words) : style.good(style.plain(words))}`;
}

/** For people; null of an input whose weights no step turns into others. */
export function derivationWords({ verified }: Pick<LineageEdge, 'verified'>): string | null {
  if (verified === undefined) return null;
  const [best] = verified;
  return best === undefined ? 'claimed' : `verified: ${best.word}, by ${best.by}`;
}

const STANDINGS = {
  attested: 'attested',
  described: 'described',
  'trusted-leaf': 'trusted by policy',
  summary: 'promoted',
  pinned: 'pinned',
  noted: 'noted',
  refused: 'NOT ATTESTED',
} as const;

function madeBy(node: LineageNode, style: Style): string {
  const words = signersOf(node);
  return words === '' ? '' : style.plain(` · ${words}`);
}

/** `train by tom, 2026-11-30; BOM by anna`; empty where nobody who counts signed either. */
export function signersOf({ step, signedBy, time, describedBy = [] }: LineageNode): string {
  const made =
    step === null ? [] : [`${step} by ${signedBy ?? 'nobody'}${time === null ? '' : `, ${time.slice(0, 10)}`}`];
  return [...made, ...(describedBy.length === 0 ? [] : [`BOM by ${describedBy.join(', ')}`])].join('; ');
}

function nameOf(name: string): string {
  return name === '' ? '(unnamed)' : name;
}

export function shortDigest(digest: string): string {
  return digest.startsWith('git:') ? digest.slice(0, 16) : `sha256:${digest.slice(0, 12)}`;
}
