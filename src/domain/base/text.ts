/** One escaper per sink for every string from outside (security rule 26). */

/** C0, DEL, C1; zero-width and bidirectional controls; line separators; tags; lone surrogates. */
const UNSAFE =
  /[\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]|[\u{e0000}-\u{e007f}]/gu;

/** Printable on a terminal: every control, bidi or invisible character becomes `\u{hex}`. Newlines too. */
export function forTerminal(text: string): string {
  return text.replace(UNSAFE, escapeCodePoint);
}

/** Text and attribute values of HTML; pair with a CSP of `default-src 'none'`. */
export function forHtml(text: string): string {
  return forTerminal(text).replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Inline GitHub-flavoured Markdown: no markup, link, mention, image or raw HTML survives. */
export function forMarkdown(text: string): string {
  return forTerminal(text).replace(/[\\`*_{}[\]()#+\-.!|<>&@~:$]/g, (char) =>
    char === '<' ? '&lt;' : char === '>' ? '&gt;' : char === '&' ? '&amp;' : `\\${char}`,
  );
}

/** A quoted mermaid label. */
export function forMermaid(text: string): string {
  return forTerminal(text).replace(/["#;&<>`[\](){}|\\]/g, (char) => `#${char.charCodeAt(0)};`);
}

/** Inside a double-quoted Graphviz string. */
export function forDot(text: string): string {
  return forTerminal(text).replace(/["\\]/g, (char) => `\\${char}`);
}

/** XML text and attribute values, as JUnit needs them. */
export function forXml(text: string): string {
  return forHtml(text);
}

/** Lines a CI system reads as commands (`::error::`, `##vso[`): neutralised; also safe as one `$GITHUB_OUTPUT` value. */
export function forCi(text: string): string {
  return forTerminal(text).replace(/::/g, ': :').replace(/##/g, '# #');
}

function escapeCodePoint(char: string): string {
  return `\\u{${char.codePointAt(0)?.toString(16) ?? 'fffd'}}`;
}

/** One word for a shell, as a hint shows it: quoted only where that is needed. */
export function forShell(text: string): string {
  const shown = forTerminal(text);
  return /^[\w@%+=:,./~-]+$/.test(shown) && !shown.startsWith('-') ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
