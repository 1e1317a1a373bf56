import { resolve } from 'node:path';
import { isObjectLocation, objectLocation, parseObjectPlace } from '../domain/base/object-place.ts';

/** Where an artifact lies that the user named: a path, or `s3://BUCKET/PREFIX`. @throws WeighmarkError `name-invalid`. */
export function locate(cwd: string, name: string): string {
  return isObjectLocation(name) ? objectLocation(parseObjectPlace(name)) : resolve(cwd, name);
}
