/** A bundle found beside or inside an artifact: unverified bytes. */
export interface FoundBundle {
  /** As it is shown to people: a name in the artifact's folder, or the path the user gave. */
  readonly shown: string;
  readonly location: string;
  /** None of a signature once it is judged: of a million files they are hundreds of megabytes. */
  bytes: Uint8Array;
}

export interface Sidecars {
  /** OMS signatures, most specific first. */
  readonly signatures: readonly FoundBundle[];
  /** One claim each, in the order of their files. */
  readonly claims: readonly FoundBundle[];
  /** Signatures over the bytes of a single file: `cosign sign-blob`, `sigstore sign`. Of a folder there are none. */
  readonly fileSignatures: readonly FoundBundle[];
  /** The digest list's bytes, or null. */
  readonly digestList: Uint8Array | null;
  /** The weights list's bytes, or null. */
  readonly weights: Uint8Array | null;
  /** The BOM's bytes, or null. */
  readonly bom: Uint8Array | null;
  /** The record roots' bytes, or null. */
  readonly records: Uint8Array | null;
}

export interface SidecarQuestion {
  /** Absolute. */
  readonly root: string;
  readonly kind: 'file' | 'directory';
  readonly signature?: string;
  readonly claims?: readonly string[];
}
