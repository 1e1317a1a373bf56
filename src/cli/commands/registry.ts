import type { Register } from '../command.ts';
import { addLogOptions, registryOptions, type LogOptions } from '../registry-options.ts';

interface InitOptions extends LogOptions {
  readonly origin?: string;
}

/** `registry init DIR`, `registry gc`. */
export const register: Register = (program, run) => {
  const registry = program.command('registry').description('make and keep registries');
  addLogOptions(registry.command('init'))
    .description('make a registry in a folder, and the key of its log outside it')
    .argument('<dir>', 'folder, or oci://host/prefix')
    .option('--origin <name>', 'name of the log: a URL without scheme; default: made from the folder\'s name')
    .action(
      run(async (context, location: string, options: InitOptions) => {
        const { logKeyFile } = await registryOptions(context, options);
        const made = await (await context.registries()).init(location, {
          ...(options.origin === undefined ? {} : { origin: options.origin }),
          ...(logKeyFile === undefined ? {} : { logKeyFile }),
        });
        return {
          exitCode: 0,
          json: { ...made },
          text: (style) => ({
            out: [
              `registry  ${style.plain(made.location)}`,
              `log       ${style.plain(made.origin)}`,
              `log key   ${style.plain(made.logKeyFile)}  keep it secret: its holder writes the history`,
              ...made.vkeys.filter((vkey) => vkey.length < 300).map((vkey) => `verifier  ${style.plain(vkey)}`),
              '',
            ].join('\n'),
          }),
        };
      }),
    );
};
