import { WeighmarkError } from './errors.ts';
import { checkPath } from './paths.ts';

/** Where an object store keeps something: an object, or all below a prefix. */
export interface ObjectPlace {
  readonly bucket: string;
  /** Of an object, or a prefix without its last slash; empty: all of the bucket. */
  readonly key: string;
}

const SCHEME = 's3://';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export function isObjectLocation(location: string): boolean {
  return location.startsWith(SCHEME);
}

/**
 * Reads `s3://BUCKET/PREFIX`, taken literally: nothing in it is unescaped. A prefix is a path as a tree may hold it: no `..`, no
 * empty part. @throws WeighmarkError `name-invalid`.
 */
export function parseObjectPlace(location: string): ObjectPlace {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(location) ?? [];
  const key = rest.replace(/(?<=[^/])\/$/, '');
  if (!BUCKET.test(bucket) || bucket.includes('..')) throw invalid(location, 'names no bucket');
  if (key !== '') checkKey(location, key);
  return { bucket, key };
}

/** One spelling of it: no slash at the end. */
export function objectLocation({ bucket, key }: ObjectPlace): string {
  return key === '' ? `${SCHEME}${bucket}` : `${SCHEME}${bucket}/${key}`;
}

function checkKey(location: string, key: string): void {
  try {
    checkPath(key);
  } catch (cause) {
    throw invalid(location, cause instanceof WeighmarkError ? cause.message : 'is no name');
  }
}

function invalid(location: string, why: string): WeighmarkError {
  return new WeighmarkError('name-invalid', `\`${location}\`: ${why}`, {
    subject: location,
    hint: 'an object or all below a prefix is `s3://BUCKET/PREFIX`',
  });
}

/** How the keys of what lies below a place begin. */
export function prefixOf({ key }: Pick<ObjectPlace, 'key'>): string {
  return key === '' ? '' : `${key}/`;
}
