/** One escape of a literal: a code in base 16 or 8, or the character itself. */
export function unescapeOne(escape: string): string {
  const [, hex, octal] = /^\\(?:[xXu]([0-9a-fA-F]+)|([0-7]{1,3}))$/.exec(escape) ?? [];
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  return octal === undefined ? escape.slice(1) : String.fromCharCode(Number.parseInt(octal, 8));
}
