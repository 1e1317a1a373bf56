/** Package URLs of https://github.com/package-url/purl-spec; built only from evidence, and checked for syntax. */

const HUB_ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** `org/name` as Hugging Face writes it; the old one-word names are not told apart from local paths, so they do not count. */
export function isHubId(text: string): boolean {
  return HUB_ID.test(text) && !text.includes('..');
}

/** `pkg:huggingface/org/name@commit`; undefined for anything that is no hub id. */
export function huggingFacePurl(id: string, commit?: string): string | undefined {
  if (!isHubId(id)) return undefined;
  return `pkg:huggingface/${id}${commit !== undefined && COMMIT.test(commit) ? `@${commit}` : ''}`;
}

export function pypiPurl(name: string, version?: string): string | undefined {
  const normal = name.toLowerCase().replace(/[-_.]+/g, '-');
  if (!/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(normal)) return undefined;
  return `pkg:pypi/${normal}${version === undefined ? '' : `@${encode(version)}`}`;
}

export function npmPurl(name: string, version?: string): string | undefined {
  if (!/^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name)) return undefined;
  return `pkg:npm/${name.replace('@', '%40')}${version === undefined ? '' : `@${encode(version)}`}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

const TYPE = /^[a-z.+-][a-z0-9.+-]*$/i;

/** Null, or what is wrong with a purl: scheme, type, name, qualifiers, subpath, percent-encoding. */
export function purlProblem(purl: string): string | null {
  if (!/^pkg:/i.test(purl)) return 'it does not start with pkg:';
  const [beforeFragment = ''] = purl.slice(4).replace(/^\/+/, '').split('#', 1);
  const [path, query] = splitOnce(beforeFragment, '?');
  const [type, rest] = splitOnce(path, '/');
  if (!TYPE.test(type)) return `${JSON.stringify(type.slice(0, 40))} is not a type`;
  const name = (rest ?? '')
    .split('@', 1)[0]
    ?.split('/')
    .findLast((part) => part !== '');
  if (rest === undefined || name === undefined) return 'the name is missing';
  if (/%(?![0-9a-f]{2})/i.test(purl)) return 'a percent sign encodes nothing';
  if (/[\s"<>\\^`{|}]/.test(purl)) return 'a character is not encoded';
  return query === undefined ? null : queryProblem(query);
}

function queryProblem(query: string): string | null {
  const bad = query.split('&').find((part) => !/^[a-z._-][a-z0-9._-]*=/i.test(part));
  return bad === undefined ? null : `${JSON.stringify(bad.slice(0, 40))} is not a qualifier`;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
