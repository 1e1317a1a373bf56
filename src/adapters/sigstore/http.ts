import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';

export interface Request {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  /** What is asked, for messages: `the timestamp server`. */
  readonly what: string;
}

/**
 * One HTTP exchange with a host the user named. Redirects are not followed: a token or a request for one goes there and
 * nowhere else (security rule 23).
 * @throws WeighmarkError `network`, with the host and status, never with what was sent or answered.
 */
export async function exchange(url: string, request: Request): Promise<Uint8Array> {
  const response = await send(url, request);
  if (!response.ok) {
    await response.body?.cancel().catch(() => undefined);
    throw failure(url, request, `answered ${response.status}`);
  }
  return readBounded(url, request, response);
}

async function send(url: string, request: Request): Promise<Response> {
  try {
    return await fetch(url, {
      method: request.method ?? 'GET',
      redirect: 'error',
      signal: AbortSignal.timeout(request.timeoutMs ?? 30_000),
      ...(request.headers === undefined ? {} : { headers: request.headers }),
      ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
    });
  } catch (cause) {
    throw failure(url, request, `cannot be reached (${reasonOf(cause)})`);
  }
}

async function readBounded(url: string, request: Request, response: Response): Promise<Uint8Array> {
  const maxBytes = request.maxBytes ?? LIMITS.httpJsonBytes;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw failure(url, request, `answered more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof WeighmarkError) throw cause;
    throw failure(url, request, `broke off (${reasonOf(cause)})`);
  }
  return Buffer.concat(chunks);
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
