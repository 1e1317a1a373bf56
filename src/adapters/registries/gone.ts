import { WeighmarkError } from '../../domain/base/errors.ts';

/**
 * For `catch` around what is listed with an artifact. That an artifact is not here says that nothing is with it; that something
 * with it is gone says no such thing, and might have been somebody's no.
 */
export function asGone(digest: string): (cause: unknown) => never {
  return (cause) => {
    if (!(cause instanceof WeighmarkError) || cause.code !== 'not-found') throw cause;
    throw new WeighmarkError('claim-missing', 'what the registry lists with an artifact is not in it', {
      subject: digest,
      cause,
    });
  };
}
