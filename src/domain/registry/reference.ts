import { isDigest } from '../digest/hex.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isObjectLocation } from '../base/object-place.ts';
import { forShell } from '../base/text.ts';

/** What a user may name an artifact by (DESIGN 5). `digest` is `sha256:<64 hex>`. */
export type Reference =
  | { readonly kind: 'path'; readonly path: string }
  | ({ readonly kind: 'name'; readonly name: string } & Pointer)
  | ({ readonly kind: 'oci'; readonly host: string; readonly repository: string } & Pointer)
  | { readonly kind: 'digest'; readonly digest: string };

/** A digest by its first digits, 12 or more: for looking, in the registry asked; never in what is signed or written down. */
export interface ShortReference {
  readonly kind: 'short';
  /** `NAME` or `oci://host/repo`; null: any name. */
  readonly of: string | null;
  /** `sha256:` and the digits. */
  readonly start: string;
}

/** Exactly one of the two. */
export type Pointer = { readonly tag: string } | { readonly digest: string };

/** Where an artifact is asked for: in which registry, under which name, by tag or digest. */
export interface Place {
  /** A folder or `oci://host/prefix`; absent: the configured registry. */
  readonly location?: string;
  readonly name: string;
  /** A tag or `sha256:…`: what `Registry.resolve` takes. */
  readonly reference: string;
}

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
/** Words that an OCI image layout uses for itself: a model `a/blobs` would lie inside the layout of `a`. */
const SHORT = /^(?:(.+)@)?(sha256:[0-9a-f]{12,63})$/;
const RESERVED = new Set(['blobs', 'index.json', 'oci-layout', 'weighmark-log']);
const NAME_BYTES = 200;
/** The names that one registry goes by, and where Docker puts repositories of one word. */
const DOCKER_HUB = 'docker.io';
const HUB_NAMES = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com']);

/**
 * Reads a REF. A word without `:` (an `@` alone names no digest), or one that looks like a path (`./x:1`, `x/`, `/x`), is a path.
 * @throws WeighmarkError `name-invalid`. There is no implicit `latest`.
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'is empty');
  if (SHORT.test(text))
    throw new WeighmarkError(
      'name-invalid',
      `\`${text}\` is a short digest, and what is signed or written down names the whole`,
      { subject: text, hint: `\`weighmark show ${forShell(text)}\` prints the whole digest` },
    );
  if (text.startsWith('oci://')) return parseOci(text);
  if (isDigest(text)) return { kind: 'digest', digest: text };
  if (looksLikePath(text)) return { kind: 'path', path: text };
  const { rest, pointer } = splitPointer(text, text);
  return { kind: 'name', name: checkArtifactName(rest), ...pointer };
}

/** As `parseReference`, and a short digest too: for commands that only look. @throws WeighmarkError `name-invalid`. */
export function parseAsked(text: string): Reference | ShortReference {
  const [, of = null, start] = SHORT.exec(text) ?? [];
  return start === undefined ? parseReference(text) : { kind: 'short', of, start };
}

export function formatReference(ref: Reference): string {
  if (ref.kind === 'path') return ref.path;
  if (ref.kind === 'digest') return ref.digest;
  const base = ref.kind === 'name' ? ref.name : `oci://${ref.host}/${ref.repository}`;
  return 'tag' in ref ? `${base}:${ref.tag}` : `${base}@${ref.digest}`;
}

/**
 * Place of a `name` or `oci` reference. An `oci://` one belongs to the configured registry if it lies below it;
 * otherwise its last path component is the name and what stands before is the registry.
 */
export function placeOf(ref: Extract<Reference, { kind: 'name' | 'oci' }>, configured?: string): Place {
  const reference = 'tag' in ref ? ref.tag : ref.digest;
  if (ref.kind === 'name')
    return { name: ref.name, reference, ...(configured === undefined ? {} : { location: configured }) };
  const whole = `oci://${ref.host}/${ref.repository}`;
  const prefix = configured?.replace(/\/+$/, '');
  if (prefix?.startsWith('oci://') && whole.startsWith(`${prefix}/`)) {
    return { location: prefix, name: whole.slice(prefix.length + 1), reference };
  }
  const slash = whole.lastIndexOf('/');
  return { location: whole.slice(0, slash), name: whole.slice(slash + 1), reference };
}

/** A lower-case OCI repository path. @throws WeighmarkError `name-invalid`. */
export function checkArtifactName(name: string): string {
  const bad = name.length > NAME_BYTES || !NAME.test(name);
  if (bad) throw invalid(name, 'is no artifact name (lower-case letters, digits, `.`, `_`, `-`, parts joined by `/`)');
  const reserved = name.split('/').find((part) => RESERVED.has(part));
  if (reserved !== undefined) throw invalid(name, `uses the reserved word ${reserved}`);
  return name;
}

/** @throws WeighmarkError `name-invalid`. */
export function checkTag(tag: string): string {
  if (!TAG.test(tag)) throw invalid(tag, 'is no tag (letters, digits, `.`, `_`, `-`; at most 128)');
  return tag;
}

/** @throws WeighmarkError `name-invalid`. */
export function checkDigest(digest: string): string {
  if (!isDigest(digest)) throw invalid(digest, 'is no digest (sha256: and 64 lower-case hex digits)');
  return digest;
}

/** `oci://host[:port]/prefix`, without a trailing slash. @throws WeighmarkError `name-invalid`. */
export function parseOciLocation(text: string): { readonly host: string; readonly prefix: string } {
  const [, host = '', prefix = ''] = /^oci:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(text) ?? [];
  const bad = !HOST.test(host) || (prefix !== '' && !NAME.test(prefix));
  if (bad) throw invalid(text, 'is no registry (oci://host[:port]/repository)');
  return { host: hostOf(host), prefix };
}

/** The repository of a name below a registry's prefix; on Docker Hub one of one word is below `library`, as Docker has it. */
export function repositoryOf(
  { host, prefix }: { readonly host: string; readonly prefix: string },
  name: string,
): string {
  const repository = prefix === '' ? name : `${prefix}/${name}`;
  return host === DOCKER_HUB && !repository.includes('/') ? `library/${repository}` : repository;
}

function hostOf(text: string): string {
  const host = text.toLowerCase();
  return HUB_NAMES.has(host) ? DOCKER_HUB : host;
}

function parseOci(text: string): Reference {
  const slash = text.indexOf('/', 'oci://'.length);
  if (slash === -1) throw invalid(text, 'names no repository');
  const host = text.slice('oci://'.length, slash);
  if (!HOST.test(host)) throw invalid(text, 'has no valid host');
  const { rest, pointer } = splitPointer(text.slice(slash + 1), text);
  const place = { host: hostOf(host), prefix: '' };
  return { kind: 'oci', host: place.host, repository: repositoryOf(place, checkArtifactName(rest)), ...pointer };
}

function looksLikePath(text: string): boolean {
  if (/^(?:[./~]|[A-Za-z]:[\\/])/.test(text) || text.endsWith('/') || text.includes('\\')) return true;
  if (isObjectLocation(text)) return true;
  return !text.includes(':');
}

function splitPointer(text: string, whole: string): { rest: string; pointer: Pointer } {
  const at = text.indexOf('@');
  if (at !== -1) return { rest: text.slice(0, at), pointer: { digest: checkDigest(text.slice(at + 1)) } };
  const colon = text.lastIndexOf(':');
  if (colon === -1) throw invalid(whole, 'names neither a tag nor a digest; there is no implicit `latest`');
  return { rest: text.slice(0, colon), pointer: { tag: checkTag(text.slice(colon + 1)) } };
}

function invalid(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('name-invalid', `\`${subject}\` ${why}`, {
    subject,
    hint: 'a reference is a path (`./x`, `x/`), `NAME:TAG`, `NAME@sha256:…`, `oci://host/repo:TAG`, or `sha256:…`',
  });
}
