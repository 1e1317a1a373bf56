import { WeighmarkError } from '../../domain/base/errors.ts';
import { equal, badProof } from '../../domain/records/ordered.ts';
import { recordHash } from '../../domain/records/keys.ts';
import { checkProof, parseProof, PROOF_BYTES, type Proven } from '../../domain/records/proof.ts';
import type { Roots } from '../../domain/records/roots.ts';
import { rootsAt, rootsBeside, rootsIn, type DataPorts } from './locate.ts';
import { encodeText } from './prove.ts';
import { requireIndexed } from './unchanged.ts';

export interface CheckInput {
  readonly proof: string;
  /** A file of roots, or a dataset that has them beside it: those that were signed. */
  readonly roots: string;
  /** JSON of the record the proof is to speak of. */
  readonly record: string | null;
  /** Roots of the earlier version an extension is to begin with. */
  readonly before: string | null;
}

/** Checks a proof against roots that the caller trusts. @throws WeighmarkError `proof-invalid` unless it holds, `file-changed`. */
export async function checkProofFile(
  input: CheckInput,
  ports: Pick<DataPorts, 'files' | 'records'>,
): Promise<{ readonly proven: Proven; readonly seen: boolean }> {
  const { files } = ports;
  const proof = parseProof(await files.read(input.proof, PROOF_BYTES));
  const { roots, seen } = await trustedRoots(input.roots, ports);
  const proven = checkProof(proof, roots);
  if (input.record !== null) {
    if (proof.kind !== 'record') throw badProof('it speaks of no record');
    if (roots.hashing === 'keyed' && proof.salt === null) throw badProof('it does not open the record: no salt');
    const hash = recordHash(encodeText(input.record, roots.reading), proof.salt);
    if (!equal(hash, proof.record)) throw badProof('it speaks of another record');
  }
  if (input.before !== null) {
    const before = await rootsAt(input.before, files);
    if (
      proof.kind !== 'extension' ||
      before.records !== proof.before.records ||
      before.ordered !== proof.before.ordered
    )
      throw badProof('it speaks of another earlier version');
  }
  if (proof.kind === 'extension' && input.before === null)
    throw new WeighmarkError('usage', 'an extension is checked against the earlier roots too', {
      hint: 'name them with `--extends FILE`',
    });
  return { proven, seen };
}

/** A file of roots says what was signed; beside a dataset they speak of it only while it is as it was indexed. */
async function trustedRoots(
  location: string,
  ports: Pick<DataPorts, 'files' | 'records'>,
): Promise<{ readonly roots: Roots; readonly seen: boolean }> {
  const alone = await rootsIn(location, ports.files);
  if (alone !== null) return { roots: alone, seen: true };
  const roots = await rootsBeside(location, ports.files);
  return { roots, seen: await requireIndexed(location, roots, ports) };
}
