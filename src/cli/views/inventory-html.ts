import { counted, formatBytes } from '../../domain/base/units.ts';
import type { Inventory, InventoryItem } from '../../flows/load/inventory-types.ts';
import { FIND_IN_TABLE } from './find-in-table.ts';
import { badge, html, page, table, type Html } from './html.ts';
import { signedBy, titleOf } from './inventory.ts';

export interface InventoryPage {
  readonly machine: string;
  /** RFC 3339. */
  readonly generated: string;
  readonly version: string;
  readonly hashed: boolean;
  /** What the policy demands; null: none was asked. */
  readonly policy: { readonly name: string; readonly version: number; readonly environment: string | null } | null;
}

const STANDINGS = ['refused', 'unauthorised', 'not asked', 'unsigned', 'sealed, not read', 'in order'] as const;
type Standing = (typeof STANDINGS)[number];
const BADGES = {
  refused: 'bad',
  unauthorised: 'bad',
  'not asked': 'warn',
  unsigned: 'warn',
  'sealed, not read': 'warn',
  'in order': 'good',
} as const;

/** Every model of a machine on one page, what is wrong first. No network; one script that finds, filters and sorts. */
export function inventoryHtml({ items, broken }: Inventory, about: InventoryPage): string {
  const rows = items
    .map((item) => ({ item, standing: standingOf(item, about) }))
    .toSorted((a, b) => STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing));
  const body = html`
<h1>Models on ${about.machine}</h1>
${summary(
  rows.map(({ standing }) => standing),
  broken.length,
  about,
)}
<h2 id="versions">Artifacts</h2>
${rows.length === 0 ? html`<p class="none">None.</p>` : listing(rows, about)}
<h2 id="unread">Not read</h2>
${table(
  'What could not be read',
  [{ title: 'Place' }, { title: 'Why' }],
  broken.map(({ subject = '', code, message }) => [
    html`<code>${subject}</code>`,
    html`<code>${code}</code> ${message}`,
  ]),
)}
<footer>Made by weighmark ${about.version} on ${about.generated}. ${
    about.hashed
      ? 'Every byte was read.'
      : 'Weights were not read (--hash reads them), so no seal was held to its content: digests and ids are those that seals and stores recorded.'
  }</footer>`;
  return page(`${about.machine}: inventory`, body, FIND_IN_TABLE);
}

/**
 * Whether it may be here: what is known or found against it, then what a policy misses or was not asked about, then who answers
 * for it. What was sealed is in order once its bytes were read.
 */
function standingOf({ findings, known, signature, promoted }: InventoryItem, { policy }: InventoryPage): Standing {
  if (known.length > 0 || findings.some(({ code }) => code !== 'not-promoted')) return 'refused';
  if (findings.length > 0) return 'unauthorised';
  if (policy !== null && promoted === null) return 'not asked';
  if (signature === null || signature.by === null) return 'unsigned';
  return signature.content === 'verified' ? 'in order' : 'sealed, not read';
}

function summary(standings: readonly Standing[], broken: number, { policy }: InventoryPage): Html {
  const count = (standing: Standing): number => standings.filter((each) => each === standing).length;
  const bad = count('refused') + count('unauthorised');
  const kind = bad > 0 ? 'bad' : broken > 0 || count('in order') < standings.length ? 'warn' : 'good';
  const title =
    bad > 0
      ? `${counted(bad, 'artifact')} should not be here`
      : kind === 'warn'
        ? 'Nothing is known against what is here'
        : 'All that is here is in order';
  const rule =
    policy === null
      ? 'No policy was asked: nothing says what may be here.'
      : `Policy ${policy.name} version ${policy.version}: each must be promoted to ${policy.environment ?? 'an environment of it'}${count('not asked') === 0 ? '' : ', but for those it was not asked about'}.`;
  const counts = STANDINGS.map((each) => `${count(each)} ${each}`).join(', ');
  const unread = broken === 0 ? '' : `; ${counted(broken, 'place')} not read`;
  return html`<div class="verdict ${kind}"><strong>${title}</strong><p>${counted(standings.length, 'artifact')}: ${counts}${unread}.</p><p class="lead">${rule}</p></div>`;
}

const COLUMNS = ['Artifact', 'Standing', 'Kind', 'Size', 'Format', 'Licence', 'Signed by', 'Store', 'Where'];

function listing(rows: readonly { item: InventoryItem; standing: Standing }[], { policy }: InventoryPage): Html {
  const columns = policy === null ? COLUMNS : COLUMNS.toSpliced(7, 0, 'Promoted to');
  return html`<p id="find" hidden><label>Find <input type="search"></label> <label>Standing <select><option value="">all</option>${STANDINGS.map((each) => html`<option>${each}</option>`)}</select></label> <output></output></p>
<div id="versions-table" class="scroll" tabindex="0" role="region" aria-label="Every artifact"><table><caption>Every artifact, what is wrong first</caption><thead><tr>${columns.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead><tbody>
${rows.map(({ item, standing }) => row(item, standing, policy !== null))}</tbody></table></div>`;
}

function row(item: InventoryItem, standing: Standing, asked: boolean): Html {
  const { kind, sizeBytes, formats, licences, promoted, store, location } = item;
  return html`<tr data-kind="${standing}"><td>${titleOf(item)}</td><td>${badge(BADGES[standing], standing)}${why(item)}</td><td>${kind}</td><td data-sort="${sizeBytes}">${formatBytes(sizeBytes)}</td><td>${formats.join(', ')}</td><td>${licences.join(', ') || 'not said'}</td><td>${signedBy(item)}</td>${asked ? html`<td>${promoted === null ? 'not asked' : promoted.join(', ') || 'nowhere'}</td>` : null}<td>${store}</td><td><code>${location}</code></td></tr>
`;
}

const SHOWN = 5;

function why({ findings, known, signature }: InventoryItem): readonly Html[] {
  const lines = [
    ...known.map(({ severity, message }) => html`<div><strong>known, ${severity}</strong> ${message}</div>`),
    ...findings.map(({ code, message }) => html`<div><code>${code}</code> ${message}</div>`),
    ...(signature?.why === undefined || signature.content === 'refused'
      ? []
      : [html`<div class="lead">${signature.why}</div>`]),
  ];
  const more = lines.length - SHOWN;
  return more > 0 ? [...lines.slice(0, SHOWN), html`<div>and ${more} more</div>`] : lines;
}
