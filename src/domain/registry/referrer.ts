import { ociDigest } from '../digest/hex.ts';
import { MANIFEST_TYPE } from '../digest/manifest.ts';
import { BUNDLE_MEDIA_TYPE, PREDICATES } from '../claims/predicates.ts';
import { isJsonObject, parseStrictJson, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';

/** A blob by its digest, `sha256:<hex>`. */
export interface BlobRef {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** An attachment that keeps further blobs, put before it: they stay as long as it does. */
export interface Keeping {
  readonly bytes: Uint8Array;
  readonly keeps: readonly BlobRef[];
}

/** OCI content descriptor. https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One small manifest that refers to an artifact, with the bytes it brings. */
export interface Referrer {
  readonly descriptor: Descriptor;
  readonly manifest: Uint8Array;
  readonly layer: { readonly digest: string; readonly bytes: Uint8Array };
}

export const EMPTY_CONFIG = Buffer.from('{}');
export const EMPTY_CONFIG_TYPE = 'application/vnd.oci.empty.v1+json';
const BYTES_TYPE = 'application/octet-stream';

/** Attachments of ours that are no claims. */
export const ATTACHMENTS = {
  digestList: 'application/vnd.weighmark.files.v1',
  bom: 'application/vnd.cyclonedx+json',
  proof: 'application/vnd.c2sp.tlog-proof.v1',
  policy: 'application/vnd.weighmark.policy.v1',
  outboards: 'application/vnd.weighmark.outboards.v1',
  weights: 'application/vnd.weighmark.weights.v1',
} as const;

/** A claim bundle in cosign's layout, so that cosign finds it; no date: the same claim is the same referrer. */
export function claimReferrer(subject: Descriptor, bundle: Uint8Array): Referrer {
  const annotations = {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': predicateTypeOf(bundle) ?? '',
  };
  return referrerOf(subject, { artifactType: BUNDLE_MEDIA_TYPE, bytes: bundle, annotations });
}

/** Blobs it keeps stand as layers after its own. */
export function attachmentReferrer(subject: Descriptor, artifactType: string, content: Uint8Array | Keeping): Referrer {
  return referrerOf(subject, { artifactType, ...(content instanceof Uint8Array ? { bytes: content } : content) });
}

function referrerOf(
  subject: Descriptor,
  content: {
    artifactType: string;
    bytes: Uint8Array;
    annotations?: Record<string, string>;
    keeps?: readonly BlobRef[];
  },
): Referrer {
  const { artifactType, bytes, annotations, keeps = [] } = content;
  const digest = ociDigest(bytes);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType,
      config: { mediaType: EMPTY_CONFIG_TYPE, digest: ociDigest(EMPTY_CONFIG), size: EMPTY_CONFIG.length },
      layers: [
        { mediaType: artifactType, digest, size: bytes.length },
        ...keeps.map((blob) => ({ mediaType: BYTES_TYPE, digest: blob.digest, size: blob.sizeBytes })),
      ],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
      ...(annotations === undefined ? {} : { annotations }),
    }),
  );
  const descriptor = {
    mediaType: MANIFEST_TYPE,
    digest: ociDigest(manifest),
    size: manifest.length,
    artifactType,
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { descriptor, manifest, layer: { digest, bytes } };
}

/** For registries that refuse `subject`: the same referrer, which then only its tags tie to what it refers to. */
export function withoutSubject(referrer: Referrer): Referrer {
  const { subject: _, ...rest } = JSON.parse(Buffer.from(referrer.manifest).toString()) as Record<string, unknown>;
  const manifest = Buffer.from(JSON.stringify(rest));
  return {
    ...referrer,
    manifest,
    descriptor: { ...referrer.descriptor, digest: ociDigest(manifest), size: manifest.length },
  };
}

/** What the bundle says it claims, unverified; null if it cannot be read. */
export function predicateTypeOf(bundle: Uint8Array): string | null {
  const statement = statementOf(bundle);
  return typeof statement?.['predicateType'] === 'string' ? statement['predicateType'] : null;
}

/** The statement inside a bundle, unverified: for finding things, never for deciding. Null if it cannot be read. */
export function statementOf(bundle: Uint8Array): { readonly [key: string]: Json } | null {
  try {
    const { dsseEnvelope } = parseStrictJsonObject(bundle, {
      maxBytes: LIMITS.signatureBytes,
      refuseCaseDuplicates: false,
    });
    const payload = isJsonObject(dsseEnvelope) ? dsseEnvelope['payload'] : undefined;
    if (typeof payload !== 'string') return null;
    const statement = parseStrictJson(Buffer.from(payload, 'base64'), { refuseCaseDuplicates: false });
    return isJsonObject(statement) ? statement : null;
  } catch {
    return null;
  }
}

export function isOmsSignature(bundle: Uint8Array): boolean {
  return predicateTypeOf(bundle) === PREDICATES.integrity;
}

/** Where the referrers of a manifest are listed in a registry without the referrers API, and in image layouts. */
export function fallbackTag(digest: string): string {
  return digest.replace(':', '-');
}

/** The descriptors of an index's manifests; anything malformed among them is left out. */
export function descriptorsOf(index: Uint8Array): readonly Descriptor[] {
  const { manifests } = parseStrictJsonObject(index, { maxBytes: LIMITS.manifestBytes, subject: 'an index' });
  return Array.isArray(manifests) ? manifests.flatMap((entry: Json) => readDescriptor(entry) ?? []) : [];
}

export function readDescriptor(entry: Json | undefined): Descriptor | null {
  if (!isJsonObject(entry)) return null;
  const { mediaType, digest, size, artifactType, annotations } = entry;
  if (
    typeof mediaType !== 'string' ||
    typeof digest !== 'string' ||
    typeof size !== 'number' ||
    !/^sha256:[0-9a-f]{64}$/.test(digest)
  )
    return null;
  const strings = isJsonObject(annotations)
    ? Object.entries(annotations).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
    : [];
  return {
    mediaType,
    digest,
    size,
    ...(typeof artifactType === 'string' ? { artifactType } : {}),
    ...(strings.length > 0 ? { annotations: Object.fromEntries(strings) } : {}),
  };
}
