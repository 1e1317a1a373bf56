import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { TAG, childrenOf, der, expectTag, oidOf, readDer, type Der } from './der.ts';

/** A GeneralName as DER has it: a context tag and its content (RFC 5280 section 4.2.1.6). */
export type GeneralName = Der;

/** What a CA limits the names below it to (RFC 5280 section 4.2.1.10). */
export interface NameConstraints {
  /** Empty: nothing is limited to these. Of each form that is named here one must fit. */
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/** What a certificate calls its holder. */
export interface Names {
  /** The subject: a Name, a sequence of relative distinguished names. */
  readonly subject: Der;
  /** Null without the extension. */
  readonly alternative: readonly GeneralName[] | null;
}

/** Context tags of GeneralName. */
const FORM = {
  other: 0xa0,
  email: 0x81,
  dns: 0x82,
  x400: 0xa3,
  directory: 0xa4,
  edi: 0xa5,
  uri: 0x86,
  ip: 0x87,
  id: 0x88,
};
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

/** @throws WeighmarkError `signature-malformed`: an empty one, or one with bounds (RFC 5280 allows neither). */
export function readNameConstraints(value: Der): NameConstraints {
  const parts = childrenOf(expectTag(value, TAG.sequence));
  const listed = (tag: number) => parts.filter((part) => part.tag === tag);
  const [permitted, excluded] = [listed(0xa0), listed(0xa1)];
  const isWhole = parts.length > 0 && parts.length === permitted.length + excluded.length;
  if (!isWhole || permitted.length > 1 || excluded.length > 1) throw malformed();
  return { permitted: subtreesOf(permitted[0]), excluded: subtreesOf(excluded[0]) };
}

function subtreesOf(part: Der | undefined): readonly GeneralName[] {
  if (part === undefined) return [];
  const bases = childrenOf(part).map((subtree) => {
    const [base, ...bounds] = childrenOf(subtree);
    if (subtree.tag !== TAG.sequence || base === undefined || bounds.length > 0) throw malformed();
    return base;
  });
  if (bases.length === 0) throw malformed();
  return bases;
}

/**
 * Null if every name of the certificate is one the CA may give, else the first that is not. A name in a form that is limited
 * and that this reader cannot compare is none.
 * @throws WeighmarkError `claims-limit` for absurdly many.
 */
export function forbiddenName(names: Names, { permitted, excluded }: NameConstraints): string | null {
  const own = namesOf(names);
  if (own.length * (permitted.length + excluded.length) > LIMITS.namesCompared)
    throw new WeighmarkError('claims-limit', 'a certificate limits, or has, absurdly many names');
  for (const name of own) {
    const allowed = permitted.filter(({ tag }) => tag === name.tag);
    const isAllowed = allowed.length === 0 || allowed.some((base) => isWithin(name, base) === true);
    const isExcluded = excluded.some((base) => base.tag === name.tag && isWithin(name, base) !== false);
    if (!isAllowed || isExcluded) return shown(name);
  }
  return null;
}

/** The alternative names, the subject, and of a certificate without alternative names the mail addresses in its subject. */
function namesOf({ subject, alternative }: Names): readonly GeneralName[] {
  const distinguished = childrenOf(subject);
  const inSubject = alternative === null ? distinguished.flatMap(mailAddresses) : [];
  const own = distinguished.length === 0 ? [] : [named(FORM.directory, subject.raw)];
  return [...(alternative ?? []), ...own, ...inSubject];
}

function mailAddresses(rdn: Der): readonly GeneralName[] {
  return childrenOf(rdn).flatMap((attribute) => {
    const [type, value] = childrenOf(attribute);
    const isMail = type !== undefined && value !== undefined && oidOf(type) === EMAIL_ADDRESS;
    return isMail ? [named(FORM.email, value.body)] : [];
  });
}

function named(tag: number, body: Uint8Array): GeneralName {
  return readDer(der(tag, body));
}

/** Undefined: this reader cannot tell. */
function isWithin(name: GeneralName, base: GeneralName): boolean | undefined {
  if (name.tag === FORM.directory) return isBelow(rdnsOf(name), rdnsOf(base));
  if (name.tag === FORM.ip) return inNetwork(name.body, base.body);
  const [text, limit] = [ascii(name.body), ascii(base.body)];
  if (text === undefined || limit === undefined) return undefined;
  if (name.tag === FORM.email) return mailWithin(text, limit);
  if (name.tag === FORM.dns) return hostWithin(text, limit) || (isHost(text) ? false : undefined);
  return name.tag === FORM.uri ? uriWithin(text, limit) : undefined;
}

/** A mailbox, a host, or with a dot in front the hosts below a domain. */
function mailWithin(mail: string, limit: string): boolean | undefined {
  const at = mail.lastIndexOf('@');
  const host = mail.slice(at + 1).toLowerCase();
  if (at < 1 || !isHost(host)) return undefined;
  if (!limit.includes('@'))
    return limit.startsWith('.') ? host.endsWith(limit.toLowerCase()) : host === limit.toLowerCase();
  const limitAt = limit.lastIndexOf('@');
  return mail.slice(0, at) === limit.slice(0, limitAt) && host === limit.slice(limitAt + 1).toLowerCase();
}

/** The host itself, and every name made by putting more in front. */
function hostWithin(host: string, limit: string): boolean {
  const [name, base] = [host.toLowerCase(), limit.toLowerCase()];
  if (base === '') return true;
  return name === base || name.endsWith(base.startsWith('.') ? base : `.${base}`);
}

/** The host of an address, exactly, or with a dot in front those below a domain. No host, an IP address, a user: not to be told. */
function uriWithin(uri: string, limit: string): boolean | undefined {
  const [, authority] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri) ?? [];
  const host = authority?.replace(/:\d*$/, '').toLowerCase();
  if (host === undefined || !isHost(host) || /^[\d.]+$/.test(host)) return undefined;
  const base = limit.toLowerCase();
  return base.startsWith('.') ? host.endsWith(base) : host === base;
}

function isHost(host: string): boolean {
  return /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i.test(
    host.replace(/^\*\./, ''),
  );
}

/** Address and mask, twice four or twice sixteen bytes. */
function inNetwork(address: Uint8Array, network: Uint8Array): boolean | undefined {
  if (network.length !== 2 * address.length) return network.length === 8 || network.length === 32 ? false : undefined;
  return address.every((byte, at) => {
    const mask = network[address.length + at] ?? 0;
    return (byte & mask) === ((network[at] ?? 0) & mask);
  });
}

function isBelow(name: readonly string[], base: readonly string[]): boolean {
  return base.length <= name.length && base.every((rdn, at) => rdn === name[at]);
}

/** Each relative distinguished name in one spelling: strings by their text, without case and spare spaces (RFC 5280 section 7.1). */
function rdnsOf({ body }: GeneralName): readonly string[] {
  return childrenOf(expectTag(readDer(body), TAG.sequence)).map((set) =>
    JSON.stringify(childrenOf(set).map(attributeText).toSorted()),
  );
}

function attributeText(attribute: Der): string {
  const [type, value] = childrenOf(attribute);
  const text = value === undefined ? undefined : stringOf(value);
  const shownValue =
    text === undefined
      ? `${value?.tag}:${Buffer.from(value?.body ?? []).toString('hex')}`
      : `"${text.normalize('NFKC').trim().replaceAll(/\s+/g, ' ').toLowerCase()}`;
  return `${oidOf(expectTag(type, TAG.oid))}=${shownValue}`;
}

/** UTF8String, PrintableString, IA5String, TeletexString as Latin-1, BMPString. */
function stringOf({ tag, body }: Der): string | undefined {
  const bytes = Buffer.from(body);
  if (tag === 0x0c) return bytes.toString('utf8');
  if (tag === 0x13 || tag === 0x16 || tag === 0x14) return bytes.toString('latin1');
  return tag === 0x1e && bytes.length % 2 === 0 ? bytes.swap16().toString('utf16le') : undefined;
}

function ascii(bytes: Uint8Array): string | undefined {
  return bytes.every((byte) => byte > 0x20 && byte < 0x7f) ? Buffer.from(bytes).toString('latin1') : undefined;
}

function shown(name: GeneralName): string {
  return (
    (name.tag === FORM.directory ? rdnsOf(name).join(', ') : ascii(name.body)) ?? Buffer.from(name.body).toString('hex')
  );
}

function malformed(): WeighmarkError {
  return new WeighmarkError('signature-malformed', 'a certificate limits names in a form that is not RFC 5280’s');
}
