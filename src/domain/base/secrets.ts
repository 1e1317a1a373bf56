/** What an address may carry that nobody but its host may see (DESIGN 8.7). */

/** `scheme://user:password@`: up to the last `@` where a password with slashes stands before it, and not a port. */
const USERINFO =
  /([a-z][a-z0-9+.-]{0,30}:\/\/)(?:[^\s/?#@]{0,200}:(?!\d{1,5}(?:[/?#\s]|$))[^\s]{0,200}@|[^\s/?#]{0,400}@)/gi;
/** The same where it was taken for a path, which has one slash for two; a drive is no scheme. */
const PATH_USERINFO =
  /([a-z][a-z0-9+.-]{1,30}:\/)(?!\/)(?:[^\s/?#@]{0,200}:(?!\d{1,5}(?:[/?#\s]|$))[^\s]{0,200}@|[^\s/?#]{1,400}@)/gi;
const QUERY =
  /([?&](?:[\w.-]{0,40}(?:token|secret|signature|password|passwd|credential|api-?key)[\w.-]{0,40}|key|sig|auth)=)[^&#\s"'`]+/gi;
/** `--password VALUE` and the like, which the command line names back when it does not know them. */
const OPTION = /(--[a-z-]*(?:password|passwd|secret|token)[a-z-]*=)\S+/gi;

/** The text without passwords of addresses, tokens in their queries, and values of options that name a secret. */
export function withoutSecrets(text: string): string {
  if (!/[:=]/.test(text)) return text;
  const hidden = text.replace(USERINFO, '$1***@').replace(PATH_USERINFO, '$1***@');
  return hidden.replace(QUERY, '$1***').replace(OPTION, '$1***');
}
