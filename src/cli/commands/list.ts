import type { Register } from '../command.ts';
import { addLogOptions, openRegistry, type LogOptions } from '../registry-options.ts';

/** `list`: every artifact of a registry, one a line. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('list'))
    .description('list what a registry holds')
    .argument('[name]', 'only this name')
    .action(
      run(async (context, name: string | undefined, options: LogOptions) => {
        const registry = await openRegistry(context, options);
        const artifacts = (await registry.list()).filter((entry) => name === undefined || entry.name === name);
        return {
          exitCode: 0,
          json: { registry: registry.location, artifacts },
          text: (style) => ({
            out: artifacts
              .map(
                ({ name: each, id, tags }) =>
                  `${style.plain(each)}@${id}${tags.length > 0 ? `  ${style.bold(tags.join(' '))}` : ''}\n`,
              )
              .join(''),
            err: artifacts.length === 0 ? `nothing in ${style.plain(registry.location)}\n` : '',
          }),
        };
      }),
    );
};
