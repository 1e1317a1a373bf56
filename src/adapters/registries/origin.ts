import { randomBytes } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';

/** A log's name nobody else has: two logs of one name under one key would be a fork. */
export function randomOrigin(location: string): string {
  const base = basename(location.startsWith('oci://') ? location : resolve(location));
  const word = base
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 60);
  return `${word || 'registry'}-${randomBytes(5).toString('hex')}.weighmark.local`;
}

/** @throws WeighmarkError `usage` for anything but a URL without scheme. */
export function checkOrigin(origin: string): string {
  if (origin.length <= 200 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d+)?(?:\/[A-Za-z0-9._~-]+)*$/.test(origin))
    return origin;
  throw new WeighmarkError('usage', `\`${origin}\` is no log origin`, {
    subject: origin,
    hint: 'a URL without scheme, such as `registry.acme.example/models`',
  });
}
