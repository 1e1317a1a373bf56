/**
 * Whether unpacking an archive's member by this name could write elsewhere than below the target, or under another name:
 * absolute, drive or UNC path, `..`, backslash or control character.
 */
export function isUnsafePath(name: string): boolean {
  if (name === '' || /^[/\\]|^[A-Za-z]:/.test(name)) return true;
  for (const char of name) if (char < ' ' || char === '\x7f' || char === '\\') return true;
  return name.split('/').some((part) => part === '..');
}
