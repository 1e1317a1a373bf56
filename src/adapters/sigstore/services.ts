import { WeighmarkError } from '../../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import { instantOf } from '../../domain/base/instant.ts';

/** One Sigstore service and the API version it speaks. */
export interface Service {
  readonly url: string;
  readonly version: number;
}

export interface Services {
  readonly fulcio: string;
  /** OIDC issuer for the browser; null: this instance has none for people. */
  readonly oidc: string | null;
  readonly rekor: Service | null;
  readonly tsa: string | null;
}

/** The public-good instance, as its signing config of 2026 says; Rekor v1 proves the time of an entry by itself. */
const PUBLIC_GOOD_SERVICES: Services = {
  fulcio: 'https://fulcio.sigstore.dev',
  oidc: 'https://oauth2.sigstore.dev/auth',
  rekor: { url: 'https://rekor.sigstore.dev', version: 1 },
  tsa: 'https://timestamp.sigstore.dev/api/v1/timestamp',
};

/**
 * The services to sign with: of each kind the newest that is valid now and speaks an API known here.
 * @param location signing_config.json (v0.2); absent: the public-good instance.
 * @throws WeighmarkError `config-invalid`, `not-found`, `unreadable`.
 */
export async function servicesFrom(files: Files, location: string | undefined, now: Date): Promise<Services> {
  if (location === undefined) return PUBLIC_GOOD_SERVICES;
  const bytes = await files.read(location, LIMITS.configBytes);
  const config = parseStrictJsonObject(bytes, { code: 'config-invalid', subject: location });
  if (config['mediaType'] !== 'application/vnd.dev.sigstore.signingconfig.v0.2+json')
    throw invalid(location, 'not a Sigstore signing config v0.2');
  const pick = (member: string, versions: readonly number[]): Service | null =>
    newest(config[member] ?? [], versions, now, location);
  const fulcio = pick('caUrls', [1]);
  if (fulcio === null) throw invalid(location, 'it names no certificate authority that is valid now');
  return {
    fulcio: fulcio.url,
    oidc: pick('oidcUrls', [1])?.url ?? null,
    rekor: pick('rekorTlogUrls', [1, 2]),
    tsa: pick('tsaUrls', [1])?.url ?? null,
  };
}

function newest(value: Json, versions: readonly number[], now: Date, location: string): Service | null {
  if (!Array.isArray(value)) throw invalid(location, 'a list of services is not a list');
  const usable = value
    .map((item: Json) => serviceFrom(item, location))
    .filter((service) => versions.includes(service.version) && service.start <= now && now <= service.end);
  const best = usable.sort((a, b) => b.version - a.version || b.start.getTime() - a.start.getTime())[0];
  return best === undefined ? null : { url: best.url, version: best.version };
}

function serviceFrom(item: Json, location: string): Service & { start: Date; end: Date } {
  if (!isJsonObject(item) || typeof item['url'] !== 'string' || typeof item['majorApiVersion'] !== 'number')
    throw invalid(location, 'a service has no url or version');
  const url = URL.canParse(item['url']) ? new URL(item['url']) : null;
  const isLoopback = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (url === null || (url.protocol !== 'https:' && !isLoopback))
    throw invalid(location, 'a service is not at an https URL');
  const validFor = isJsonObject(item['validFor']) ? item['validFor'] : {};
  return {
    url: item['url'].replace(/\/$/, ''),
    version: item['majorApiVersion'],
    start: dateOf(validFor['start'], location),
    end: dateOf(validFor['end'] ?? '9999-12-31T00:00:00Z', location),
  };
}

function dateOf(value: Json | undefined, location: string): Date {
  const date = new Date(typeof value === 'string' ? instantOf(value) : Number.NaN);
  if (Number.isNaN(date.getTime())) throw invalid(location, 'a service has no date it is valid from');
  return date;
}

function invalid(location: string, why: string): WeighmarkError {
  return new WeighmarkError('config-invalid', `${location}: ${why}`, { subject: location });
}
