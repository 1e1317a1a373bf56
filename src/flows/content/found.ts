import { WeighmarkError } from '../../domain/base/errors.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';

/** A bundle found beside or inside an artifact: unverified bytes. */
export interface FoundBundle {
  /** As it is shown to people: a name in the artifact's folder, or the path the user gave. */
  readonly shown: string;
  readonly location: string;
  /** None of a signature once it is judged: of a million files they are hundreds of megabytes. */
  bytes: Uint8Array;
}

/** A digest list beside an artifact. Once it is read its bytes are let go: of a million files they are hundreds of megabytes. */
export class FoundList {
  #bytes: Uint8Array | null;
  #sha256: string | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Of the bytes that were found, lower-case hex. */
  get sha256(): string {
    return (this.#sha256 ??= sha256Hex(this.bytes));
  }

  /** @throws WeighmarkError `internal` once they were let go. */
  get bytes(): Uint8Array {
    if (this.#bytes === null) throw new WeighmarkError('internal', 'the digest list was let go');
    return this.#bytes;
  }

  letGo(): void {
    void this.sha256;
    this.#bytes = null;
  }
}

export interface Sidecars {
  /** OMS signatures, most specific first. */
  readonly signatures: readonly FoundBundle[];
  /** One claim each, in the order of their files. */
  readonly claims: readonly FoundBundle[];
  /** Signatures over the bytes of a single file: `cosign sign-blob`, `sigstore sign`. Of a folder there are none. */
  readonly fileSignatures: readonly FoundBundle[];
  readonly digestList: FoundList | null;
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
