import { WeighmarkError } from '../base/errors.ts';
import { canonicalJson, parseStrictJsonObject } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';

import { isDigest } from '../digest/hex.ts';

/** RFC 8785 JSON of this is a log leaf (DESIGN 4.5): nothing the bundle does not sign. */
export interface LogLeaf {
  readonly v: 1;
  readonly kind: 'push' | 'claim' | 'promotion' | 'revocation';
  readonly name: string;
  /** `sha256:<hex>` */
  readonly manifest: string;
  /** SHA-256 of the bundle's bytes, `sha256:<hex>`. */
  readonly bundle: string;
  readonly env?: string;
}

export interface LogEntry {
  readonly index: number;
  readonly leaf: LogLeaf;
}

/** What must be the same in an entry; absent: anything. */
export interface LogQuery {
  readonly name?: string;
  readonly manifest?: string;
  readonly bundle?: string;
  readonly kind?: LogLeaf['kind'];
  readonly env?: string;
}

/** All entries of a log, oldest first, proven to be under one checkpoint. Objects are made of those that are asked for only. */
export interface LogEntries extends Iterable<LogEntry> {
  readonly length: number;
  at(index: number): LogEntry | undefined;
  /** Oldest first. */
  matching(query: LogQuery): readonly LogEntry[];
  /** RFC 6962 root of the first `size`, hex; null if there are fewer. */
  rootAt(size: number): string | null;
}

export const KINDS = ['push', 'claim', 'promotion', 'revocation'] as const;

/** RFC 8785 JSON, as it stands in the log. */
export function formatLeaf(leaf: LogLeaf): Uint8Array {
  const { v, kind, name, manifest, bundle, env } = leaf;
  return Buffer.from(canonicalJson({ v, kind, name, manifest, bundle, ...(env === undefined ? {} : { env }) }));
}

const DIGEST = '(sha256:[0-9a-f]{64})';
/** Printable ASCII that RFC 8785 writes as it is. */
const PLAIN = '([ !#-\\[\\]-~]*)';
/** The one canonical form of a leaf whose texts are plain, as most are: it needs no JSON reader. */
const CANONICAL = new RegExp(
  `^\\{"bundle":"${DIGEST}",(?:"env":"${PLAIN}",)?"kind":"(${KINDS.join('|')})",` +
    `"manifest":"${DIGEST}","name":"${PLAIN}","v":1\\}$`,
);

/** @throws WeighmarkError `log-invalid` for anything but the canonical form of a known version and kind, `limit-exceeded`. */
export function parseLeaf(bytes: Uint8Array): LogLeaf {
  if (bytes.length > LIMITS.logLeafBytes) return parseAnyLeaf(bytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const [, bundle, env, kind, manifest, name] = CANONICAL.exec(text) ?? [];
  if (bundle === undefined || manifest === undefined || name === undefined) return parseAnyLeaf(bytes);
  return { v: 1, kind: kind as LogLeaf['kind'], name, manifest, bundle, ...(env === undefined ? {} : { env }) };
}

function parseAnyLeaf(bytes: Uint8Array): LogLeaf {
  const fields = parseStrictJsonObject(bytes, {
    code: 'log-invalid',
    subject: 'a log entry',
    maxBytes: LIMITS.logLeafBytes,
  });
  const { v, kind, name, manifest, bundle, env } = fields;
  const known = KINDS.find((candidate) => candidate === kind);
  const strings = typeof name === 'string' && typeof manifest === 'string' && typeof bundle === 'string';
  if (v !== 1 || known === undefined || !strings || !isDigest(manifest) || !isDigest(bundle)) throw malformed();
  if (env !== undefined && typeof env !== 'string') throw malformed();
  const leaf: LogLeaf = { v, kind: known, name, manifest, bundle, ...(env === undefined ? {} : { env }) };
  // Other fields, another order, a number written otherwise: not these bytes.
  if (Buffer.compare(formatLeaf(leaf), bytes) !== 0) throw malformed();
  return leaf;
}

function malformed(): WeighmarkError {
  return new WeighmarkError('log-invalid', 'an entry that is no weighmark log leaf of version 1');
}
