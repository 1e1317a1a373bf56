import { sha256Hex } from '../../domain/digest/hex.ts';
import { forHtml } from '../../domain/base/text.ts';

/** HTML that is safe to put into a page: made by `html` or `raw` only. */
export interface Html {
  readonly html: string;
}

type Value = Html | string | number | null | undefined | readonly Value[];

/** A template whose every value is escaped, unless it is itself `Html`. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: parts.map((part, index) => (index === 0 ? part : rendered(values[index - 1]) + part)).join('') };
}

function rendered(value: Value): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return forHtml(`${value}`);
  return 'html' in value ? value.html : value.map(rendered).join('');
}

/** Constant markup and style sheets of our own; never anything from outside. */
export function raw(markup: string): Html {
  return { html: markup };
}

export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A captioned table that scrolls by itself on a narrow screen. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Value[])[]): Html {
  if (rows.length === 0) return html`<p class="none">${caption}: none.</p>`;
  const head = columns.map(
    (column) => html`<th scope="col"${column.numeric === true ? raw(' class="num"') : null}>${column.title}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr>${row.map((cell, index) => html`<td${columns[index]?.numeric === true ? raw(' class="num"') : null}>${cell}</td>`)}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div>`;
}

/** `passed`, `failed`…, readable without its colour. */
export function badge(kind: 'good' | 'bad' | 'warn' | 'plain', text: string): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}

/** One self-contained page: no network, light and dark, fit for print; no script but the one of ours that is given. */
export function page(title: string, body: Html, script: string | null = null): string {
  const scripts = script === null ? null : raw(` script-src 'sha256-${base64(script)}';`);
  return `<!doctype html>
${
  html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';${scripts} style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>
${body}
</main>${script === null ? null : raw(`\n<script>${script}</script>`)}
</body>
</html>`.html
}
`;
}

function base64(script: string): string {
  return Buffer.from(sha256Hex(script), 'hex').toString('base64');
}

const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#57606a;--line:#d0d7de;--soft:#f6f8fa;--good:#116329;--bad:#a40e26;--warn:#7d4e00;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--line:#3d444d;--soft:#151b23;--good:#56d364;--bad:#ff7b72;--warn:#e3b341;--link:#79c0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
main{max-width:92rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--link)}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em;overflow-wrap:anywhere}
.lead{color:var(--dim)}
.verdict{border:1px solid var(--line);border-left-width:.5rem;border-radius:.375rem;padding:1rem 1.25rem;margin:1.25rem 0;background:var(--soft)}
.verdict.good{border-left-color:var(--good)}.verdict.bad{border-left-color:var(--bad)}.verdict.warn{border-left-color:var(--warn)}
.verdict strong{font-size:1.125rem}
.badge{display:inline-block;padding:0 .5em;border:1px solid currentColor;border-radius:1em;font-size:.8125rem;line-height:1.5;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.plain,.none{color:var(--dim)}
.verdict.good,.verdict.bad,.verdict.warn{color:var(--fg)}
.scroll{overflow-x:auto;margin:.75rem 0}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;color:var(--dim);padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;border-bottom:1px solid var(--line);overflow-wrap:break-word;max-width:28rem}
#versions-table td:nth-child(2){min-width:14rem}
td code{overflow-wrap:inherit}
th{font-weight:600;white-space:nowrap}
th button{all:unset;cursor:pointer;font:inherit}th button:focus-visible{outline:2px solid var(--link)}
th[aria-sort=ascending] button::after{content:" ↑"}th[aria-sort=descending] button::after{content:" ↓"}
#find{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;max-width:none}#find[hidden]{display:none}
input,select{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--dim);border-radius:.25rem;padding:.125rem .5rem;max-width:100%}
td.num,th.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:.75rem 0}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
ul.tree,ul.tree ul{list-style:none;margin:0;padding-left:1.25rem;border-left:1px solid var(--line)}
ul.tree{border-left:0;padding-left:0}
ul.tree li{margin:.25rem 0}
details{margin:.5rem 0}summary{cursor:pointer}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:.5rem 0}
.decision summary .lead{font-size:.9375rem}.verdict li strong{font-size:inherit}.verdict ul{margin:.5rem 0 0;padding-left:1.25rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:0;padding:0}
svg{max-width:max(100%,60rem);height:auto}
.graph .tools{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem}.graph .tools[hidden]{display:none}.tools .lead{font-size:.8125rem;flex:1 1 16rem}
.tools button{font:inherit;color:inherit;background:var(--soft);border:1px solid var(--dim);border-radius:.25rem;min-width:2rem;min-height:2rem;padding:0 .5rem;cursor:pointer}
.graph svg{max-width:none}.graph.live .scroll{overflow:hidden;border:1px solid var(--line);border-radius:.375rem}
.graph.live svg{display:block;width:100%;cursor:grab;touch-action:pan-y;user-select:none}.graph.live svg:active{cursor:grabbing}
.fold{cursor:pointer}.fold:focus-visible circle,.tools button:focus-visible{stroke:var(--link);stroke-width:3;outline:2px solid var(--link)}.fold:focus{outline:none}
footer{margin-top:3rem;color:var(--dim);font-size:.875rem}
@media (max-width:40rem){dl{grid-template-columns:1fr}dt{margin-top:.5rem}}
@media print{#find,.graph .tools{display:none}.graph svg,.graph.live svg{width:100%;height:auto!important}:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--soft:#fff;--good:#116329;--bad:#a40e26;--warn:#7d4e00;--link:#000}main{max-width:none;padding:0}svg{max-width:100%}.scroll{overflow:visible}h2{break-after:avoid}tr{break-inside:avoid}details>*{display:block}}
`;
