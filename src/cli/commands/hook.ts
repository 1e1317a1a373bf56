import { worstExit, CODES } from '../../domain/base/errors.ts';
import { checkStaged } from '../../flows/content/hook.ts';
import type { HookFinding, HookOutcome } from '../../flows/content/hook-types.ts';
import type { Register, Report, Style } from '../command.ts';
import type { Context } from '../context.ts';
import { renderFinding } from '../errors.ts';

export const register: Register = (program, run) => {
  program
    .command('hook')
    .description('check staged files before a commit: unsafe content, broken claims, changed weights')
    .argument('[file...]', 'files to check; without any, what git has staged')
    .action(run(async (context, files: readonly string[]) => hook(context, files)));
};

async function hook(context: Context, files: readonly string[]): Promise<Report> {
  const { settings } = await context.configuration();
  const input = { files, cwd: context.cwd, unsealed: settings.hook?.unsealed ?? 'warn' } as const;
  const ports = {
    files: await context.files(),
    git: await context.git(context.cwd),
    hasher: context.hasher,
    cache: context.statCache,
  };
  const outcome = await checkStaged(input, ports);
  const errors = outcome.findings.filter(({ level }) => level === 'error');
  const exitCode = errors.length === 0 ? 0 : worstExit(errors.map(({ code }) => CODES[code]));
  return { exitCode, json: { ...outcome }, text: (style) => ({ err: lines(outcome, style) }) };
}

/** Silent when all is well: a hook that nobody notices. */
function lines({ findings }: HookOutcome, style: Style): string {
  return findings
    .map((finding) => (finding.level === 'error' ? renderFinding(finding, style) : warning(finding, style)))
    .join('');
}

function warning(finding: HookFinding, style: Style): string {
  const hint = finding.hint === undefined ? '' : `hint: ${style.plain(finding.hint)}\n`;
  return `weighmark: ${style.warn(`warning[${finding.code}]`)}: ${style.plain(finding.message)}\n${hint}`;
}
