import type { Lineage, LineageEdge } from '../../domain/lineage/types.ts';
import { badge, html, raw, type Html } from './html.ts';

/** What a page shows of one ancestry before it points to the table of all steps. */
const MAX_LINES = 1_000;
const MAX_DEPTH = 40;
const OPEN_DEPTH = 2;

/** The ancestry as a tree that opens, without a script: what each artifact was made from, by whom; met again, it is only named. */
export function lineageTree(lineage: Lineage): Html | null {
  const root = lineage.nodes.get(lineage.root);
  if (root === undefined || root.edges.length === 0) return null;
  const state = { lineage, seen: new Set<string>([lineage.root]), lines: 0 };
  return html`<ul class="tree" id="ancestry">${root.edges.map((edge) => branch(edge, 1, state))}</ul>`;
}

interface State {
  readonly lineage: Lineage;
  readonly seen: Set<string>;
  lines: number;
}

function branch(edge: LineageEdge, depth: number, state: State): Html | null {
  state.lines += 1;
  if (state.lines > MAX_LINES)
    return state.lines === MAX_LINES + 1
      ? html`<li class="none">and more: every step is in the table below</li>`
      : null;
  const node = state.lineage.nodes.get(edge.to);
  const again = edge.to !== '' && state.seen.has(edge.to);
  const line = lineOf(edge, { step: node?.step ?? null, signedBy: node?.signedBy ?? null, again });
  if (node === undefined || again || node.edges.length === 0 || depth >= MAX_DEPTH) {
    state.seen.add(edge.to);
    return html`<li>${line}</li>`;
  }
  state.seen.add(edge.to);
  const open = depth < OPEN_DEPTH ? raw(' open') : null;
  return html`<li><details${open}><summary>${line}</summary><ul>${node.edges.map((each) => branch(each, depth + 1, state))}</ul></details></li>`;
}

function lineOf(
  edge: LineageEdge,
  {
    step,
    signedBy,
    again,
  }: { readonly step: string | null; readonly signedBy: string | null; readonly again: boolean },
): Html {
  const standing =
    edge.standing === 'refused'
      ? badge('bad', 'not attested')
      : badge(edge.standing === 'noted' ? 'plain' : 'good', edge.standing);
  const name = edge.name === '' ? (edge.to === '' ? '(unnamed)' : edge.to.slice(0, 12)) : edge.name;
  const made = step === null ? '' : `, ${step} by ${signedBy ?? 'nobody'}`;
  return html`${edge.word} <strong>${name}</strong> ${edge.to === '' ? '(no digest)' : html`<code>${edge.to.slice(0, 16)}</code>`}${made} ${standing}${again ? ' (see above)' : ''}`;
}
