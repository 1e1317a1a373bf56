import { resolve } from 'node:path';
import { formatBytes } from '../../domain/units.ts';
import { pull, type PullOutcome } from '../../flows/pull.ts';
import type { Register, Report } from '../command.ts';
import { addLogOptions, openArtifact, type LogOptions } from '../registry-options.ts';

interface Options extends LogOptions {
  readonly only?: string;
}

/** `pull REF DIR`: nothing appears at DIR until every byte is verified. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('pull'))
    .description('bring an artifact out of a registry, verified byte by byte')
    .argument('<ref>', 'NAME:TAG, NAME@sha256:…, oci://…, sha256:…')
    .argument('<dir>', 'folder to make')
    .option('--only <glob>', 'only these files; they replace their namesakes in DIR')
    .action(
      run(async (context, ref: string, dir: string, options: Options) => {
        const { registry, place } = await openArtifact(context, ref, options);
        const input = { place, target: resolve(context.cwd, dir), ...(options.only === undefined ? {} : { only: options.only }) };
        const ports = { files: await context.files(), stagings: await context.stagings(), progress: context.progress };
        return report(await pull(input, ports, registry), dir);
      }),
    );
};

function report({ name, id, scope, files, claims }: PullOutcome, dir: string): Report {
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return {
    exitCode: 0,
    json: { name, id, path: dir, scope, files, claims },
    text: (style) => ({
      out: `${name}@${id}\n`,
      err: [
        `pulled ${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}, to ${style.plain(dir)}: every byte is what the id says`,
        claims === 0 ? style.warn('no claim came along: nobody signed it') : `who signed it? \`weighmark verify ${style.plain(dir)}\``,
        '',
      ].join('\n'),
    }),
  };
}
