/** One escape of a literal: a code in base 16 or 8, or the character itself. */
export function unescapeOne(escape: string): string {
  const [, hex, octal] = /^\\(?:[xXuU]([0-9a-fA-F]+)|([0-7]{1,3}))$/.exec(escape) ?? [];
  if (hex !== undefined) return String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(hex, 16)));
  return octal === undefined ? escape.slice(1) : String.fromCharCode(Number.parseInt(octal, 8));
}
