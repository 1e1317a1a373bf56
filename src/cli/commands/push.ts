import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import { counted, formatBytes } from '../../domain/base/units.ts';
import { push, type PushOutcome } from '../../flows/registry/push.ts';
import type { Register, Report } from '../command.ts';
import { openForWriting } from '../policy-options.ts';
import { addLogOptions, openRegistry, type LogOptions } from '../registry-options.ts';

interface Options extends LogOptions {
  readonly allowSymlinks?: boolean;
  readonly manifest?: '1' | '2';
}

/** `push PATH [NAME:TAG]`: stdout is `NAME@sha256:…`. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('push'))
    .description('store an artifact with its claims in a registry, and log it')
    .argument('<path>', 'a model or dataset: a folder or a file')
    .argument('[name]', 'NAME:TAG; default: the name it was sealed for')
    .option('--allow-symlinks', 'store what links inside the tree point to')
    .addOption(
      new Option(
        '--manifest <version>',
        'version of the manifest; 2 is what ORAS and its kin pull (default: as its seal signed, else 2)',
      ).choices(['1', '2']),
    )
    .action(
      run(async (context, path: string, as: string | undefined, options: Options) => {
        const registry = openForWriting(context, await openRegistry(context, options), null);
        const input = {
          root: resolve(context.cwd, path),
          allowSymlinks: options.allowSymlinks === true,
          ...(as === undefined ? {} : { as }),
          ...(options.manifest === undefined
            ? {}
            : { manifest: options.manifest === '1' ? (1 as const) : (2 as const) }),
          ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
        };
        const scratch = async () =>
          (await context.stagings()).open(join(tmpdir(), `weighmark-push-${process.pid}`), 'outboards');
        const ports = {
          files: await context.files(),
          hasher: () => context.hasher(),
          progress: context.progress,
          signal: context.signal,
          scratch,
        };
        return report(await push(input, ports, registry));
      }),
    );
};

function report(outcome: PushOutcome): Report {
  const { name, tag, id, files, sizeBytes, claims, unsigned, movedFrom, logged } = outcome;
  const waiting = logged.filter(({ index }) => index === null).length;
  return {
    exitCode: 0,
    json: {
      name,
      tag,
      id,
      files,
      sizeBytes,
      claims,
      unsigned,
      movedFrom,
      log: logged.map(({ index, leaf }) => ({ index, ...leaf })),
    },
    text: (style) => ({
      out: `${name}@${id}\n`,
      err: [
        `pushed ${style.bold(`${name}:${tag}`)}: ${counted(files, 'file')}, ${formatBytes(sizeBytes)}, ${counted(claims, 'claim')}`,
        ...(movedFrom === null
          ? []
          : [
              `${style.warn('note')}: the tag ${style.plain(`${name}:${tag}`)} was moved: it named ${movedFrom}, and whoever asks for it now gets ${id}; the earlier one stays, by that digest`,
            ]),
        ...(unsigned ? [style.warn('nobody signed it; sign with `weighmark seal` and push again')] : []),
        ...(waiting > 0
          ? [
              `${counted(waiting, 'entry', 'entries')} ${waiting === 1 ? 'waits' : 'wait'} for the log's operator (\`weighmark log integrate\`): no policy counts ${waiting === 1 ? 'it' : 'them'} before`,
            ]
          : []),
        '',
      ].join('\n'),
    }),
  };
}
