import { Argument } from 'commander';
import { forTerminal } from '../../domain/base/text.ts';
import type { Register, Report } from '../command.ts';
import { candidates, type Candidates } from '../complete.ts';
import { completionScript, SHELLS, type Shell } from '../views/completion.ts';

/** `completion SHELL`: the script; `completion words -- WORDS…` is what the scripts ask. */
export const register: Register = (program, run) => {
  program
    .command('completion')
    .description('print a completion script: commands, options and their values, files, names, tags, environments')
    .addArgument(new Argument('<shell>', 'for which shell').choices([...SHELLS, 'words']))
    .argument('[words...]', '`words`: the command line so far, after --; the last is completed')
    .action(
      run(async (context, shell: Shell | 'words', words: readonly string[]) =>
        shell === 'words' ? said(await candidates(words, program, context)) : scriptOf(shell),
      ),
    );
};

function scriptOf(shell: Shell): Report {
  const script = completionScript(shell);
  return { exitCode: 0, json: { shell, script }, text: () => ({ out: script }) };
}

function said({ words, files }: Candidates): Report {
  const lines = [
    ...words.map(({ word, about }) => (about === undefined ? word : `${word}\t${forTerminal(about)}`)),
    ...(files ? [':files'] : []),
  ];
  return {
    exitCode: 0,
    json: { words: words.map(({ word }) => word), files },
    text: () => ({ out: lines.map((line) => `${line}\n`).join('') }),
  };
}
