import { splitInput, type StepInput } from '../../domain/claims/provenance.ts';
import { idsOf, VERSIONS, type ManifestFile } from '../../domain/digest/manifest.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { parseReference, placeOf, type Reference } from '../../domain/registry/reference.ts';
import { findSidecars } from '../content/sidecars.ts';
import { versionSaid } from './attach.ts';
import { hashTree, type HashTreePorts } from '../content/hash-tree.ts';

export interface ResolvePorts extends HashTreePorts {
  /** Absolute form of a path the user typed. */
  readonly locate: (path: string) => string;
  readonly registry: (location?: string) => Promise<Registry>;
}

/** `git+https://host/owner/repo@<commit>`: code is named by its commit. */
const GIT = /^(git\+(?:https|ssh):\/\/[^\s@]+(?:@[^\s@]+)?)@([0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * `ROLE=REF` texts with every REF turned into the id of what it names now.
 * @throws WeighmarkError `usage`, `not-found`, and what hashing throws.
 */
export async function resolveInputs(texts: readonly string[], ports: ResolvePorts): Promise<readonly StepInput[]> {
  const inputs: StepInput[] = [];
  for (const text of texts) {
    const { role, ref } = splitInput(text);
    const [, uri, gitCommit] = GIT.exec(ref) ?? [];
    if (uri !== undefined && gitCommit !== undefined) inputs.push({ role, name: ref, id: null, uri, gitCommit });
    else inputs.push({ role, name: ref, id: await idOf(ref, ports) });
  }
  return inputs;
}

/** The id of an artifact by any REF. @throws WeighmarkError `not-found`, `name-invalid`. */
export async function idOf(ref: string, ports: ResolvePorts): Promise<string> {
  const reference: Reference = parseReference(ref);
  if (reference.kind === 'digest') return reference.digest;
  if (reference.kind === 'path') return identifyPath(reference.path, ports);
  if ('digest' in reference) return reference.digest;
  const place = placeOf(reference);
  return (await ports.registry(place.location)).resolve(place.name, place.reference);
}

async function identifyPath(path: string, ports: ResolvePorts): Promise<string> {
  const { id } = await identifyTree(ports.locate(path), path, ports);
  return id;
}

/** Hashes a file or folder and names it, by the id that its own claims name, else that of version 1. @throws WeighmarkError `not-found`. */
export async function identifyTree(
  root: string,
  shown: string,
  ports: HashTreePorts,
): Promise<{ id: string; root: string; files: readonly ManifestFile[] }> {
  const kind = await ports.files.kindOf(root);
  if (kind === 'none')
    throw new WeighmarkError('not-found', `${shown}: there is no such file or folder`, { subject: shown });
  const tree = await ports.files.walk(root);
  const hashed = await hashTree(tree.entries, { label: `hashing ${shown}`, algorithms: ['sha256'] }, ports);
  const files = hashed.map(({ entry, digests }) => ({
    path: entry.path,
    sizeBytes: entry.sizeBytes,
    sha256: digests.sha256 ?? '',
  }));
  const { signatures, claims } = await findSidecars(
    { root, kind: kind === 'file' ? 'file' : 'directory' },
    ports.files,
  );
  const ids = idsOf(files);
  const version = versionSaid(
    ids,
    [...signatures, ...claims].map(({ bytes }) => bytes),
  );
  return { id: ids[VERSIONS.indexOf(version ?? 1)] ?? '', root: omsRoot(files.map(({ sha256 }) => sha256)), files };
}
