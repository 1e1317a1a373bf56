import { resolve } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Context } from './context.ts';

const PASSWORD_BYTES = 4096;

/** The key's password from WEIGHMARK_KEY_PASSWORD, then WEIGHMARK_KEY_PASSWORD_FILE (one trailing newline is dropped). */
export async function passwordFromEnvironment(context: Context): Promise<string | null> {
  const given = context.env['WEIGHMARK_KEY_PASSWORD'];
  if (given !== undefined && given !== '') return given;
  const file = context.env['WEIGHMARK_KEY_PASSWORD_FILE'];
  if (file === undefined || file === '') return null;
  const bytes = await (await context.files()).read(resolve(context.cwd, file), PASSWORD_BYTES);
  return Buffer.from(bytes)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** The password of an existing key: environment, then the terminal; null where there is neither. */
export async function passwordFor(context: Context, keyFile: string): Promise<string | null> {
  return (await passwordFromEnvironment(context)) ?? context.ask(`Password of ${keyFile}: `, { secret: true });
}

/**
 * A new password: environment, else asked twice.
 * @throws WeighmarkError `usage` where nobody can be asked, the answers differ, or the answer is empty.
 */
export async function newPassword(context: Context): Promise<string> {
  const fromEnvironment = await passwordFromEnvironment(context);
  if (fromEnvironment !== null) return fromEnvironment;
  const first = await context.ask('Password for the new key: ', { secret: true });
  if (first === null) {
    throw new WeighmarkError('usage', 'no password for the new key', {
      hint: 'set WEIGHMARK_KEY_PASSWORD or WEIGHMARK_KEY_PASSWORD_FILE, or say `--no-password`',
    });
  }
  if (first === '')
    throw new WeighmarkError('usage', 'the password is empty', {
      hint: 'say `--no-password` if the key shall have none',
    });
  if ((await context.ask('The same again: ', { secret: true })) !== first)
    throw new WeighmarkError('usage', 'the two passwords differ');
  return first;
}
