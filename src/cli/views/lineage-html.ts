import type { Lineage, LineageNode } from '../../domain/lineage/types.ts';
import { findingsOf, type Verdict } from '../../domain/base/verdict.ts';
import { badge, html, page, table, type Html } from './html.ts';
import { lineageDrawing } from './lineage-drawing.ts';
import { MOVE_DRAWING } from './move-drawing.ts';
import { derivationWords, shortDigest } from './lineage-text.ts';

/** One page that needs nothing else: the verdict, the ancestry step by step, and what is wrong. */
export function lineageHtml(lineage: Lineage, verdict: Verdict): string {
  const passed = verdict.exitCode === 0;
  const drawing = lineageDrawing(lineage, (digest) => (lineage.nodes.has(digest) ? `#${digest}` : null));
  const body = html`
<h1>Lineage of ${verdict.subject}</h1>
<p>${badge(passed ? 'good' : 'bad', passed ? 'complete' : 'not complete')} <code>${verdict.id ?? ''}</code></p>
${table(
  'What is wrong',
  [{ title: 'Code' }, { title: 'About' }, { title: 'Why' }],
  findingsOf(verdict).map(({ code, subject, message }) => [code, subject ?? '', message]),
)}
${drawing}
<h2>Steps</h2>
${[...lineage.nodes.values()].map(section)}`;
  return page(`Lineage of ${verdict.subject}`, body, drawing === null ? null : MOVE_DRAWING);
}

function section(node: LineageNode): Html {
  const rows = node.edges.map((edge) => [
    edge.word,
    edge.name,
    html`<code><a href="#${edge.to}">${edge.to === '' ? 'no digest' : shortDigest(edge.to)}</a></code>`,
    edge.role ?? '',
    badge(edge.standing === 'refused' ? 'bad' : 'good', edge.standing === 'refused' ? 'not attested' : edge.standing),
    derivationWords(edge) ?? '',
  ]);
  return html`<section id="${node.digest}"><h3>${node.name === '' ? '(unnamed)' : node.name}</h3>
<p><code>sha256:${node.digest}</code></p>
<p>${node.step === null ? 'no step is attested' : `${node.step} by ${node.signedBy ?? 'nobody'}${node.time === null ? '' : `, by ${node.time}`}`}${(node.describedBy ?? []).length === 0 ? '' : `; BOM by ${node.describedBy?.join(', ')}`}</p>
${table(`Inputs of ${node.name === '' ? 'sha256' : node.name} ${shortDigest(node.digest)}`, [{ title: 'Relation' }, { title: 'Name' }, { title: 'Digest' }, { title: 'Role' }, { title: 'Standing' }, { title: 'Derivation' }], rows)}</section>`;
}
