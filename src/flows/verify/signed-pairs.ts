import { findSidecars } from '../content/sidecars.ts';
import { judgeBundles } from './bundles.ts';
import { judgeClock } from './clock.ts';
import { pairsOf, readList } from './pairs.ts';
import type { VerifyInput, VerifyPorts } from './types.ts';
import { placeOf, verificationOf } from './verify.ts';

/**
 * BLAKE3 by SHA-256 of an artifact's files, lower-case hex, as the signer of the whole signed both of each: whoever copies them
 * need hash by one alone (security rule 7). Empty unless that signer is trusted and nothing about the signature is in doubt.
 * @throws WeighmarkError what reading its signature and claims throws.
 */
export async function signedPairs(asked: VerifyInput, ports: VerifyPorts): Promise<ReadonlyMap<string, string>> {
  const input = { ...asked, ...(await placeOf(asked, ports)) };
  const sidecars = await findSidecars(input, ports.files);
  const verification = await verificationOf(input, sidecars, ports);
  if (verification.trust.length === 0) return new Map();
  const list = readList(sidecars.digestList);
  if (list === null) return new Map();
  const judged = await judgeBundles(sidecars, verification, { name: input.name ?? null });
  const bundles = await judgeClock({ shown: input.shown, bundles: judged, verification, times: ports.times });
  if ('verdict' in bundles || bundles.signature === null || bundles.findings.length > 0) return new Map();
  const pairs = pairsOf(list, bundles.signature, { bundles, input });
  return new Map(pairs === null ? [] : list.files.map(({ sha256, blake3 }) => [sha256, blake3]));
}
