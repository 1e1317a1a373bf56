import { createHash, randomBytes } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { AHEAD_MS } from '../../domain/authority/time.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { derInteger, readDer } from '../../domain/pki/der.ts';
import { readTimestamp, timestampRequest } from '../../domain/pki/rfc3161.ts';

/**
 * A client of any RFC 3161 server over HTTP (RFC 3161 section 3.4). The answer must be about this signature and this request;
 * whether the server is to be believed is for verification to say.
 * @throws WeighmarkError `network`, `signature-malformed`, `clock-disagrees`, from the function made.
 */
export function createTimestamper(
  url: string,
  ask: typeof import('./http.ts').exchange,
): (signature: Uint8Array) => Promise<Uint8Array> {
  return async (signature) => {
    const nonce = randomBytes(8);
    const response = await ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
      body: timestampRequest(signature, nonce),
      maxBytes: LIMITS.tokenBytes,
      what: 'the timestamp server',
    });
    requireAnswer(response, signature, nonce, url);
    return response;
  };
}

function requireAnswer(response: Uint8Array, signature: Uint8Array, nonce: Uint8Array, url: string): void {
  const { imprint, nonce: echoed, time } = readTimestamp(response);
  const stamped = imprint.hash === 'sha256' && createHash('sha256').update(signature).digest().equals(imprint.digest);
  const ours = echoed !== null && Buffer.from(readDer(derInteger(nonce)).body).equals(echoed);
  if (!stamped || !ours)
    throw new WeighmarkError('network', `the timestamp server ${new URL(url).host} answered another request`);
  requireOurTime(time);
}

/** A time far from ours makes claims that nobody believes: one of the two clocks is wrong. */
function requireOurTime(time: Date): void {
  const now = new Date();
  if (Math.abs(time.getTime() - now.getTime()) <= AHEAD_MS) return;
  throw new WeighmarkError(
    'clock-disagrees',
    'the timestamp server’s clock and this machine’s are more than a day apart',
    {
      facts: { 'timestamp server': time.toISOString(), here: now.toISOString() },
      hint: 'set the clock that is wrong, and sign again: nothing was written',
    },
  );
}
