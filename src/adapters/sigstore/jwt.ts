import { WeighmarkError } from '../../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../domain/base/json.ts';

/** The claims of a JWT, unverified. @throws WeighmarkError `key-unusable`, without the token. */
export function claimsOf(token: string): { readonly [key: string]: Json } {
  const payload = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(token)?.[1];
  if (payload === undefined) throw unusable('is not a JWT');
  try {
    const claims = parseStrictJsonObject(Buffer.from(payload, 'base64url'), { refuseCaseDuplicates: false });
    if (isJsonObject(claims)) return claims;
  } catch {
    // Said below, without quoting the token.
  }
  throw unusable('cannot be read');
}

/** An error that says what is wrong with the token, without it. */
export function unusable(why: string, hint?: string): WeighmarkError {
  return new WeighmarkError('key-unusable', `the OIDC identity token ${why}`, hint === undefined ? {} : { hint });
}
