import { LIMITS } from '../../domain/base/limits.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';

/** In YAML or JSON, with or without quotes. */
const CALLS_ITSELF_OURS = /^[ \t{]*["']?format["']?[ \t]*:[ \t]*["']?weighmark-policy\//m;
const HEAD_BYTES = 65_536;

/**
 * Other tools have policies too: only what calls itself ours is held to our schema.
 * @throws WeighmarkError `policy-invalid`, `limit-exceeded`.
 */
export async function checkPolicy(bytes: Uint8Array, shown: string): Promise<void> {
  if (!CALLS_ITSELF_OURS.test(new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES)))) return;
  if (bytes.length > LIMITS.policyBytes)
    throw new WeighmarkError('limit-exceeded', `${shown} is larger than ${LIMITS.policyBytes} bytes`, {
      subject: shown,
    });
  const { parsePolicy } = await import('../../domain/policy/parse.ts');
  parsePolicy(bytes, shown, { suppressionsAlone: true });
}
