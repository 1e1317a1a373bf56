import { VERSIONS, type ManifestVersion } from '../../domain/digest/manifest.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { manifestOf } from '../../domain/claims/subjects.ts';
import { looseEnvelope } from '../../domain/claims/loose-envelope.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { LogLeaf } from '../../domain/tlog/leaf.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { Registry } from '../../domain/ports/registry.ts';

/** A claim to be stored beside an artifact and logged. */
export interface Attachment {
  readonly name: string;
  /** The artifact's id, `sha256:<hex>`. */
  readonly manifest: string;
  /** The bundle's exact bytes. */
  readonly bundle: Uint8Array;
  /** Default `claim`. */
  readonly kind?: LogLeaf['kind'];
  readonly env?: string;
}

/**
 * Stores a claim as a referrer, then logs it; the same claim twice changes nothing. For `attest`, `promote`, `approve`
 * and `revoke`.
 */
export async function attachClaim(attachment: Attachment, registry: Registry): Promise<LoggedLeaf> {
  const { name, manifest, bundle, kind = 'claim', env } = attachment;
  await registry.putClaim(name, manifest, bundle);
  const leaf: LogLeaf = {
    v: 1,
    kind,
    name,
    manifest,
    bundle: ociDigest(bundle),
    ...(env === undefined ? {} : { env }),
  };
  const [logged] = await registry.log.append([leaf]);
  return logged ?? { leaf, index: null };
}

/**
 * The leaf of a claim that came along with an artifact. It names what the claim itself is about, which for an ancestor's
 * claim is not the artifact it travels with. Every decision reads every revocation, so a revocation's leaf says where it
 * lies: with what it came along. Promotions that come along are history of another log: never `promotion`.
 */
export function leafOfClaim(bundle: Uint8Array, along: { readonly name: string; readonly id: string }): LogLeaf {
  const { predicateType, manifest } = aboutOf(bundle);
  const common = { v: 1, name: along.name, bundle: ociDigest(bundle) } as const;
  if (predicateType === PREDICATES.revocation) return { ...common, kind: 'revocation', manifest: along.id };
  return { ...common, kind: 'claim', manifest: manifest ?? along.id };
}

/** The version of the id that an artifact's own claims name, the newest of several; null where none names any. `ids`: by version. */
export function versionSaid(ids: readonly string[], bundles: readonly Uint8Array[]): ManifestVersion | null {
  const named = new Set(bundles.map((bundle) => aboutOf(bundle).manifest));
  return VERSIONS.findLast((_, at) => named.has(ids[at] ?? '')) ?? null;
}

/** What a claim says it is about, unverified, in whatever envelope. Nulls for what cannot be read: such lines travel. */
export function aboutOf(bundle: Uint8Array): {
  readonly predicateType: string | null;
  readonly manifest: string | null;
  readonly name: string | null;
} {
  try {
    const statement = parseStatement(looseEnvelope(bundle, LIMITS.signatureBytes)?.payloads[0].payload ?? NO_BYTES);
    return {
      predicateType: statement.predicateType,
      manifest: manifestOf(statement),
      name: statement.subject[0]?.name ?? null,
    };
  } catch {
    return { predicateType: null, manifest: null, name: null };
  }
}

const NO_BYTES = new Uint8Array();
