import { join, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { forShell } from '../../domain/base/text.ts';
import { planInit, POLICY_FILE, writeInit, type PlannedFile, type Survey } from '../../flows/setup/init.ts';
import type { Register, Report, Style } from '../command.ts';
import type { Context } from '../context.ts';

export const register: Register = (program, run) => {
  program
    .command('init')
    .description('look at a repository and write a commented policy, configuration and hook')
    .argument('[dir]', 'the repository', '.')
    .option('-y, --yes', 'write without asking')
    .action(run(async (context, dir: string, options: { yes?: boolean }) => init(context, dir, options)));
};

async function init(context: Context, dir: string, options: { yes?: boolean }): Promise<Report> {
  const folder = resolve(context.cwd, dir);
  const ports = { files: await context.files(), git: await context.git(folder) };
  const { survey, plan } = await planInit(folder, ports);
  if (options.yes !== true) await confirm(context, plan);
  const written = await writeInit(folder, plan, ports);
  const kept = plan.filter(({ exists }) => exists).map(({ path }) => path);
  return {
    exitCode: 0,
    json: { survey, written, kept, next: nextCommands(survey, dir) },
    text: (style) => ({ out: page(style, { survey, written, kept, dir }) }),
  };
}

async function confirm(context: Context, plan: readonly PlannedFile[]): Promise<void> {
  const missing = plan.filter(({ exists }) => !exists).map(({ path }) => path);
  if (missing.length === 0) return;
  const answer = await context.ask(`write ${missing.join(', ')}? [y/N] `);
  if (answer === null)
    throw new WeighmarkError('usage', 'there is nobody to ask', {
      hint: 'write without asking with `weighmark init --yes`',
    });
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new WeighmarkError('write-refused', 'nothing was written: you said no', {
      hint: '`weighmark init` asks again; `weighmark init --yes` does not',
    });
}

/** As they are typed where `init` was: with the folder that it was given. */
function nextCommands(survey: Survey, dir: string): readonly string[] {
  const at = (path: string) => forShell(dir === '.' ? path : join(dir, path));

  const model = survey.models.find((path) => !survey.sealed.includes(folderOf(path)));
  const [sealed] = survey.sealed;
  const lint = `weighmark policy lint ${at(POLICY_FILE)}`;
  if (model === undefined && sealed !== undefined)
    return [`weighmark verify ${at(sealed === '.' ? '.' : `./${sealed}`)}`, lint];
  const folder = model === undefined ? './model' : `./${folderOf(model) === '.' ? model : folderOf(model)}`;
  return ['weighmark keygen', `weighmark seal ${at(folder)} --key weighmark.key`, lint];
}

function page(
  style: Style,
  found: { survey: Survey; written: readonly string[]; kept: readonly string[]; dir: string },
): string {
  const { survey } = found;
  const rows: readonly (readonly [string, string])[] = [
    ['models', count(survey.models)],
    ...(survey.sealed.length === 0 ? [] : [['sealed', count(survey.sealed)] as const]),
    ['datasets', count(survey.datasets)],
    ['CI', survey.ci.join(', ') || 'none seen'],
    ['written', found.written.join(', ') || 'nothing'],
    ['kept', found.kept.join(', ') || 'nothing was there'],
  ];
  const lines = rows.map(([label, value]) => `${label.padEnd(10)} ${style.plain(value)}`);
  return `${lines.join('\n')}\n\nnext\n${nextCommands(survey, found.dir)
    .map((command) => `  ${style.bold(command)}`)
    .join('\n')}\n`;
}

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).join('/') || '.';
}

function count(paths: readonly string[]): string {
  return paths.length === 0
    ? 'none seen'
    : `${paths.length}: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ', …' : ''}`;
}
