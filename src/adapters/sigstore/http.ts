import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { bodyOf, send, type HttpResponse } from '../registries/oci/http.ts';

export interface Request {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  /** Never through a proxy. */
  readonly direct?: boolean;
  /** What is asked, for messages: `the timestamp server`. */
  readonly what: string;
}

/**
 * One HTTP exchange with a host the user named. Redirects are not followed: a token or a request for one goes there and
 * nowhere else (security rule 23).
 * @throws WeighmarkError `network`, with the host and status, never with what was sent or answered.
 */
export async function exchange(url: string, request: Request): Promise<Uint8Array> {
  const response = await ask(url, request);
  if (response.status < 200 || response.status > 299) {
    response.stream.destroy();
    throw failure(url, request, `answered ${response.status}`);
  }
  return readBounded(url, request, response);
}

async function ask(url: string, request: Request): Promise<HttpResponse> {
  try {
    return await send({
      method: request.method ?? 'GET',
      url: new URL(url),
      plain: true,
      signal: AbortSignal.timeout(request.timeoutMs ?? 30_000),
      ...(request.direct === undefined ? {} : { direct: request.direct }),
      ...(request.headers === undefined ? {} : { headers: request.headers }),
      ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
    });
  } catch (cause) {
    if (cause instanceof WeighmarkError && cause.cause === undefined) throw cause;
    throw failure(url, request, `cannot be reached (${reasonOf(cause)})`);
  }
}

async function readBounded(url: string, request: Request, response: HttpResponse): Promise<Uint8Array> {
  const maxBytes = request.maxBytes ?? LIMITS.httpJsonBytes;
  try {
    return await bodyOf(response, maxBytes);
  } catch (cause) {
    if (cause instanceof WeighmarkError && cause.code === 'limit-exceeded')
      throw failure(url, request, `answered more than ${maxBytes} bytes`);
    throw failure(url, request, `broke off (${reasonOf(cause)})`);
  }
}

/** A code such as ECONNREFUSED; an error's own message could quote what was sent. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = inner instanceof Error && 'code' in inner ? inner.code : undefined;
  return typeof code === 'string' ? code : inner instanceof Error ? inner.name : 'unknown';
}

function failure(url: string, request: Request, why: string): WeighmarkError {
  const host = URL.canParse(url) ? new URL(url).host : 'an unreadable address';
  return new WeighmarkError('network', `${request.what} ${host} ${why}`, { subject: host });
}
