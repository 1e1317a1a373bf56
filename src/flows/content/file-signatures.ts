import { Buffer } from 'node:buffer';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import { isMessageBundle } from '../../domain/trust/verify-file.ts';
import type { FoundBundle, SidecarQuestion, Sidecars } from './found.ts';

/** What NVIDIA's catalogue calls the signature of a model: an OMS signature inside a folder, or one of a file beside it. */
export const NGC_SIGNATURE = 'result.sigstore';

interface Unsorted {
  readonly own: readonly FoundBundle[];
  readonly claims: readonly FoundBundle[];
  readonly beside: readonly FoundBundle[];
}

/**
 * What was found, by what it is; its name decides nothing. A bundle around a statement is the OMS signature or a claim; one over
 * a file's bytes is a signature of the file, and beside it a `.sig` that is no JSON is the same signature without its key.
 */
export function sortBundles(
  { kind, signature }: SidecarQuestion,
  { own, claims, beside }: Unsorted,
): Pick<Sidecars, 'signatures' | 'claims' | 'fileSignatures'> {
  if (kind === 'directory')
    return { signatures: own.filter((each) => !isNgc(each) || !isOverFile(each)), claims, fileSignatures: [] };
  const fileSignatures = [...own, ...claims, ...beside].filter(isOverFile);
  const isBare = (each: FoundBundle): boolean =>
    signature === undefined && fileSignatures.length > 0 && !startsObject(each.bytes);
  return {
    signatures: own.filter((each) => !isOverFile(each) && !isBare(each)),
    claims: [...claims, ...beside].filter((each) => !isOverFile(each)),
    fileSignatures,
  };
}

function isOverFile({ bytes }: FoundBundle): boolean {
  return isMessageBundle(bytes);
}

function isNgc({ shown }: FoundBundle): boolean {
  return shown === NGC_SIGNATURE;
}

function startsObject(bytes: Uint8Array): boolean {
  return /^\s*\{/.test(Buffer.from(bytes.subarray(0, 64)).toString('latin1'));
}

/** What `sigstore sign` writes, now and before 3.0, and cosign's `--bundle` by the names people give it. */
export async function besideFile(root: string, files: Files): Promise<readonly FoundBundle[]> {
  const folder = root.slice(0, root.lastIndexOf('/') + 1);
  const places = [`${root}.sigstore.json`, `${root}.sigstore`, `${root}.bundle`, `${folder}${NGC_SIGNATURE}`];
  const found = await Promise.all(places.map((location) => bundleAt(location, files)));
  return found.flatMap((each) => each ?? []);
}

/** Other tools use most of these names for things of their own, which are passed over. */
async function bundleAt(location: string, files: Files): Promise<FoundBundle | null> {
  const shown = location.slice(location.lastIndexOf('/') + 1);
  if ((await files.kindOf(location)) !== 'file') return null;
  const bytes = await readBounded(location, files);
  if (bytes === null) return null;
  if (shown === NGC_SIGNATURE && !isMessageBundle(bytes)) return null;
  return shown.endsWith('.sigstore.json') || isMessageBundle(bytes) || isAroundStatement(bytes)
    ? { location, shown, bytes }
    : null;
}

async function readBounded(location: string, files: Files): Promise<Uint8Array | null> {
  if (location.endsWith('.sigstore.json')) return files.readIfThere(location, LIMITS.signatureBytes);
  try {
    return await files.readIfThere(location, LIMITS.signatureBytes);
  } catch {
    return null;
  }
}

function isAroundStatement(bytes: Uint8Array): boolean {
  return (
    startsObject(bytes) && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('dev.sigstore.bundle')
  );
}
