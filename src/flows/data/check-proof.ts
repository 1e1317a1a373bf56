import { WeighmarkError } from '../../domain/base/errors.ts';
import { equal, badProof } from '../../domain/records/ordered.ts';
import { recordHash } from '../../domain/records/keys.ts';
import { checkProof, parseProof, PROOF_BYTES, type Proven } from '../../domain/records/proof.ts';
import { rootsAt, type DataPorts } from './locate.ts';
import { encodeText } from './prove.ts';

export interface CheckInput {
  readonly proof: string;
  /** A file of roots, or a dataset that has them beside it: those that were signed. */
  readonly roots: string;
  /** JSON of the record the proof is to speak of. */
  readonly record: string | null;
  /** Roots of the earlier version an extension is to begin with. */
  readonly before: string | null;
}

/** Checks a proof against roots that the caller trusts. @throws WeighmarkError `proof-invalid` unless it holds. */
export async function checkProofFile(input: CheckInput, { files }: Pick<DataPorts, 'files'>): Promise<Proven> {
  const proof = parseProof(await files.read(input.proof, PROOF_BYTES));
  const roots = await rootsAt(input.roots, files);
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
  return proven;
}
