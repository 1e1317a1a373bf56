import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that completes commands, sub-commands and options from the command tree; everything else is a file name. */
export function completionScript(shell: Shell, program: Command): string {
  return WRITERS[shell](words(program, []));
}

/** One place on the command line: the commands typed so far, and what may follow. */
interface Place {
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly {
    readonly long: string;
    readonly short: string | undefined;
    readonly about: string;
    readonly choices: readonly string[];
  }[];
}

function words(command: Command, path: readonly string[]): readonly Place[] {
  const commands = command.commands.map((child) => ({ name: child.name(), about: child.description() }));
  const options = command.options.flatMap((option) =>
    option.long == null
      ? []
      : [{ long: option.long, short: option.short, about: option.description, choices: option.argChoices ?? [] }],
  );
  return [{ path, commands, options }, ...command.commands.flatMap((child) => words(child, [...path, child.name()]))];
}

const WRITERS: Record<Shell, (places: readonly Place[]) => string> = {
  bash: (places) => `# weighmark completion for bash: eval "$(weighmark completion bash)"
_weighmark() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) case " \${_weighmark_paths} " in *" \${path}\${word} "*) path="\${path}\${word}/" ;; esac ;; esac
  done
  local choices
  case $path in
${places.map((place) => `    ${quote(pathKey(place))}) choices=${quote(choicesOf(place).join(' '))} ;;`).join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}
_weighmark_paths=${quote(
    places
      .map(({ path }) => path.join('/'))
      .filter((path) => path !== '')
      .join(' '),
  )}
complete -o default -F _weighmark weighmark
`,
  zsh: (places) => `#compdef weighmark
# weighmark completion for zsh: eval "$(weighmark completion zsh)"
_weighmark() {
  local word place=""
  for word in \${words[2,CURRENT-1]}; do
    case "$place$word/" in
${places
  .filter(({ path }) => path.length > 0)
  .map((place) => `      ${quote(pathKey(place))}) place=${quote(pathKey(place))} ;;`)
  .join('\n')}
    esac
  done
  local -a choices
  case $place in
${places
  .map(
    (place) =>
      `    ${quote(pathKey(place))}) choices=(${describedChoices(place)
        .map((text) => quote(text))
        .join(' ')}) ;;`,
  )
  .join('\n')}
  esac
  _describe 'weighmark' choices
  _files
}
compdef _weighmark weighmark
`,
  fish: (places) => `# weighmark completion for fish: weighmark completion fish | source
${places.flatMap(fishLines).join('\n')}
`,
};

function pathKey(place: Place): string {
  return place.path.map((name) => `${name}/`).join('');
}

function choicesOf(place: Place): readonly string[] {
  return [...place.commands.map(({ name }) => name), ...place.options.map(({ long }) => long), '--help'];
}

function describedChoices(place: Place): readonly string[] {
  const described = (word: string, about: string) => `${word}:${about.replaceAll(':', '\\:')}`;
  return [
    ...place.commands.map(({ name, about }) => described(name, about)),
    ...place.options.map(({ long, about }) => described(long, about)),
  ];
}

function fishLines(place: Place): readonly string[] {
  const seen = place.path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
  const none = `not __fish_seen_subcommand_from ${place.commands.map(({ name }) => name).join(' ')}`;
  const here = place.path.length === 0 ? '__fish_use_subcommand' : seen;
  const commands = place.commands.map(
    ({ name, about }) =>
      `complete -c weighmark -n ${quote(place.path.length === 0 ? here : `${seen}; and ${none}`)} -a ${name} -d ${quote(about)}`,
  );
  const options = place.options.map(({ long, about, choices }) => {
    const values = choices.length > 0 ? ` -xa ${quote(choices.join(' '))}` : '';
    return `complete -c weighmark -n ${quote(here)} -l ${long.slice(2)}${values} -d ${quote(about)}`;
  });
  return [...commands, ...options];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
