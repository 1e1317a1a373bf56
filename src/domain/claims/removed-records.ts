import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isHex256 } from '../digest/hex.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { checkProof, formatProof, parseProof, type Proven, type RecordProof } from '../records/proof.ts';
import { formatRemovals, isRemovalList, parseRemovals } from '../records/removals.ts';
import { parseRoots, type Roots } from '../records/roots.ts';
import { PREDICATES } from './predicates.ts';
import type { Statement } from './types.ts';

type Predicate = Readonly<Record<string, unknown>>;

/** Records that somebody wants gone from every dataset: by hashes that mean something among datasets hashed in the same way. */
export interface RemovedRecords {
  readonly hashing: Roots['hashing'];
  /** Under which key; null in the open, and where it is not said. */
  readonly key: string | null;
  readonly profile: Roots['reading']['profile'];
  /** Lower-case hex, ascending. */
  readonly records: readonly string[];
}

export function buildRemovedRecords({ hashing, key, profile, records }: RemovedRecords): Predicate {
  return { hashing, ...(key === null ? {} : { key }), profile, records: [...new Set(records)].toSorted() };
}

/** The predicate that a removal list makes, in the open unless it names a key; null for bytes that are none. @throws `format-invalid`. */
export function predicateOfList(bytes: Uint8Array): Predicate | null {
  if (!isRemovalList(bytes)) return null;
  const { key, records } = parseRemovals(bytes);
  return buildRemovedRecords({ hashing: key === null ? 'open' : 'keyed', key, profile: 'typed', records });
}

/** @throws WeighmarkError `claim-malformed` for anything that `buildRemovedRecords` does not make. */
export function readRemovedRecords(predicate: Predicate): RemovedRecords {
  const { hashing, key = null, profile, records } = predicate;
  if ((hashing !== 'open' && hashing !== 'keyed') || (profile !== 'typed' && profile !== 'text'))
    throw malformed('it does not say how the records were hashed');
  if (key !== null && (hashing === 'open' || !isHex256(key))) throw malformed('it names no key');
  try {
    if (!Array.isArray(records)) throw malformed('it has no records');
    const text = formatRemovals({ key, records: records.map(String) });
    return { hashing, profile, ...parseRemovals(Buffer.from(text)) };
  } catch (cause) {
    throw malformed('its records are no list of hashes', cause);
  }
}

/** Null for another statement, or one that cannot be read. */
export function tryRemovedRecords({ predicateType, predicate }: Statement): RemovedRecords | null {
  if (predicateType !== PREDICATES['removed-records']) return null;
  try {
    return readRemovedRecords(predicate);
  } catch {
    return null;
  }
}

/** That records are not in a dataset: its roots as `.weighmark/records` has them, and a proof for each. */
export interface RecordsAbsence {
  readonly roots: string;
  readonly proofs: readonly RecordProof[];
}

export function buildAbsence({ roots, proofs }: RecordsAbsence): Predicate {
  return { roots, proofs: proofs.map((proof) => JSON.parse(formatProof(proof)) as Json) };
}

/** What is shown of each record by its hash, whoever signed it. */
export interface ShownRecords {
  /** The text of the roots; whoever trusts its SHA-256 trusts the rest. */
  readonly text: string;
  readonly roots: Roots;
  readonly shown: ReadonlyMap<string, Proven['kind']>;
}

/** @throws WeighmarkError `claim-malformed`, `proof-invalid`: a proof that does not hold proves nothing. */
export function readAbsence({ roots: text, proofs }: Predicate): ShownRecords {
  if (typeof text !== 'string' || !Array.isArray(proofs)) throw malformed('it has no roots, or no proofs');
  const roots = parseRoots(text);
  const shown = new Map<string, Proven['kind']>();
  for (const each of proofs as readonly unknown[]) {
    if (!isJsonObject(each)) throw malformed('a proof in it is none');
    const proof = parseProof(Buffer.from(JSON.stringify(each)));
    if (proof.kind === 'record') shown.set(Buffer.from(proof.record).toString('hex'), checkProof(proof, roots).kind);
  }
  return { text, roots, shown };
}

function malformed(why: string, cause?: unknown): WeighmarkError {
  return new WeighmarkError('claim-malformed', `not a claim about removed records: ${why}`, { cause });
}
