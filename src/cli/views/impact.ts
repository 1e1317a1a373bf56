import { counted } from '../../domain/base/units.ts';
import type { ImpactOutcome } from '../../flows/watch/impact.ts';
import type { RecordImpact } from '../../flows/watch/impact-record.ts';
import type { WeightsImpact } from '../../flows/watch/impact-weights.ts';
import type { Style } from '../command.ts';
import { weightsLines } from './weights-found.ts';

/** Every descendant, nearest first, and where it runs. Ends with a newline. */
export function impactText({ id, ...outcome }: ImpactOutcome, style: Style): string {
  const own = outcome.environments.map(({ name, environment }) => `${name} in ${environment}`).join(', ');
  const head = `${id}${own === '' ? '' : ` ${style.bad(`PROMOTED: ${own}`)}`}`;
  return `${[head, ...descendantLines(outcome, style)].join('\n')}\n`;
}

/** Where a record stands, and what was made from those versions. Ends with a newline. */
export function recordText({ record, ...outcome }: RecordImpact, style: Style): string {
  const holders = record.holders.flatMap(({ id, tags, places }) => [
    `${style.bad('holds it')}  ${style.bold(tags.join(', ') || '(no tag)')} ${style.dim(id)}`,
    ...places.map(
      ({ path, lines, count }) =>
        `          ${style.plain(path)}${lines.length === 0 ? '' : `, line ${lines.join(', ')}`}${lines.length > 0 && count > lines.length ? ` and ${count - lines.length} more` : ''}`,
    ),
  ]);
  const open = record.unexamined.map(
    ({ id, path, why }) => `${style.warn('not examined')}  ${style.dim(id)} ${style.plain(path)}: ${style.plain(why)}`,
  );
  const none =
    holders.length === 0
      ? [`no version ${open.length > 0 ? 'that could be examined ' : ''}holds sha256:${record.sha256}`]
      : [];
  return `${[...holders, ...open, ...none, ...(holders.length === 0 ? [] : descendantLines(outcome, style))].join('\n')}\n`;
}

/** Which versions have the weights, and what was made from those. Ends with a newline. */
export function weightsImpactText({ weights, ...outcome }: WeightsImpact, style: Style): string {
  const further = weights.holders.length === 0 ? [] : descendantLines(outcome, style);
  return `${[...weightsLines(weights, style), ...further].join('\n')}\n`;
}

function descendantLines({ descendants, environments }: Omit<ImpactOutcome, 'id'>, style: Style): readonly string[] {
  const running = [...environments, ...descendants.flatMap((each) => each.environments)];
  const lines = descendants
    .toSorted((a, b) => a.distance - b.distance)
    .map((each) => {
      const where = each.environments.map(({ name, environment }) => `${name} in ${environment}`).join(', ');
      return `${'  '.repeat(each.distance)}${style.plain(each.word)} ${style.bold(each.names.join(', ') || '(no name)')} ${style.dim(each.id)}${where === '' ? '' : ` ${style.bad(`PROMOTED: ${where}`)}`}`;
    });
  return [
    ...lines,
    `${counted(descendants.length, 'descends', 'descend')} from it; ${counted(running.length, 'promotion concerns', 'promotions concern')} it`,
  ];
}
