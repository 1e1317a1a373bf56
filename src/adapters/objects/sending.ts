import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { LIMITS } from '../../domain/base/limits.ts';
import { bodyOf, sendPatiently, unlessCut, type HttpResponse } from '../registries/oci/http.ts';

/** A request as the SDK made and signed it. */
export interface SignedRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface HandledResponse {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Readable;
  };
}

export interface RequestHandler {
  handle(request: SignedRequest): Promise<HandledResponse>;
  destroy(): void;
}

/**
 * What the SDK signed goes out as everything of weighmark does (security rule 23): by TLS but on this machine, to the address that was
 * judged, through the proxy that is set, no faster given up and no longer waited for. A redirect is an answer, and never followed.
 */
export function requestHandler(signal: AbortSignal): RequestHandler {
  return {
    handle: async (request) => {
      const send = () => sendPatiently({ ...outgoing(request), signal });
      if (isRange(request)) return handled(await send());
      return unlessCut(async () => {
        const response = await send();
        const bytes = request.method === 'HEAD' ? new Uint8Array() : await bodyOf(response, LIMITS.httpJsonBytes);
        if (request.method === 'HEAD') response.stream.resume();
        return handled(response, Readable.from(bytes.length === 0 ? [] : [bytes]));
      });
    },
    destroy: () => undefined,
  };
}

/** The answer may be as long as an object is; who asked for the range counts its bytes. */
function isRange({ method, headers }: SignedRequest): boolean {
  return method === 'GET' && headers['range'] !== undefined;
}

function handled(response: HttpResponse, body?: Readable): HandledResponse {
  const { status, headers, stream } = response;
  return { response: { statusCode: status, headers: flat(headers), body: body ?? watched(response, stream) } };
}

/** A body that was given up as too slow says so. */
function watched(response: HttpResponse, stream: IncomingMessage): Readable {
  return Readable.from(
    (async function* () {
      try {
        yield* stream;
      } catch (cause) {
        response.requireSpeed();
        throw cause;
      }
    })(),
  );
}

function outgoing({ method, protocol, hostname, port, path, query, headers, body }: SignedRequest) {
  const authority = port === undefined ? hostname : `${hostname}:${port}`;
  // Whether to send a body is asked by no one here: it is small.
  const { expect: _expect, 'content-length': _length, ...rest } = headers;
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body) : undefined;
  return {
    method,
    url: new URL(`${protocol}//${authority}${path}${searchOf(query ?? {})}`),
    headers: rest,
    ...(bytes === undefined ? {} : { body: bytes }),
  };
}

/** As it was signed: RFC 3986, by name. */
function searchOf(query: NonNullable<SignedRequest['query']>): string {
  const parts = Object.keys(query)
    .toSorted()
    .flatMap((name) => {
      const value = query[name];
      if (value === null || value === undefined || value === '') return `${escaped(name)}=`;
      return [value].flat().map((each) => `${escaped(name)}=${escaped(each)}`);
    });
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
