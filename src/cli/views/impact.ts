import type { ImpactOutcome } from '../../flows/impact.ts';
import type { Style } from '../command.ts';

/** Every descendant, nearest first, and where it runs. Ends with a newline. */
export function impactText({ id, descendants, environments }: ImpactOutcome, style: Style): string {
  const running = [...environments, ...descendants.flatMap((each) => each.environments)];
  const lines = descendants.toSorted((a, b) => a.distance - b.distance).map((each) => {
    const where = each.environments.map(({ name, environment }) => `${name} in ${environment}`).join(', ');
    return `${'  '.repeat(each.distance)}${style.plain(each.word)} ${style.bold(each.names.join(', ') || '(no name)')} ${style.dim(each.id)}${where === '' ? '' : ` ${style.bad(`PROMOTED: ${where}`)}`}`;
  });
  const own = environments.map(({ name, environment }) => `${name} in ${environment}`).join(', ');
  const head = `${id}${own === '' ? '' : ` ${style.bad(`PROMOTED: ${own}`)}`}`;
  return `${[head, ...lines, `${descendants.length} descend from it; ${running.length} promotions concern it`].join('\n')}\n`;
}
