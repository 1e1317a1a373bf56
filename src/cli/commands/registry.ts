import { WeighmarkError } from '../../domain/base/errors.ts';
import { counted, formatBytes } from '../../domain/base/units.ts';
import type { Register, Run } from '../command.ts';
import type { Command } from 'commander';
import { addLogOptions, openRegistry, registryOptions, type LogOptions } from '../registry-options.ts';

interface InitOptions extends LogOptions {
  readonly origin?: string;
}

/** `registry init DIR`, `registry gc`. */
export const register: Register = (program, run) => {
  const registry = program.command('registry').description('make and keep registries');
  addInit(registry, run);
  addGc(registry, run);
};

function addInit(registry: Command, run: Run): void {
  addLogOptions(registry.command('init'))
    .description('make a registry in a folder, and the key of its log outside it')
    .argument('<dir>', 'folder, or oci://host/prefix')
    .option('--origin <name>', "name of the log: a URL without scheme; default: made from the folder's name")
    .action(
      run(async (context, location: string, options: InitOptions) => {
        const { logKeyFile } = await registryOptions(context, options);
        const made = await (
          await context.registries()
        ).init(location, {
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
}

interface GcOptions extends LogOptions {
  readonly dryRun?: boolean;
  readonly olderThan: string;
}

function addGc(registry: Command, run: Run): void {
  addLogOptions(registry.command('gc'))
    .description('remove what interrupted writes left; never what a manifest, a claim or the log names')
    .option('--dry-run', 'only say what would go')
    .option('--older-than <hours>', 'nothing younger', '24')
    .action(
      run(async (context, options: GcOptions) => {
        const opened = await openRegistry(context, options);
        const dryRun = options.dryRun === true;
        const { removed, kept } = await opened.collectGarbage({
          dryRun,
          olderThanMs: hours(options.olderThan) * 3_600_000,
        });
        const bytes = removed.reduce((sum, each) => sum + each.sizeBytes, 0);
        return {
          exitCode: 0,
          json: { dryRun, removed, removedBytes: bytes, kept },
          text: (style) => ({
            out: removed
              .map(({ path, sizeBytes }) => `${formatBytes(sizeBytes).padStart(9)}  ${style.plain(path)}\n`)
              .join(''),
            err: `${dryRun ? 'would remove' : 'removed'} ${counted(removed.length, 'file')}, ${formatBytes(bytes)}; ${counted(kept, 'blob')} stay\n`,
          }),
        };
      }),
    );
}

function hours(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new WeighmarkError('usage', `${text} is not a number of hours`, { subject: text });
}
