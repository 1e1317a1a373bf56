import { worstExit } from '../../domain/base/errors.ts';
import { counted } from '../../domain/base/units.ts';
import { findingsOf } from '../../domain/base/verdict.ts';
import type { Promotion } from '../../flows/gate/promote-all.ts';
import type { Report, Style } from '../command.ts';
import type { Context } from '../context.ts';
import { renderFindings } from '../errors.ts';
import { verdictJunit } from './junit.ts';
import { verdictSarif } from './sarif.ts';
import { oneVerdict, verdictMarkdown } from './verdict.ts';
import { signedJson } from './signed.ts';

interface Asked {
  readonly environment: string;
  readonly dryRun: boolean;
}

/** Everything in an environment, one line each; what was refused with its reasons. The worst exit code wins. */
export function promotedAllReport(
  { version }: Context,
  promotions: readonly Promotion[],
  { environment, dryRun }: Asked,
): Report {
  const verdict = oneVerdict(promotions.map((each) => each.verdict));
  const shown = { verdict, by: null, promise: `in ${environment}`, advice: 'see each' };
  return {
    exitCode: promotions.length === 0 ? 0 : worstExit(promotions.map((each) => each.verdict.exitCode)),
    json: {
      environment,
      dryRun,
      promotions: promotions.map(({ promoted, ...each }) => ({
        ...each,
        promoted: promoted === null ? null : signedJson(promoted),
      })),
    },
    text: (style) => ({
      out: promotions
        .filter(({ result }) => result === 'promoted')
        .map(({ name, id }) => `${style.plain(name)}@${id}\n`)
        .join(''),
      err: `${promotions.map((each) => lineOf(each, dryRun, style)).join('')}${summary(promotions, { environment, dryRun }, style)}\n`,
    }),
    sarif: () => verdictSarif(version, verdict),
    junit: () => verdictJunit(verdict),
    markdown: () => verdictMarkdown(shown),
  };
}

function lineOf({ name, id, result, verdict }: Promotion, dryRun: boolean, style: Style): string {
  const word = result === 'promoted' && dryRun ? 'would be promoted' : result;
  const paint = result === 'refused' ? style.bad : style.good;
  const line = `${paint(word)}  ${style.plain(name)}${id === null ? '' : `@${id.slice(0, 19)}…`}\n`;
  if (result !== 'refused') return line;
  return `${line}${renderFindings(findingsOf(verdict), style)
    .map((each) => `${each}\n`)
    .join('')}`;
}

function summary(promotions: readonly Promotion[], { environment, dryRun }: Asked, style: Style): string {
  if (promotions.length === 0) return `nothing is in ${style.plain(environment)}`;
  const count = (result: Promotion['result']) => promotions.filter((each) => each.result === result).length;
  const refused = count('refused');
  const said = `${counted(count('promoted'), 'promotion')}${dryRun ? ' to make' : ' made'}, ${count('holds')} held already, ${refused} refused in ${environment}`;
  return refused === 0 ? style.good(`DONE: ${said}`) : style.bad(`FAILED: ${said}`);
}
