import { WeighmarkError, type Code } from '../../domain/base/errors.ts';

/** What to do about a log that cannot be read, or is not what was signed. */
export const DAMAGED_LOG =
  'the log was changed or damaged: restore it from a copy; `weighmark log verify` names what is wrong';

/** Adds a way out to an error that has none; as another code where `code` says so. */
export async function orHint<T>(work: Promise<T>, hint: string, code?: Code): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.hint !== undefined && code === undefined)) throw error;
    const { message, subject, facts, cause } = error;
    throw new WeighmarkError(code ?? error.code, message, {
      ...(subject === undefined ? {} : { subject }),
      facts,
      hint,
      cause,
    });
  }
}
