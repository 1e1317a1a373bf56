import { createHmac } from 'node:crypto';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Webhook } from '../domain/ports/outside.ts';
import { send, type HttpResponse } from './registries/oci/http.ts';

export interface WebhookSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly offline: boolean;
  /** Default 10 seconds. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 10_000;

/**
 * One POST of JSON to the address the caller named, by TLS or on this very machine. Redirects are not followed. With
 * WEIGHMARK_WEBHOOK_SECRET, `weighmark-signature: sha256=HEX` is the HMAC of the body under it. Paths of such addresses are
 * often secrets: only the host is ever told.
 * @throws WeighmarkError `usage` for an address that is not used.
 */
export function createWebhook(address: string, settings: WebhookSettings): Webhook {
  const url = checkUrl(address);
  if (settings.offline) throw new WeighmarkError('usage', 'a webhook cannot be told anything by a run that is offline');
  return { host: url.host, deliver: (json) => deliver(url, Buffer.from(json), settings) };
}

function checkUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol))
    throw new WeighmarkError('usage', 'a webhook is an https address');
  if (url.username !== '' || url.password !== '')
    throw new WeighmarkError('usage', 'an address with a password in it is not used', {
      hint: 'sign what is sent: set WEIGHMARK_WEBHOOK_SECRET',
    });
  return url;
}

async function deliver(
  url: URL,
  body: Uint8Array,
  { env, signal, patienceMs = PATIENCE_MS }: WebhookSettings,
): Promise<void> {
  const patience = AbortSignal.timeout(patienceMs);
  const secret = env['WEIGHMARK_WEBHOOK_SECRET'];
  const headers = {
    'content-type': 'application/json',
    ...(secret === undefined || secret === ''
      ? {}
      : { 'weighmark-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }),
  };
  const response = await send({
    method: 'POST',
    url,
    headers,
    body,
    signal: AbortSignal.any([signal, patience]),
  }).catch((cause: unknown) => {
    if (signal.aborted) throw new WeighmarkError('interrupted', 'interrupted', { cause });
    throw undelivered(
      url,
      patience.aborted
        ? `no answer within ${patienceMs / 1000} s`
        : cause instanceof Error
          ? cause.message
          : String(cause),
      cause,
    );
  });
  response.stream.destroy();
  const why = refusal(response);
  if (why !== null) throw undelivered(url, why);
}

function refusal({ status, headers }: HttpResponse): string | null {
  if (status >= 200 && status < 300) return null;
  const to =
    headers.location !== undefined && URL.canParse(headers.location) ? ` to ${new URL(headers.location).host}` : '';
  return status >= 300 && status < 400
    ? `it redirects${to}, which is not followed: name the address it leads to`
    : `it answers ${status}`;
}

function undelivered({ host }: URL, why: string, cause?: unknown): WeighmarkError {
  return new WeighmarkError('webhook-undelivered', `${host} was not told: ${why}`, {
    subject: host,
    ...(cause === undefined ? {} : { cause }),
  });
}
