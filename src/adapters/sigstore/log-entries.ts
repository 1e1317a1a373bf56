import type { VerifiedTime } from '../../domain/claims/types.ts';
import type { LogEntry, SigstoreBundle } from '../../domain/trust/sigstore-bundle.ts';
import type { TrustedLog, TrustedRoot } from '../../domain/trust/trusted-root.ts';
import { type ProvenEntry, invalid } from './proof.ts';

/** Only under an inclusion promise is the log's time signed (CVE-2024-55655, CVE-2026-48816). */
export function promisedTimes({ logEntries }: SigstoreBundle, root: TrustedRoot): readonly VerifiedTime[] {
  return logEntries.flatMap((entry) => {
    if (!entry.hasPromise || entry.integratedTime === null || entry.integratedTime === 0) return [];
    const time = new Date(entry.integratedTime * 1000).toISOString();
    return [{ time, source: 'rekor' as const, authority: logOf(entry, root).name }];
  });
}

/** Each by a log of the trusted root, under a checkpoint of that log, which was in force at one of the times. */
export function provenEntries(
  { logEntries }: SigstoreBundle,
  root: TrustedRoot,
  times: readonly VerifiedTime[],
): readonly ProvenEntry[] {
  return logEntries.map((entry) => provenEntry(entry, root, times));
}

function provenEntry(entry: LogEntry, root: TrustedRoot, times: readonly VerifiedTime[]): ProvenEntry {
  const log = logOf(entry, root);
  requireOrigin(entry, log);
  const isInForce =
    times.length === 0 || times.some(({ time }) => log.validFrom <= new Date(time) && new Date(time) <= log.validTo);
  if (!isInForce) throw invalid('its log was not in force when it was signed');
  return { log: log.name, index: entry.provenIndex };
}

function logOf(entry: LogEntry, root: TrustedRoot): TrustedLog {
  const log = root.logs.find(({ id }) => Buffer.from(id).equals(entry.logId));
  if (log === undefined) throw invalid('its log is not one of the trusted root');
  return log;
}

/** The checkpoint is of this very log: the library accepts any part of its address for its name. */
function requireOrigin(entry: LogEntry, log: TrustedLog): void {
  if (entry.checkpoint === null) return;
  const [origin = '', size, root] = entry.checkpoint.split('\n', 3);
  if (entry.proofOf?.treeSize !== size || entry.proofOf?.rootHash !== root)
    throw invalid('its log proof is not about its checkpoint');
  // Rekor v1 adds its tree's number: `rekor.sigstore.dev - 1193050959916656506`.
  if (origin !== log.name && !(origin.startsWith(`${log.name} - `) && /^\d+$/.test(origin.slice(log.name.length + 3))))
    throw invalid('its log proof is of another log');
  requireName(entry.checkpoint, log);
}

/**
 * A note's signature is by a name and a key id, both (c2sp.org/signed-note): a line with the id of the log's key under another
 * name is nobody's. Lines with other ids are witnesses'.
 */
function requireName(checkpoint: string, { id, name }: TrustedLog): void {
  const lines = [...checkpoint.matchAll(/^\u2014 (\S+) (\S+)$/gm)];
  const own = lines.filter(([, , signature = '']) =>
    Buffer.from(signature, 'base64').subarray(0, 4).equals(Buffer.from(id).subarray(0, 4)),
  );
  if (own.some(([, said]) => said !== name))
    throw invalid('its checkpoint is signed under another name than the log’s');
}
