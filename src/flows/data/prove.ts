import { WeighmarkError } from '../../domain/base/errors.ts';
import { Batch } from '../../domain/records/batch.ts';
import { keyedHashing, listHashing, recordHash, requireSameKey, requireSecret } from '../../domain/records/keys.ts';
import { isOfFiles, memberFieldsOf, MemberRecords } from '../../domain/records/members.ts';
import { checkProof, type Proven, type RecordProof } from '../../domain/records/proof.ts';
import { textReader } from '../../domain/records/readers.ts';
import type { RecordIndex } from '../../domain/records/record-index.ts';
import type { Reading } from '../../domain/records/reading.ts';
import { formatRoots, type Roots } from '../../domain/records/roots.ts';
import { rootsBeside, type DataPorts } from './locate.ts';
import { buildAbsence } from '../../domain/claims/removed-records.ts';
import { parseRemovals, REMOVALS_BYTES } from '../../domain/records/removals.ts';
import { withIndex } from './open-index.ts';
import { requireIndexed } from './unchanged.ts';
import { forShell } from '../../domain/base/text.ts';

/** Which record is meant: by its JSON text, its hash, or its position. */
export type Asked =
  | { readonly by: 'text'; readonly text: string }
  | { readonly by: 'hash'; readonly hash: Uint8Array }
  | { readonly by: 'position'; readonly position: number };

export interface ProveInput {
  readonly root: string;
  readonly secret: Uint8Array | null;
  readonly asked: Asked | { readonly by: 'extension'; readonly before: Roots };
}

export interface ProveOutcome {
  readonly proof: RecordProof;
  readonly proven: Proven;
  /** Whether the files are known to be those that were indexed. */
  readonly seen: boolean;
}

/** A proof that needs neither the dataset nor the index to check: of a record, of its absence, of what was only added. */
export async function prove(input: ProveInput, ports: Pick<DataPorts, 'files' | 'records'>): Promise<ProveOutcome> {
  const roots = await rootsBeside(input.root, ports.files);
  const seen = await requireIndexed(input.root, roots, ports);
  const { asked } = input;
  const proof = await withIndex(roots, ports.records, (index) =>
    asked.by === 'extension' ? proveExtension(index, asked.before) : proveRecord(index, hashOf(asked, input, index)),
  );
  const proven = checkProof(proof, roots);
  if (proven.kind === 'absent' && asked.by === 'text') requireNamedKey(roots);
  return { proof, proven, seen };
}

/** Under a wrong key every record is absent. @throws WeighmarkError `secret-mismatch` where roots do not say which key it was. */
function requireNamedKey({ hashing, key }: Roots): void {
  if (hashing === 'open' || key !== null) return;
  throw new WeighmarkError('secret-mismatch', 'it is not there under this key, and the roots do not name theirs', {
    hint: 'index the dataset again under its key, which the roots then name',
  });
}

/**
 * The predicate that shows of each record on a list whether the dataset holds it (`weighmark attest --type records-absence`).
 * @throws WeighmarkError `removed-record` while it holds one.
 */
export async function proveRemoved(
  { root, list }: { readonly root: string; readonly list: string },
  { files, records }: Pick<DataPorts, 'files' | 'records'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { key, records: removed } = parseRemovals(await files.read(list, REMOVALS_BYTES));
  const roots = await rootsBeside(root, files);
  requireSameKey(listHashing(key, roots), roots);
  await requireIndexed(root, roots, { files, records });
  const proofs = await withIndex(roots, records, (index) =>
    removed.map((record) => proveRecord(index, { hash: Buffer.from(record, 'hex'), salt: null })),
  );
  const held = proofs.find((proof) => checkProof(proof, roots).kind !== 'absent');
  if (held?.kind !== 'record') return buildAbsence({ roots: formatRoots(roots), proofs });
  throw new WeighmarkError('removed-record', `${root} holds a record that was to be removed`, {
    subject: root,
    facts: { record: `blake3:${Buffer.from(held.record).toString('hex')}` },
    hint: `\`weighmark dataset check ${forShell(root)} --removed LIST\` names all of them`,
  });
}

interface Hashed {
  readonly hash: Uint8Array;
  readonly salt: Uint8Array | null;
  readonly position?: number;
}

function hashOf(asked: Asked, { secret }: ProveInput, index: RecordIndex): Hashed {
  if (asked.by === 'hash') return { hash: asked.hash, salt: null };
  if (asked.by === 'text') return hashText(asked.text, index.roots, secret);
  if (asked.position >= index.roots.records)
    throw new WeighmarkError('usage', `there are ${index.roots.records} records, counted from 0`);
  return { hash: index.hashAt(asked.position), salt: null, position: asked.position };
}

/**
 * The hash of a record given as JSON, under the dataset's reading of scalars.
 * @throws WeighmarkError `record-invalid` for no JSON object, `usage` without the key of a keyed dataset, `secret-mismatch` with another.
 */
export function hashText(
  text: string,
  { reading, ...hashing }: Pick<Roots, 'reading' | 'hashing' | 'key'>,
  secret: Uint8Array | null,
): Hashed {
  const encoding = encodeText(text, reading);
  const key = requireSecret(hashing, secret);
  const salt = key === null ? null : keyedHashing(key).salt(encoding);
  return { hash: recordHash(encoding, salt), salt };
}

/** A record as a person writes it, under a dataset's reading: JSON on one line; of files, their BLAKE3 in hex. */
export function encodeText(text: string, reading: Reading): Uint8Array {
  const batch = new Batch();
  const { profile } = reading;
  if (isOfFiles(reading)) {
    new MemberRecords(reading, new Map()).record(memberFieldsOf(text, reading), { byte: 0 }, batch);
    return batch.view();
  }
  textReader({ format: 'jsonl', profile }, new Map()).read({ bytes: Buffer.from(text), base: 0, last: true }, batch);
  if (batch.ends.length !== 1) throw new WeighmarkError('usage', 'a record is one JSON object on one line');
  return batch.view();
}

function proveRecord(index: RecordIndex, { hash, salt, position }: Hashed): RecordProof {
  const [first] = position === undefined ? index.find(hash) : [position];
  const set = index.setPath(hash);
  return {
    kind: 'record',
    roots: index.roots,
    record: hash,
    salt,
    set,
    inclusion: first === undefined ? null : { position: first, path: index.inclusion(first) },
  };
}

function proveExtension(index: RecordIndex, before: Roots): RecordProof {
  return {
    kind: 'extension',
    roots: index.roots,
    before: { records: before.records, ordered: before.ordered },
    path: index.consistency(before.records),
  };
}
