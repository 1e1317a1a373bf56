import { parseBundle } from '../../domain/claims/bundle.ts';
import { buildOms, type OmsInput } from '../../domain/claims/oms.ts';
import { namesSameSigner } from '../../domain/claims/same-key.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { SIDECARS } from '../../domain/base/paths.ts';

export interface OmsContent extends Pick<OmsInput, 'resources' | 'algorithm' | 'shardBytes'> {
  readonly tree: Tree;
  /** Artifact paths the user leaves out, and signature files inside. */
  readonly ignore: readonly string[];
}

/** The payload of an OMS signature over a tree: every sidecar is listed as ignored, there or not (DESIGN 4.1). */
export function omsPayload({ tree, ignore, ...content }: OmsContent): {
  readonly payload: Uint8Array;
  readonly root: string;
} {
  return buildOms({
    name: baseName(tree.root),
    ...content,
    single: tree.kind === 'file',
    allowSymlinks: tree.followedLinks,
    ignorePaths: [...new Set([...SIDECARS, ...ignore, ...tree.leftOut])],
  });
}

/**
 * Signs, and tells whether what lies at `location` is another signer's, which is never overwritten.
 * @throws what the signer throws.
 */
export async function signOms(
  payload: Uint8Array,
  location: string,
  ports: { files: Files; signer: ClaimSigner },
): Promise<{ bundle: Uint8Array; foreign: boolean }> {
  const existing = await ports.files.readIfThere(location, LIMITS.signatureBytes);
  const bundle = await ports.signer.sign(payload);
  return { bundle, foreign: existing !== null && !isOwn(existing, bundle) };
}

function isOwn(existing: Uint8Array, own: Uint8Array): boolean {
  try {
    return namesSameSigner(parseBundle(existing, LIMITS.signatureBytes), parseBundle(own, LIMITS.signatureBytes));
  } catch {
    return false;
  }
}

export function foreignSignature(location: string): WeighmarkError {
  return new WeighmarkError('already-exists', `${location} is another signer's, and is not overwritten`, {
    subject: location,
    hint: 'keep both: write yours elsewhere with `--signature NAME.oms.sig`; or remove theirs first',
  });
}

/** As artifacts spell paths: no leading `../`, no trailing slash. @throws WeighmarkError `usage` for one that leaves the artifact. */
export function artifactPath(path: string): string {
  const clean = path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  if (
    clean !== '' &&
    !clean.startsWith('/') &&
    !clean.split('/').some((part) => part === '..' || part === '.' || part === '')
  )
    return clean;
  throw new WeighmarkError('usage', `--ignore takes a path inside the artifact, not ${path}`, { subject: path });
}

export function baseName(location: string): string {
  return location.slice(location.replace(/\/+$/, '').lastIndexOf('/') + 1);
}
