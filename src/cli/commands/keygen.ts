import { basename, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { shownFingerprint } from '../../domain/pki/keys.ts';
import { keygen, refuseExisting, type KeygenOutcome } from '../../flows/sign/keygen.ts';
import type { Register, Report } from '../command.ts';
import { newPassword } from '../password.ts';

/** `keygen [NAME]`: NAME.key and NAME.pub in the working folder. */
export const register: Register = (program, run) => {
  program
    .command('keygen')
    .description('make a key pair to sign with')
    .argument('[name]', 'file name without ending, a path too', 'weighmark')
    .option('--no-password', 'leave the private key unencrypted (for CI secrets)')
    .action(
      run(async (context, name: string, options: { password: boolean }) => {
        if (!/^[\p{L}\p{N}_][\p{L}\p{N}._@+-]*$/u.test(basename(name)))
          throw new WeighmarkError('usage', 'a key name is letters, digits and . _ @ + -', { subject: name });
        const base = resolve(context.cwd, name);
        await refuseExisting(base, await context.files());
        const password = options.password ? await newPassword(context) : null;
        const ports = { files: await context.files(), signers: await context.signers() };
        const outcome = await keygen({ base, password }, ports);
        return report(name, outcome);
      }),
    );
};

function report(name: string, outcome: KeygenOutcome): Report {
  return {
    exitCode: 0,
    json: { ...outcome },
    text: (style) => ({
      out: [
        `private key  ${style.plain(outcome.privateKey)}  ${outcome.encrypted ? 'encrypted' : style.warn('not encrypted')}, keep it secret`,
        `public key   ${style.plain(outcome.publicKey)}`,
        `fingerprint  ${shownFingerprint(outcome.fingerprint)}`,
        '',
        'Give the public key to your colleagues; who compares the fingerprint with you, types:',
        `  weighmark trust add ${style.plain(basename(name))} --key ${style.plain(`${basename(name)}.pub`)}`,
        'In a policy, under `principals:`:',
        `  ${style.plain(`${basename(name)}: { keys: [${outcome.spki}] }`)}`,
        '',
      ].join('\n'),
    }),
  };
}
