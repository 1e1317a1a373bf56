import { Option } from 'commander';
import { relative, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import { formatBytes } from '../../domain/base/units.ts';
import { sign, type SignOutcome } from '../../flows/sign/sign.ts';
import { collect, type Register, type Report } from '../command.ts';
import type { Context } from '../context.ts';
import { locate } from '../located.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';

interface Options extends SignerOptions {
  readonly signature?: string;
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly algorithm?: HashAlgorithm;
  readonly shardSize?: number;
}

/** `sign PATH`: the OMS signature alone. */
export const register: Register = (program, run) => {
  const command = program
    .command('sign')
    .description('sign a file or folder (OpenSSF Model Signing), nothing else; `seal` does it all')
    .argument('<path>', 'file or folder, or s3://…')
    .option('--signature <file>', 'where to write; default model.sig inside the folder, FILE.sig beside a file')
    .option('--ignore <path>', 'leave out a path of the artifact; the signature says so (repeat)', collect)
    .option('--allow-symlinks', 'sign files behind symbolic links inside the artifact')
    .addOption(
      new Option('--algorithm <name>', 'of the digests that are signed; others than sha256 are read by few').choices([
        'sha256',
        'blake3',
        'blake2b',
      ]),
    )
    .option(
      '--shard-size <bytes>',
      'sign ranges of the files, as model_signing does by shards; empty files are then not covered',
      shardBytes,
    );
  addSignerOptions(command).action(
    run(async (context, path: string, options: Options) =>
      report(context, path, await signPath(context, path, options)),
    ),
  );
};

function shardBytes(text: string): number {
  if (/^[1-9]\d{3,14}$/.test(text)) return Number(text);
  throw new WeighmarkError('usage', `--shard-size takes bytes, 1000 at least, not ${text}`, {
    hint: '1000000000 is usual',
  });
}

async function signPath(context: Context, path: string, options: Options): Promise<SignOutcome> {
  const signer = await signerFrom(context, options);
  const ports = {
    files: await context.files(),
    hasher: () => context.hasher(),
    progress: context.progress,
    signal: context.signal,
    signer,
  };
  const input = {
    root: locate(context.cwd, path),
    ...(options.signature === undefined ? {} : { signature: resolve(context.cwd, options.signature) }),
    ...(options.ignore === undefined ? {} : { ignore: options.ignore }),
    ...(options.allowSymlinks === undefined ? {} : { allowSymlinks: options.allowSymlinks }),
    ...(options.algorithm === undefined ? {} : { algorithm: options.algorithm }),
    ...(options.shardSize === undefined ? {} : { shardBytes: options.shardSize }),
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
