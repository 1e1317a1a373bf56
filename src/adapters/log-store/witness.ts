import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Integration } from '../../domain/ports/log.ts';
import type { VerifiedCheckpoint } from '../../domain/tlog/checkpoint.ts';
import { consistencyProof } from '../../domain/tlog/merkle.ts';
import { formatNote, parseNote, parseSignatures, verifyNote, type NoteSignature } from '../../domain/tlog/note.ts';
import type { LogPolicy } from '../../domain/tlog/quorum.ts';
import { subtreesOf } from '../../domain/tlog/tiles.ts';
import { bodyOf, send, type HttpResponse } from '../registries/oci/http.ts';
import type { LogView } from './view.ts';

type Witness = LogPolicy['witnesses'][number];

const ANSWER_BYTES = 1 << 16;

export interface Cosigned extends Pick<Integration, 'cosigned' | 'refused'> {
  /** The checkpoint with every cosignature that verified. */
  readonly note: string;
}

/** Asks every witness that has a URL; one that refuses does not stop the others. https://c2sp.org/tlog-witness */
export async function askWitnesses(view: LogView & { head: VerifiedCheckpoint }, policy: LogPolicy): Promise<Cosigned> {
  const asked = policy.witnesses.filter(({ url }) => url !== undefined);
  const answers = await Promise.all(
    asked.map(async (witness) => ({
      witness,
      answer: await askWitness(view, witness).catch((error: unknown) => error),
    })),
  );
  const note = parseNote(view.head.note);
  const fresh = answers.flatMap(({ answer }) => (Array.isArray(answer) ? (answer as readonly NoteSignature[]) : []));
  const old = note.signatures.filter((line) => !fresh.some((each) => each.name === line.name && each.id === line.id));
  return {
    note: formatNote({ text: note.text, signatures: [...old, ...fresh] }),
    cosigned: answers.filter(({ answer }) => Array.isArray(answer)).map(({ witness }) => witness.name),
    refused: answers.flatMap(({ witness, answer }) =>
      Array.isArray(answer)
        ? []
        : [{ witness: witness.name, why: answer instanceof Error ? answer.message : String(answer) }],
    ),
  };
}

/** A witness says how far it has seen the log; then it gets the proof from there. */
async function askWitness(
  view: LogView & { head: VerifiedCheckpoint },
  witness: Witness,
): Promise<readonly NoteSignature[]> {
  const first = await addCheckpoint(view, witness, 0);
  if (first.status !== 409) return readCosignatures(first, view.head, witness);
  const known = /^(0|[1-9]\d{0,15})\n$/.exec(Buffer.from(await bodyOf(first, ANSWER_BYTES)).toString())?.[1];
  if (known === undefined || Number(known) > view.head.size)
    throw new WeighmarkError('log-fork', `${witness.name} has seen a longer log`, { subject: witness.name });
  return readCosignatures(await addCheckpoint(view, witness, Number(known)), view.head, witness);
}

async function addCheckpoint(
  { head, read }: LogView & { head: VerifiedCheckpoint },
  witness: Witness,
  oldSize: number,
): Promise<HttpResponse> {
  const proof = await consistencyProof(oldSize, head.size, subtreesOf(head.size, read));
  const lines = [`old ${oldSize}`, ...proof.map((hash) => Buffer.from(hash).toString('base64'))];
  const url = new URL(`${(witness.url ?? '').replace(/\/+$/, '')}/add-checkpoint`);
  return send({
    method: 'POST',
    url,
    headers: { 'content-type': 'text/plain' },
    body: Buffer.from(`${lines.join('\n')}\n\n${head.note}`),
  });
}

/** Only what verifies under the policy's key for this witness counts. */
async function readCosignatures(
  response: HttpResponse,
  head: VerifiedCheckpoint,
  witness: Witness,
): Promise<readonly NoteSignature[]> {
  const body = Buffer.from(await bodyOf(response, ANSWER_BYTES)).toString();
  if (response.status !== 200)
    throw new WeighmarkError('network', `${witness.name} answers ${response.status}`, {
      subject: witness.name,
      facts: { answer: body.slice(0, 200) },
    });
  const { text } = parseNote(head.note);
  const own = parseSignatures(body).filter((line) => line.name === witness.key.name && line.id === witness.key.id);
  if (verifyNote({ text, signatures: own }, [witness.key]).length > 0) return own;
  throw new WeighmarkError('signature-invalid', `${witness.name} did not cosign with its key`, {
    subject: witness.name,
  });
}
