import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Integration, TransparencyLog } from '../../domain/ports/log.ts';
import type { Door } from '../../domain/tlog/door.ts';
import { parseLeaf, type LogEntry, type LogLeaf } from '../../domain/tlog/leaf.ts';
import type { LogQuery } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { parseCheckpoint } from '../../domain/tlog/checkpoint.ts';
import { leafHash } from '../../domain/tlog/merkle.ts';
import { canVerify, parseNote, parseVkey, verifyNote, type VerifierKey } from '../../domain/tlog/note.ts';
import { parseProof, verifyProof } from '../../domain/tlog/proof.ts';
import { evaluateQuorum, parseLogPolicy, type LogPolicy, type QuorumResult } from '../../domain/tlog/quorum.ts';

export interface LogHead {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly vkeys: readonly string[];
  /** Whether this user had seen the log before: without that, a fork cannot be noticed. */
  readonly remembered: boolean;
}

export interface LogShown extends LogHead {
  readonly entries: readonly LogEntry[];
  /** Wait for the operator of a remote log; unproven. */
  readonly pending: readonly LogLeaf[];
}

/** Entries about any id of one artifact. */
export interface AboutIds {
  readonly ids?: readonly string[];
}

async function found(log: Registry['log'], { query, ids }: AboutIds & { readonly query: LogQuery }) {
  return (await log.find(query)).filter(({ leaf }) => ids === undefined || ids.includes(leaf.manifest));
}

/** Entries of a log, proven; all of them, the newest `last`, or those that match. */
export async function showLog(
  question: AboutIds & { readonly query?: LogQuery; readonly last?: number },
  registry: Pick<Registry, 'log'>,
): Promise<LogShown> {
  const { log } = registry;
  const head = await headOf(log);
  const from = question.last === undefined ? 0 : Math.max(0, head.size - question.last);
  const { query } = question;
  const entries = query === undefined ? await log.entries(from, head.size) : await found(log, { ...question, query });
  return { ...head, entries, pending: await log.pending() };
}

/**
 * What a killed writer had signed into the log but not published is published before anything is decided: a promotion that
 * does not know of the one before it contradicts it. Without the log's key nothing can be decided here anyway.
 */
export async function finishInterrupted({ log }: Pick<Registry, 'log'>): Promise<void> {
  await log.append([]).catch((error: unknown) => {
    if (!(error instanceof WeighmarkError && error.code === 'key-unusable')) throw error;
  });
}

/** Reads every tile, proves them under the signed checkpoint, holds that against what was seen before. */
export async function verifyLog(
  question: { readonly witnessPolicy?: string },
  registry: Pick<Registry, 'log'>,
): Promise<LogHead & { readonly quorum: QuorumResult | null }> {
  const { log } = registry;
  const { size, root } = await log.verify();
  const checkpoint = await log.checkpoint();
  const quorum = question.witnessPolicy === undefined ? null : requireQuorum(checkpoint, question.witnessPolicy);
  return { origin: log.origin, size, root, vkeys: log.vkeys, remembered: log.remembered, quorum };
}

/** C2SP tlog-proof text of one entry, or of the newest that matches. @throws WeighmarkError `not-found`. */
export async function proveLogged(
  question: { readonly index: number } | (AboutIds & { readonly query: LogQuery }),
  registry: Pick<Registry, 'log'>,
): Promise<{ readonly index: number; readonly proof: string; readonly leaf: LogLeaf }> {
  const { log } = registry;
  const index = 'index' in question ? question.index : (await found(log, question)).at(-1)?.index;
  if (index === undefined)
    throw new WeighmarkError('not-found', 'the log has no such entry', {
      hint: 'see what is logged with `weighmark log show`',
    });
  const proof = await log.prove(index);
  return { index, proof, leaf: parseLeaf(parseProof(proof).extra ?? Buffer.alloc(0)) };
}

export interface ProvenEntry {
  readonly origin: string;
  readonly index: number;
  readonly size: number;
  readonly leaf: LogLeaf;
  readonly quorum: QuorumResult | null;
}

/**
 * Verifies a proof file offline, under keys the caller names: the leaf is the one the file carries.
 * @throws WeighmarkError `trust-missing` without a key, `log-key-mismatch`, `log-invalid`.
 */
export function verifyProofFile(
  text: string,
  trust: { readonly vkeys: readonly string[]; readonly witnessPolicy?: string },
): ProvenEntry {
  const policy = trust.witnessPolicy === undefined ? null : parseLogPolicy(trust.witnessPolicy);
  const keys: readonly VerifierKey[] = [...trust.vkeys.map(parseVkey), ...(policy?.logs ?? []).map(({ key }) => key)];
  if (keys.length === 0)
    throw new WeighmarkError('trust-missing', 'no key of the log is named', {
      hint: 'say `--log-vkey VKEY` (`weighmark log show` prints it)',
    });
  const proof = parseProof(text);
  if (proof.extra === undefined)
    throw new WeighmarkError('log-invalid', 'the proof does not carry the entry it is about');
  const origin = parseCheckpoint(proof.checkpoint).origin;
  const checkpoint = verifyProof(proof, leafHash(proof.extra), { log: keys.filter((key) => key.name === origin) });
  const quorum = trust.witnessPolicy === undefined ? null : requireQuorum(proof.checkpoint, trust.witnessPolicy);
  return { origin, index: proof.index, size: checkpoint.size, leaf: parseLeaf(proof.extra), quorum };
}

export interface Integrated extends Integration {
  /** Null if no witnesses were asked for. */
  readonly quorum: QuorumResult | null;
}

/**
 * Logs what waits on a remote registry and its door admits; asks witnesses, and says whether enough of them cosigned.
 * @param question without a door everything is admitted.
 */
export async function integrateLog(
  question: { readonly witnessPolicy?: string; readonly door?: Door },
  { log }: Pick<Registry, 'log'>,
): Promise<Integrated> {
  const policy = question.witnessPolicy === undefined ? undefined : parseLogPolicy(question.witnessPolicy);
  const integration = await log.integrate(policy, question.door);
  return { ...integration, quorum: policy === undefined ? null : quorumOf(await log.checkpoint(), policy) };
}

function quorumOf(checkpoint: string | null, policy: LogPolicy): QuorumResult {
  const witnesses = policy.witnesses.map(({ key }) => key).filter(canVerify);
  return evaluateQuorum(policy, checkpoint === null ? [] : verifyNote(parseNote(checkpoint), witnesses));
}

/** @throws WeighmarkError `no-rollback-protection` if too few witnesses cosigned. */
export function requireQuorum(checkpoint: string | null, policyText: string): QuorumResult {
  const policy = parseLogPolicy(policyText);
  const quorum = quorumOf(checkpoint, policy);
  if (quorum.met) return quorum;
  throw new WeighmarkError('no-rollback-protection', "too few witnesses have cosigned the log's checkpoint", {
    facts: { cosigned: quorum.witnesses.join(', ') || 'nobody', wanted: policy.quorum },
    hint: "the log's operator asks them with `weighmark log integrate --witness-policy FILE`",
  });
}

async function headOf(log: TransparencyLog): Promise<LogHead> {
  const text = await log.checkpoint();
  const { size, root } = text === null ? { size: 0, root: new Uint8Array() } : parseCheckpoint(text);
  return {
    origin: log.origin,
    size,
    root: Buffer.from(root).toString('base64'),
    vkeys: log.vkeys,
    remembered: log.remembered,
  };
}
