/** A name as one token of a JSON pointer. @see RFC 6901, section 3 */
export function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The name that a token of a JSON pointer stands for. @see RFC 6901, section 4 */
export function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
