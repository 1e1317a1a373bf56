import { relative, resolve } from 'node:path';
import { formatBytes } from '../../domain/units.ts';
import { sign, type SignOutcome } from '../../flows/sign.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';

interface Options extends SignerOptions {
  readonly signature?: string;
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
}

const collect = (value: string, all: readonly string[] = []): readonly string[] => [...all, value];

/** `sign PATH`: the OMS signature alone. */
export const register: Register = (program, run) => {
  const command = program
    .command('sign')
    .description('sign a file or folder (OpenSSF Model Signing), nothing else; `seal` does it all')
    .argument('<path>', 'file or folder')
    .option('--signature <file>', 'where to write; default model.sig inside the folder, FILE.sig beside a file')
    .option('--ignore <path>', 'leave out a path of the artifact; the signature says so (repeat)', collect)
    .option('--allow-symlinks', 'sign files behind symbolic links inside the artifact');
  addSignerOptions(command).action(run(async (context, path: string, options: Options) => report(context, path, await signPath(context, path, options))));
};

async function signPath(context: Context, path: string, options: Options): Promise<SignOutcome> {
  const signer = await signerFrom(context, options);
  const ports = { files: await context.files(), hasher: () => context.hasher(), progress: context.progress, signal: context.signal, signer };
  const input = {
    root: resolve(context.cwd, path),
    ...(options.signature === undefined ? {} : { signature: resolve(context.cwd, options.signature) }),
    ...(options.ignore === undefined ? {} : { ignore: options.ignore }),
    ...(options.allowSymlinks === undefined ? {} : { allowSymlinks: options.allowSymlinks }),
    ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
  };
  return sign(input, ports);
}

function report(context: Context, path: string, outcome: SignOutcome): Report {
  const shown = relative(context.cwd, outcome.signature) || outcome.signature;
  return {
    exitCode: 0,
    json: { ...outcome },
    text: (style) => ({
      out: [
        `signed     ${outcome.files} ${outcome.files === 1 ? 'file' : 'files'}, ${formatBytes(outcome.sizeBytes)}`,
        `           ${style.plain(shown)} by ${style.plain(outcome.signer)}`,
        ...(outcome.leftOut.length > 0 ? [`left out   ${style.plain(outcome.leftOut.join(', '))}`] : []),
        `SIGNED: ${style.plain(path)} (OMS root sha256:${outcome.root})`,
        '',
      ].join('\n'),
    }),
  };
}
