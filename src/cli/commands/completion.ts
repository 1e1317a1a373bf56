import { Argument, type Command } from 'commander';
import type { Register } from '../command.ts';
import { completionScript, SHELLS, type Shell } from '../views/completion.ts';

export const register: Register = (program, run) => {
  program
    .command('completion')
    .description('print a completion script')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action(
      run(async (_context, shell: Shell, _options: object, command: Command) => {
        const script = completionScript(shell, command.parent ?? command);
        return { exitCode: 0, json: { shell, script }, text: () => ({ out: script }) };
      }),
    );
};
