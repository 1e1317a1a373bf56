import { WeighmarkError, type Code } from '../../domain/base/errors.ts';
import { objectLocation, type ObjectPlace } from '../../domain/base/object-place.ts';

interface Cause {
  readonly code: Code;
  readonly why: string;
  readonly hint?: string;
}

const CREDENTIALS =
  'credentials are looked for where the AWS command line looks: AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the role of the machine';
const REGION = 'name the region of the bucket: `AWS_REGION`; another store than Amazon: `AWS_ENDPOINT_URL_S3`';

const BY_NAME: Readonly<Record<string, Cause>> = {
  InvalidObjectState: { code: 'incomplete', why: 'it is archived', hint: 'have the store restore it first' },
  CredentialsProviderError: { code: 'config-invalid', why: 'there are no credentials', hint: CREDENTIALS },
  ExpiredToken: { code: 'unreadable', why: 'the credentials are expired', hint: CREDENTIALS },
  NoSuchBucket: { code: 'not-found', why: 'there is no such bucket', hint: REGION },
  AbortError: { code: 'interrupted', why: 'interrupted' },
};

/**
 * The SDK's error in our words. Of its own text only the name is used: messages and fields quote what was signed, and with which
 * key (DESIGN 8.7).
 */
export function objectError(error: unknown, place: ObjectPlace): WeighmarkError {
  if (error instanceof WeighmarkError) return error;
  const { name = '', message = '', $metadata } = error as SdkError;
  const location = objectLocation(place);
  const { code, why, hint } =
    BY_NAME[name] ?? (isRegion(message) ? NO_REGION : byStatus($metadata?.httpStatusCode, name));
  return new WeighmarkError(code, `${location}: ${why}`, {
    subject: location,
    ...(hint === undefined ? {} : { hint }),
  });
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const NO_REGION: Cause = { code: 'config-invalid', why: 'no region is named', hint: REGION };

function isRegion(message: string): boolean {
  return message === 'Region is missing';
}

function byStatus(status: number | undefined, name: string): Cause {
  const said = /^[A-Za-z]{1,64}$/.test(name) ? ` (${name})` : '';
  if (status === 404) return { code: 'not-found', why: 'there is no such object' };
  if (status === 412 || status === 416) return { code: 'file-changed', why: 'it was replaced while it was read' };
  if (status === 409) return { code: 'file-changed', why: `somebody else writes it${said}` };
  if (status !== undefined && status >= 300 && status < 400)
    return { code: 'network', why: 'the store sends elsewhere, which is not followed', hint: REGION };
  if (status === 401 || status === 403)
    return { code: 'unreadable', why: `the store refuses it${said}`, hint: CREDENTIALS };
  if (status !== undefined && status >= 400 && status < 500)
    return { code: 'unreadable', why: `the store refuses it${said}` };
  return { code: 'network', why: `the store gives no answer that can be used${said}` };
}
