import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { copy, type CopyOutcome } from '../../flows/registry/copy.ts';
import type { Register, Report } from '../command.ts';
import { openForWriting } from '../policy-options.ts';
import { addLogOptions, openArtifact, registryOptions, type LogOptions } from '../registry-options.ts';
import { counted } from '../../domain/base/units.ts';

/** `copy REF DEST`: an artifact with all that makes it verifiable, into another registry. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('copy'))
    .description('take an artifact with its ancestors, claims, proofs and revocations to another registry')
    .argument('<ref>', 'NAME:TAG, NAME@sha256:…, oci://…, sha256:…')
    .argument('<dest>', 'another registry: a folder (a USB stick) or oci://host/prefix')
    .action(
      run(async (context, ref: string, dest: string, options: LogOptions) => {
        const { registry: source, place } = await openArtifact(context, ref, {});
        const opened = await (await context.registries()).open(dest, await registryOptions(context, options));
        const target = openForWriting(context, opened, null);
        const scratch = dest.startsWith('oci://')
          ? join(tmpdir(), `weighmark-copy-${process.pid}`)
          : resolve(context.cwd, dest, 'copying');
        const ports = { stagings: await context.stagings(), progress: context.progress };
        return report(await copy({ place, scratch }, ports, { source, target }), dest);
      }),
    );
};

function report({ copied, revocations, logged }: CopyOutcome, dest: string): Report {
  const waiting = logged.filter(({ index }) => index === null).length;
  return {
    exitCode: 0,
    json: { destination: dest, copied, revocations, log: logged.map(({ index, leaf }) => ({ index, ...leaf })) },
    text: (style) => ({
      out: copied.map(({ name, id }) => `${style.plain(name)}@${id}\n`).join(''),
      err: [
        ...copied.map(
          ({ name, tags, claims, proofs, role }) =>
            `${role === 'asked' ? 'copied' : 'ancestor'} ${style.plain([name, ...tags].join(':'))}: ${counted(claims, 'claim')}, ${counted(proofs, 'log proof')}`,
        ),
        `${counted(revocations, 'revocation')} came along`,
        ...(waiting > 0
          ? [
              `${counted(waiting, 'entry', 'entries')} ${waiting === 1 ? 'waits' : 'wait'} for the log's operator (\`weighmark log integrate\`)`,
            ]
          : []),
        '',
      ].join('\n'),
    }),
  };
}
