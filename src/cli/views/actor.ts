import type { Actor } from '../../domain/authority/actor.ts';
import { describeSigner } from '../../domain/claims/signers.ts';
import type { Style } from '../command.ts';

/** Who is behind an entry, or why nobody knows. */
export function actorText({ standing, name, signer, finding }: Actor, style: Style): string {
  if (standing === 'verified')
    return `by ${style.bold(style.plain(name ?? ''))}, ${style.plain(signer === null ? '' : describeSigner(signer))}`;
  if (standing === 'unsigned') return style.warn('UNSIGNED');
  const known = signer === null ? '' : `${describeSigner(signer)}: `;
  return style.warn(
    `${standing === 'absent' ? 'ABSENT' : 'UNVERIFIED'} ${known}${finding?.message ?? ''} [${finding?.code ?? ''}]`,
  );
}

/** The same where many are listed below each other. */
export function shortActor({ standing, name, finding }: Actor, style: Style): string {
  if (standing === 'verified') return `by ${style.bold(style.plain(name ?? ''))}`;
  return style.warn(`${standing.toUpperCase()}${finding === null ? '' : ` [${finding.code}]`}`);
}

/** To the minute; marked where nobody but the signer says so; as wide where nobody does. */
export function timeColumn({ time, claimedTime }: Pick<Actor, 'time' | 'claimedTime'>, style: Style): string {
  if (time !== null) return minute(time).padEnd(TIME_WIDTH);
  return claimedTime === null
    ? style.dim('-'.padEnd(TIME_WIDTH))
    : style.dim(`${minute(claimedTime)} claimed`.padEnd(TIME_WIDTH));
}

/** Of `2026-11-30 03:10 UTC claimed`. */
const TIME_WIDTH = 28;

function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

/** One line for all who are not verified, empty if there is none. */
export function strangersLine(actors: readonly Actor[]): string {
  const strangers = actors.filter(({ standing }) => standing !== 'verified').length;
  return strangers === 0
    ? ''
    : `${strangers} of ${actors.length} actors are not verified; whom to trust is said by \`--policy FILE\` or \`weighmark trust add\`\n`;
}
