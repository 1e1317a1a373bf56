import type { BomFile } from '../../domain/metadata/types.ts';
import { portText } from '../../domain/bom/files.ts';
import { copiesOf } from '../../domain/metadata/copies.ts';
import type { WeightSet } from '../../domain/metadata/weights.ts';
import { forMarkdown } from '../../domain/base/text.ts';
import { counted, formatBytes, grouped } from '../../domain/base/units.ts';
import { CLAIM_LABELS, type InspectOutcome } from '../../flows/describe/inspect.ts';
import type { WeighedSet } from '../../flows/describe/weights.ts';
import type { Style } from '../command.ts';
import { conflictLines } from './bom.ts';
import { forShell } from '../../domain/base/text.ts';

const LABEL = 11;
const FILES = 12;
const CLAIMS = 8;

export interface InspectView {
  readonly ref: string;
  /** False: it lies in a registry, and must be fetched to be scanned. */
  readonly onDisk: boolean;
  readonly verbose: boolean;
}

/** One page: what is there, then what it says of itself, then what is odd. */
export function inspectText(outcome: InspectOutcome, view: InspectView, style: Style): string {
  const lines = [
    `${style.bold(outcome.name)}  ${style.dim(`${outcome.kind}${outcome.id === undefined ? '' : `, ${outcome.id}`}`)}`,
    ...row('content', [contentLine(outcome)], style),
    ...row('', fileLines(outcome.files, view.verbose), style),
    ...row('weights', weightLines(outcome), style),
    ...row('identity', identityLines(outcome.weighed ?? []), style),
    ...warn('undecided', undecidedLines(outcome.weighed ?? []), style),
    ...row('tensors', view.verbose ? tensorList(outcome) : [], style),
    ...row('inputs', portLines(outcome, 'inputs'), style),
    ...row('outputs', portLines(outcome, 'outputs'), style),
    ...claimLines(outcome, view.verbose, style),
    ...conflictLines(outcome.conflicts, style),
    ...row('code', codeLines(outcome), style),
    ...row(
      'parts',
      outcome.parts.map(
        ({ kind, name, source, sha256 }) =>
          `${kind} ${name} in ${source}${sha256 === undefined ? '' : `, sha256:${sha256.slice(0, 12)}…`}`,
      ),
      style,
    ),
    ...warn('problem', problemLines(outcome), style),
    ...warn(
      'LFS',
      outcome.lfsPointers.map((path) => `${path} is a Git LFS pointer: its content is not here`),
      style,
    ),
    ...row('sidecars', outcome.sidecars.length === 0 ? [] : [outcome.sidecars.join(' ')], style),
    style.dim(`not verified: \`weighmark verify ${forShell(view.ref)}\` says who signed it, ${safeBy(view)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function safeBy({ ref, onDisk }: InspectView): string {
  const says = 'whether it is safe to load';
  return onDisk
    ? `\`weighmark scan ${forShell(ref)}\` ${says}`
    : `\`weighmark pull ${forShell(ref)} DIR\` and \`weighmark scan DIR\` ${says}`;
}

function row(label: string, lines: readonly string[], style: Style): readonly string[] {
  return lines.map((text, index) => `${style.dim((index === 0 ? label : '').padEnd(LABEL))}${style.plain(text)}`);
}

function warn(label: string, lines: readonly string[], style: Style): readonly string[] {
  return lines.map((text, index) => `${style.warn((index === 0 ? label : '').padEnd(LABEL))}${style.plain(text)}`);
}

function contentLine({ files, sizeBytes }: InspectOutcome): string {
  const counts = new Map<string, number>();
  for (const { report } of files)
    counts.set(report?.format ?? 'unknown', (counts.get(report?.format ?? 'unknown') ?? 0) + 1);
  const formats = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 8)
    .map(([format, count]) => (count === 1 ? format : `${count} ${format}`));
  return `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(sizeBytes)}: ${formats.join(', ')}`;
}

/** The largest first; all of them when asked for more. */
function fileLines(files: readonly BomFile[], verbose: boolean): readonly string[] {
  const sorted = files.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const shown = verbose ? sorted : sorted.slice(0, FILES);
  const lines = shown.map(
    ({ path, sizeBytes, report }) =>
      `${formatBytes(sizeBytes).padStart(9)}  ${(report?.format ?? 'unknown').padEnd(13)}  ${path}${rowsOf(report?.rows)}`,
  );
  return shown.length === files.length
    ? lines
    : [...lines, `${String(files.length - shown.length).padStart(9)}  more: -v lists them`];
}

function rowsOf(rows: number | undefined): string {
  return rows === undefined ? '' : `  ${grouped(rows)} rows`;
}

function weightLines({ weights, model }: InspectOutcome): readonly string[] {
  if (model === null) return weights.slice(0, FILES).map((set) => `${set.name}: ${weightLine(set)}`);
  const others = otherCopies(weights, model);
  return [`${others.length === 0 ? '' : `${model.name}: `}${weightLine(model)}`, ...tensorLines(model), ...others];
}

/** The model in other forms, or beside it, and what each counts: the count above is that of the first line's file. */
function otherCopies(weights: readonly WeightSet[], model: WeightSet): readonly string[] {
  const others = copiesOf(weights).filter(({ set }) => set.name !== model.name);
  return others.slice(0, FILES).map(({ name, set, parameters }) => {
    const told = parameters === undefined ? 'does not tell its parameters' : `${grouped(parameters)} parameters`;
    return `also ${name}: ${set.format}, ${told}`;
  });
}

/** The three roots of each set: equal roots are equal weights, whatever holds them. */
function identityLines(weighed: readonly WeighedSet[]): readonly string[] {
  return weighed.flatMap(({ name, identity }) => {
    if (identity === null) return [];
    const { names, multiset, set, tensors } = identity;
    return [
      `${name}: ${counted(tensors.length, 'tensor')}`,
      `names     blake3:${names}`,
      `multiset  blake3:${multiset}`,
      `set       blake3:${set}`,
    ];
  });
}

function undecidedLines(weighed: readonly WeighedSet[]): readonly string[] {
  const lines = weighed.flatMap(({ undecided }) =>
    undecided.map(({ file, tensor, why }) => `${tensor === undefined ? file : `${file}, ${tensor}`}: ${why}`),
  );
  return lines.length > FILES ? [...lines.slice(0, FILES), `and ${lines.length - FILES} more`] : lines;
}

function weightLine(set: WeightSet): string {
  const parameters =
    set.parameters === undefined
      ? 'parameters unknown'
      : `${grouped(set.parameters)} parameters${byDtype(set.parametersByDtype)}`;
  const shards = set.files.length === 1 ? '' : `, ${set.files.length} shards`;
  return `${set.format}${shards}, ${set.tensors === 0 ? '' : `${counted(set.tensors, 'tensor')}, `}${parameters}`;
}

function byDtype(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  return entries.length === 0
    ? ''
    : ` (${entries.map(([dtype, count]) => (entries.length === 1 ? dtype : `${dtype} ${grouped(count)}`)).join(', ')})`;
}

/** What is there beside the parameters: integer buffers, say. */
function tensorLines({ parametersByDtype, elementsByDtype }: WeightSet): readonly string[] {
  const others = Object.entries(elementsByDtype).filter(([dtype]) => parametersByDtype[dtype] === undefined);
  return others.length === 0
    ? []
    : [`besides ${others.map(([dtype, count]) => `${grouped(count)} ${dtype}`).join(', ')}: no parameters`];
}

/** Every tensor a reader kept, under its file where there are several. */
function tensorList({ files }: InspectOutcome): readonly string[] {
  const tables = files.filter(({ report }) => (report?.tensors?.items.length ?? 0) > 0);
  return tables.flatMap(({ path, report }) => [
    ...(tables.length > 1 ? [`${path}:`] : []),
    ...(report?.tensors?.items ?? []).map(
      ({ name, dtype, shape, uncounted }) =>
        `${name}  ${dtype}[${shape.join(', ')}]${uncounted === undefined ? '' : `  (${uncounted})`}`,
    ),
    ...(report?.tensors?.truncated === true ? [`and ${report.tensors.count - report.tensors.items.length} more`] : []),
  ]);
}

/** Of the one graph there is. */
function portLines({ files }: InspectOutcome, side: 'inputs' | 'outputs'): readonly string[] {
  const graphs = files.filter(({ report }) => (report?.[side]?.length ?? 0) > 0);
  return graphs.length === 1 ? (graphs[0]?.report?.[side] ?? []).slice(0, CLAIMS).map(portText) : [];
}

/** A field a line, its values joined, with the files that say so. */
function claimLines({ claimed }: InspectOutcome, verbose: boolean, style: Style): readonly string[] {
  const named = claimed.map((each) =>
    CLAIM_LABELS.has(each.field) ? each : { ...each, field: 'details', value: `${each.field} ${each.value}` },
  );
  const groups = [...Map.groupBy(named, ({ field }) => field)];
  return groups.map(([field, facts], index) => {
    const shown = verbose || field === 'details' ? facts : facts.slice(0, CLAIMS);
    const rest = facts.length > shown.length ? ` and ${facts.length - shown.length} more` : '';
    const sources = [...new Set(shown.map(({ source }) => source.split('#', 1)[0] ?? source))];
    return `${style.dim((index === 0 ? 'claimed' : '').padEnd(LABEL))}${style.plain(`${field}: ${shown.map(({ value }) => value.slice(0, 200)).join(', ')}${rest}`)}  ${style.dim(sources.slice(0, 2).join(', '))}`;
  });
}

/** A file a line, with all that it is. */
function codeLines({ code }: InspectOutcome): readonly string[] {
  return [...Map.groupBy(code, ({ path }) => path)].map(
    ([path, roles]) => `${path}  ${[...new Set(roles.map(({ role }) => role))].join(', ')}`,
  );
}

function problemLines({ files, problems }: InspectOutcome): readonly string[] {
  const told = new Set(problems.map(({ path }) => path));
  const inFiles = files
    .filter(({ path }) => !told.has(path))
    .flatMap(({ path, report }) => (report?.problems ?? []).map(({ code, message }) => `${path}: ${code}: ${message}`));
  const all = [
    ...problems.map(({ path, message }) => (message.startsWith(path) ? message : `${path}: ${message}`)),
    ...inFiles,
  ];
  return all.length <= FILES ? all : [...all.slice(0, FILES), `and ${all.length - FILES} more`];
}

/** The page for machines; file facts as the readers report them. */
export function inspectJson(outcome: InspectOutcome, ref: string): Readonly<Record<string, unknown>> {
  const { files, weights, model, ...rest } = outcome;
  return {
    ref,
    ...rest,
    files: files.map(fileJson),
    weights: weights.map(setJson),
    model: model === null ? null : setJson(model),
  };
}

function fileJson({ path, sizeBytes, report }: BomFile): object {
  if (report === undefined) return { path, sizeBytes };
  const { format, kind, version, tensors, parameters, inputs, outputs, rows, columns, problems, complete } = report;
  const counted =
    tensors === undefined
      ? undefined
      : {
          count: tensors.count,
          truncated: tensors.truncated,
          items: tensors.items,
          elementsByDtype: tensors.elementsByDtype,
          parametersByDtype: tensors.parametersByDtype,
        };
  return {
    path,
    sizeBytes,
    format,
    kind,
    version,
    tensors: counted,
    parameters,
    inputs,
    outputs,
    rows,
    columns,
    problems,
    complete,
  };
}

function setJson({ name, files, format, parameters, parametersByDtype, elementsByDtype, tensors }: WeightSet): object {
  return {
    name,
    files: files.map(({ path }) => path),
    format,
    tensors,
    parameters,
    parametersByDtype,
    elementsByDtype,
  };
}

export function inspectMarkdown(outcome: InspectOutcome, ref: string): string {
  const rows = [
    ['content', contentLine(outcome)],
    ...weightLines(outcome).map((text) => ['weights', text]),
    ...outcome.claimed.map(({ field, value, source }) => [`claimed ${field}`, `${value} (${source})`]),
  ];
  return [
    `### ${forMarkdown(outcome.name)} (${forMarkdown(ref)})`,
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([label = '', text = '']) => `| ${forMarkdown(label)} | ${forMarkdown(text)} |`),
  ].join('\n');
}
