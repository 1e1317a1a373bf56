import { WeighmarkError } from '../errors.ts';
import type { Problem } from './types.ts';

/** A reader's refusal as a problem. @throws anything that is not about the file's format. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof WeighmarkError)) throw error;
  const subject = error.subject === undefined ? {} : { subject: error.subject };
  if (error.code === 'limit-exceeded') return { code: 'limit', message: error.message, ...subject };
  if (error.code === 'format-invalid') return { code: error.message.startsWith('ends early') ? 'truncated' : 'malformed', message: error.message, ...subject };
  throw error;
}

/** Runs `read`; a refusal is added to `problems`, so that what was found before it is kept. True if it ran to its end. */
export async function attempt(problems: Problem[], read: () => Promise<void>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    problems.push(problemOf(error));
    return false;
  }
}
