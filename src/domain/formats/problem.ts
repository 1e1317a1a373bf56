import { WeighmarkError, type ErrorDetail } from '../base/errors.ts';
import type { Problem } from './types.ts';

/** The file is not what its magic says, or is broken; a message that begins with `ends early` means it was cut. */
export function invalid(message: string, detail: ErrorDetail = {}): WeighmarkError {
  return new WeighmarkError('format-invalid', message, detail);
}

/** A bound of LIMITS is reached: what lies beyond is not examined. */
export function beyond(message: string, detail: ErrorDetail = {}): WeighmarkError {
  return new WeighmarkError('limit-exceeded', message, detail);
}

/** Untrusted text inside a message: quoted, and not too long. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}

/** A reader's refusal as a problem. @throws anything that is not about the file's format. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof WeighmarkError)) throw error;
  const subject = error.subject === undefined ? {} : { subject: error.subject };
  if (error.code === 'limit-exceeded') return { code: 'limit', message: error.message, ...subject };
  if (error.code === 'format-invalid')
    return {
      code: error.message.startsWith('ends early') ? 'truncated' : 'malformed',
      message: error.message,
      ...subject,
    };
  throw error;
}

const COUNTS = new WeakMap<readonly Problem[], Map<string, number>>();
const KEPT_PER_CODE = 1000;

/** Adds problems to a list, at most 1,000 of each code: a hostile file can have millions. */
export function note(problems: Problem[], ...found: readonly Problem[]): void {
  const counts = COUNTS.get(problems) ?? new Map<string, number>();
  COUNTS.set(problems, counts);
  for (const problem of found.slice(0, 100_000)) {
    const count = (counts.get(problem.code) ?? 0) + 1;
    counts.set(problem.code, count);
    if (count <= KEPT_PER_CODE) problems.push(problem);
  }
}

/** Runs `read`; a refusal is added to `problems`, so that what was found before it is kept. True if it ran to its end. */
export async function attempt(problems: Problem[], read: () => Promise<void>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    note(problems, problemOf(error));
    return false;
  }
}
