import { greatest } from '../../domain/base/lists.ts';
import { formatBytes } from '../../domain/base/units.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { machineBomText } from '../../domain/bom/machine.ts';
import type { Inventory, InventoryItem } from '../../flows/load/inventory-types.ts';
import type { Style } from '../command.ts';

const HEAD = ['kind', 'name', 'size', 'format', 'licence', 'signed by', 'promoted', 'store'] as const;
const NAME = 48;

/** A line an artifact, what is wrong below it, a line of counts and what was not looked at last. Ends with a newline. */
export function inventoryText({ items, broken }: Inventory, style: Style): string {
  const asked = items.some(({ promoted }) => promoted !== null);
  const rows = items.map((item) => rowOf(item, asked));
  const shown = HEAD.map((_, index) => index).filter((index) => index !== 6 || asked);
  const widths = HEAD.map((head, index) =>
    greatest([head.length, ...rows.map((row) => lettersOf(row[index] ?? '').length)]),
  );
  const line = (cells: readonly string[]): string =>
    shown
      .map((index) => (cells[index] ?? '').padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  const lines = items.flatMap((item, index) => [style.plain(line(rows[index] ?? [])), ...belowOf(item, style)]);
  const head = items.length === 0 ? [] : [style.dim(line([...HEAD]))];
  return `${[...head, ...lines, ...broken.map((each) => brokenLine(each, style)), style.bold(countLine(items, broken)), ...unreadLine(items)].join('\n')}\n`;
}

function rowOf(item: InventoryItem, asked: boolean): readonly string[] {
  const { kind, sizeBytes, formats, licences, promoted, store } = item;
  return [
    kind,
    clipped(titleOf(item)),
    formatBytes(sizeBytes),
    formats.join(', '),
    licences.join(', ') || 'not said',
    signedBy(item),
    promoted === null ? (asked ? 'not asked' : '') : promoted.join(', ') || 'no',
    store,
  ];
}

/** Its name as people call it: the tag that points to it rather than forty digits. */
export function titleOf({ name, version, aliases = [] }: InventoryItem): string {
  const shown =
    aliases[0] ?? (version === undefined ? undefined : version.replace(/^([0-9a-f]{12})[0-9a-f]{28}$/, '$1'));
  return shown === undefined ? name : `${name}:${shown}`;
}

function clipped(text: string): string {
  const letters = lettersOf(text);
  return letters.length <= NAME ? text : `…${letters.slice(1 - NAME).join('')}`;
}

function lettersOf(text: string): readonly string[] {
  return Array.from(text);
}

export function signedBy({ signature }: InventoryItem): string {
  if (signature === null) return 'nobody';
  const content = signature.content === 'verified' ? ', verified' : signature.content === 'refused' ? ', REFUSED' : '';
  return `${signature.by ?? 'nobody trusted'}${content}`;
}

function belowOf({ location, findings, known }: InventoryItem, style: Style): readonly string[] {
  return [
    `  ${style.dim(location)}`,
    ...known.map(({ severity, message }) => `  ${style.bad(`known ${severity}`)}  ${style.plain(message)}`),
    ...findings.map(({ code, message }) => `  ${style.bad(code)}  ${style.plain(message)}`),
  ];
}

function brokenLine({ subject = '', code, message }: Finding, style: Style): string {
  return `${style.warn('not read')}  ${style.plain(subject)}: ${style.plain(message)} ${style.dim(`(${code})`)}`;
}

function countLine(items: readonly InventoryItem[], broken: readonly Finding[]): string {
  const kinds = [...Map.groupBy(items, ({ kind }) => kind)].map(([kind, all]) => `${all.length} ${kind}`);
  const wrong = items.filter(({ findings, known }) => findings.length + known.length > 0).length;
  const parts = [kinds.length === 0 ? 'nothing found' : kinds.join(', '), `${wrong} with findings`];
  return [...parts, ...(broken.length === 0 ? [] : [`${broken.length} not read`])].join('; ');
}

/** A seal says what somebody signed; that the files are it, nobody looked. */
function unreadLine(items: readonly InventoryItem[]): readonly string[] {
  const unread = items.filter(
    ({ signature }) => signature !== null && signature.by !== null && signature.content === 'unread',
  );
  return unread.length === 0
    ? []
    : [
        `The content of ${unread.length} signed was not read, so whether it is what was signed is open (--hash reads it).`,
      ];
}

/** The body of `schemas/inventory.schema.json`. */
export function inventoryJson(
  { items, broken }: Inventory,
  { hashed, feeds }: { readonly hashed: boolean; readonly feeds: readonly string[] },
): Readonly<Record<string, unknown>> {
  const known = (item: InventoryItem) => item.known.map(({ rule, severity, message }) => ({ rule, severity, message }));
  return { hashed, feeds, items: items.map((item) => ({ ...item, known: known(item) })), broken };
}

/** One BOM of the machine. */
export function inventoryBom({ items, broken }: Inventory, about: { machine: string; version: string }): string {
  return machineBomText({
    machine: about.machine,
    tool: { name: 'weighmark', version: about.version },
    incomplete: broken.length > 0,
    parts: items.map((item) => ({ ...item, facts: factsOf(item) })),
  });
}

function factsOf({
  signature,
  promoted,
  findings,
  known,
  weights,
}: InventoryItem): readonly (readonly [string, string])[] {
  return [
    ['signed-by', signature === null ? 'nobody' : (signature.by ?? 'nobody trusted')] as const,
    ...(promoted ?? []).map((name) => ['promoted', name] as const),
    ...weights.map(({ root }) => ['weights', `blake3:${root}`] as const),
    ...findings.map(({ code, message }) => ['problem', `${code}: ${message}`] as const),
    ...known.map(({ severity, message }) => ['known', `${severity}: ${message}`] as const),
  ];
}
