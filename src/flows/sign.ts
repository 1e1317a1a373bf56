import { WeighmarkError } from '../domain/errors.ts';
import type { ClaimSigner, HashAlgorithm } from '../domain/ports.ts';
import { sidecarsOf } from '../domain/tree.ts';
import { omsRoot } from '../domain/digest/root.ts';
import { hashTree, type HashTreePorts } from './hash-tree.ts';
import { refusePointers } from './lfs.ts';
import { artifactPath, foreignSignature, omsPayload, signOms } from './oms-sign.ts';

export interface SignInput {
  /** Absolute path of a file or folder. */
  readonly root: string;
  /** Absolute path to write to; default: `model.sig` inside the folder, `<FILE>.sig` beside the file. */
  readonly signature?: string;
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly jobs?: number;
}

export interface SignPorts extends HashTreePorts {
  /** Made before hashing, so that a wrong password is found at once; a keyless token is fetched after. */
  readonly signer: ClaimSigner;
}

export interface SignOutcome {
  readonly signature: string;
  readonly files: number;
  readonly sizeBytes: number;
  /** OMS root digest, lower-case hex. */
  readonly root: string;
  readonly signer: string;
  readonly leftOut: readonly string[];
}

const ALGORITHMS: readonly HashAlgorithm[] = ['sha256'];

/**
 * The OMS signature alone: hash, sign, write.
 * @throws WeighmarkError `empty-artifact`, `lfs-pointer`, `already-exists` for another signer's file, and what walking and hashing throw.
 */
export async function sign(input: SignInput, ports: SignPorts): Promise<SignOutcome> {
  const kind = await ports.files.kindOf(input.root);
  if (kind === 'none') throw new WeighmarkError('not-found', `${input.root}: there is no such file or folder`, { subject: input.root });
  const ignore = [...(input.ignore ?? []).map(artifactPath), ...inside(input)];
  const tree = await ports.files.walk(input.root, { allowSymlinks: input.allowSymlinks === true, ignore });
  await refusePointers(tree, ports.files);
  const location = input.signature ?? sidecarsOf(tree).signature;
  const hashed = await hashTree(tree.entries, { label: 'hashing', algorithms: ALGORITHMS, followLinks: tree.followedLinks, ...(input.jobs === undefined ? {} : { jobs: input.jobs }) }, ports);
  const files = hashed.map(({ entry, digests }) => ({ path: entry.path, sha256: digests.sha256 ?? '' }));
  const { bundle, foreign } = await signOms(omsPayload({ tree, files, ignore }), location, ports);
  if (foreign) throw foreignSignature(location);
  await ports.files.write(location, bundle);
  const sizeBytes = tree.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  return { signature: location, files: files.length, sizeBytes, root: omsRoot(files.map(({ sha256 }) => sha256)), signer: ports.signer.description, leftOut: [...ignore, ...tree.leftOut] };
}

/** A signature written into the folder is no part of it. */
function inside({ root, signature }: SignInput): readonly string[] {
  return signature?.startsWith(`${root}/`) === true ? [signature.slice(root.length + 1)] : [];
}
