import { splitClaims } from '../../domain/claims/claims-file.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isObjectLocation } from '../../domain/base/object-place.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import { ROOTS_BYTES } from '../../domain/records/roots.ts';
import { OMS_SIGNATURE, sidecarsOf } from '../../domain/base/paths.ts';
import { FoundList, type FoundBundle, type SidecarQuestion, type Sidecars } from './found.ts';
import { requireRoomToRead } from './room.ts';
import { besideFile, NGC_SIGNATURE, sortBundles } from './file-signatures.ts';

/** Where people looked for signatures, for the message that there is none. */
export const LOOKED_FOR = 'model.sig, *.oms.sig, claims.jsonl';
export const LOOKED_FOR_FILE = '*.sig, *.oms.sig, *.claims.jsonl, *.sigstore.json, *.sigstore, *.bundle';

/**
 * Finds what is there to verify (DESIGN 4.1): what the user names, else the well-known places.
 * @throws WeighmarkError `not-found` for a file the user named, `claims-limit`, `unreadable`.
 */
export async function findSidecars(question: SidecarQuestion, files: Files): Promise<Sidecars> {
  const places = sidecarsOf(question);
  const insideNames = question.kind === 'directory' ? await signatureNames(question.root, files) : [];
  const own =
    question.signature === undefined
      ? await found(signaturePlaces(question, insideNames), files)
      : [await named(question.signature, LIMITS.signatureBytes, files)];
  const { signatures, claims, fileSignatures } = sortBundles(question, {
    own,
    claims: await claimsOf(question, places.claims, files),
    beside: question.kind === 'file' ? await besideFile(question.root, files) : [],
  });
  const list = await files.readIfThere(places.digestList, LIMITS.digestListBytes);
  const digestList = list === null ? null : new FoundList(list);
  const weights = await files.readIfThere(places.weights, LIMITS.digestListBytes);
  const bom = await files.readIfThere(places.bom, LIMITS.bomBytes);
  const records = await files.readIfThere(places.records, ROOTS_BYTES);
  return { signatures, claims, fileSignatures, digestList, weights, bom, records };
}

async function signatureNames(root: string, files: Files): Promise<readonly string[]> {
  const names = await files.names(root);
  return names
    .filter((name) => name === OMS_SIGNATURE || name.endsWith('.oms.sig') || name === NGC_SIGNATURE)
    .toSorted((a) => (a === OMS_SIGNATURE ? -1 : 0));
}

function signaturePlaces({ root, kind }: SidecarQuestion, insideNames: readonly string[]): readonly string[] {
  return kind === 'directory'
    ? [...insideNames.map((name) => `${root}/${name}`), ...beside(root, '.oms.sig')]
    : [`${root}.sig`, `${root}.oms.sig`];
}

async function found(locations: readonly string[], files: Files): Promise<readonly FoundBundle[]> {
  const read = await Promise.all(
    locations.map(async (location) => ({ location, bytes: await signatureAt(location, files) })),
  );
  return read.flatMap(({ location, bytes }) =>
    bytes === null ? [] : [{ location, bytes, shown: baseName(location) }],
  );
}

/** The size of a large one is asked for first: it says how many files there are, and memory for fewer would end in the middle. */
async function signatureAt(location: string, files: Files): Promise<Uint8Array | null> {
  const room = files.room?.();
  if (room !== undefined && (await files.kindOf(location)) === 'file') {
    const file = await files.open(location);
    await file.close();
    requireRoomToRead(file.size, room);
  }
  return files.readIfThere(location, LIMITS.signatureBytes);
}

async function named(location: string, maxBytes: number, files: Files): Promise<FoundBundle> {
  return { location, shown: baseName(location), bytes: await files.read(location, maxBytes) };
}

async function claimsOf(question: SidecarQuestion, own: string, files: Files): Promise<readonly FoundBundle[]> {
  const wellKnown = await Promise.all(
    [own, ...(question.kind === 'directory' ? beside(question.root, '.claims.jsonl') : [])].map(async (location) => ({
      location,
      bytes: await files.readIfThere(location, LIMITS.claimsFileBytes),
    })),
  );
  const given = await Promise.all(
    (question.claims ?? []).map((location) => named(location, LIMITS.claimsFileBytes, files)),
  );
  const all = [...wellKnown, ...given].flatMap(({ location, bytes }) =>
    bytes === null ? [] : splitClaims(bytes).map((line) => ({ location, bytes: line })),
  );
  if (all.length > LIMITS.claimsPerFile)
    throw new WeighmarkError('claims-limit', `more than ${LIMITS.claimsPerFile} claims`);
  return all.map((claim, index) => ({ ...claim, shown: `${baseName(claim.location)}, claim ${index + 1}` }));
}

/** Beside a prefix of an object store nothing is looked for: who may read the prefix need not be allowed more. */
function beside(root: string, ending: string): readonly string[] {
  return isObjectLocation(root) ? [] : [`${root}${ending}`];
}

function baseName(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1);
}
