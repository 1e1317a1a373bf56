import type { Argument, Command, Option } from 'commander';
import { examplesOf } from '../examples.ts';
import { commandPath, leaves } from '../program.ts';

export interface ManualPage {
  /** `weighmark-bom-create.1` */
  readonly name: string;
  /** roff with the man macros (man-pages(7)). */
  readonly text: string;
}

const EXIT_CODES = [
  ['0', 'done and verified'],
  ['1', 'a check said no'],
  ['2', 'usage or configuration, or a signature but no trust given'],
  ['3', 'nothing to verify'],
  ['4', 'undecided: unreadable, network, incomplete'],
  ['70', 'a fault of weighmark'],
  ['130', 'interrupted'],
] as const;

/** One page a command and one for the program, from the command tree. */
export function manualPages(program: Command, version: string): readonly ManualPage[] {
  return [programPage(program, version), ...leaves(program).map((command) => commandPage(command, version))];
}

function programPage(program: Command, version: string): ManualPage {
  const commands = leaves(program).map(
    (command) => `.TP\n.BR ${pageName(command)} (1)\n${plain(command.description())}`,
  );
  const text = [
    title('weighmark', version),
    name('weighmark', program.description()),
    '.SH SYNOPSIS\n.B weighmark\n.I command\n[\\fIoptions\\fR] [\\fIarguments\\fR]',
    `.SH COMMANDS\n${commands.join('\n')}`,
    exitStatus(),
  ];
  return { name: 'weighmark.1', text: `${text.join('\n')}\n` };
}

function commandPage(command: Command, version: string): ManualPage {
  const path = pageName(command);
  const text = [
    title(path, version),
    name(path, command.description()),
    synopsis(command),
    ...section('ARGUMENTS', command.registeredArguments.map(argument)),
    ...optionSections(command),
    exitStatus(),
    `.SH EXAMPLES\n.nf\n${examplesOf(commandPath(command)).map(plain).join('\n')}\n.fi`,
    '.SH SEE ALSO\n.BR weighmark (1)',
  ];
  return { name: `${path}.1`, text: `${text.join('\n')}\n` };
}

function pageName(command: Command): string {
  return `weighmark-${commandPath(command).replaceAll(' ', '-')}`;
}

function title(page: string, version: string): string {
  return `.TH ${page.toUpperCase()} 1 "" "weighmark ${version}" "User Commands"`;
}

function name(page: string, about: string): string {
  return `.SH NAME\n${plain(page)} \\- ${plain(about)}`;
}

function synopsis(command: Command): string {
  const words = command.registeredArguments.map(
    (each) =>
      ` ${each.required ? '' : '['}\\fI${plain(each.name())}\\fR${each.variadic ? ' ...' : ''}${each.required ? '' : ']'}`,
  );
  return `.SH SYNOPSIS\n\\fBweighmark ${plain(commandPath(command))}\\fR [\\fIoptions\\fR]${words.join('')}`;
}

function section(heading: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`.SH ${heading}\n${items.join('\n')}`];
}

function argument(each: Argument): string {
  return `.TP\n.I ${plain(each.name())}\n${plain(each.description)}${choices(each.argChoices)}`;
}

/** In the groups of `--help`, the command's own first. */
function optionSections(command: Command): readonly string[] {
  const groups = Map.groupBy(command.options, (option) => option.helpGroupHeading?.replace(/:$/, '') ?? 'Options');
  const ordered = [...groups].sort(([a], [b]) => Number(b === 'Options') - Number(a === 'Options'));
  return ordered.flatMap(([heading, options]) =>
    section(heading === 'Options' ? 'OPTIONS' : `${plain(heading).toUpperCase()} OPTIONS`, options.map(optionItem)),
  );
}

function optionItem(option: Option): string {
  const environment = option.envVar === undefined ? '' : ` (environment: ${plain(option.envVar)})`;
  const preset = typeof option.defaultValue === 'string' ? ` (default: ${plain(option.defaultValue)})` : '';
  return `.TP\n\\fB${plain(option.flags)}\\fR\n${plain(option.description)}${choices(option.argChoices)}${preset}${environment}`;
}

function choices(words: readonly string[] | undefined): string {
  return words === undefined ? '' : ` (${plain(words.join(', '))})`;
}

function exitStatus(): string {
  return `.SH EXIT STATUS\n${EXIT_CODES.map(([code, meaning]) => `.TP\n.B ${code}\n${meaning}`).join('\n')}`;
}

/** As roff prints it: no escapes, no requests at the start of a line, hyphens that can be copied. */
function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
