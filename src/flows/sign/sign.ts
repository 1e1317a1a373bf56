import { dirname } from 'node:path';
import type { OmsResource } from '../../domain/claims/oms.ts';
import type { ByteRange } from '../../domain/digest/proven.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { hashRanges, hashTree, type HashTreePorts } from '../content/hash-tree.ts';
import { refusePointers } from '../content/lfs.ts';
import { checkPolicy } from '../content/policy-check.ts';
import { artifactPath, baseName, foreignSignature, omsPayload, signOms } from './oms-sign.ts';
import { requireWritable } from './place.ts';
import { requireReadable } from './within-limits.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface SignInput {
  /** Absolute path of a file or folder. */
  readonly root: string;
  /** Absolute path to write to; default: `model.sig` inside the folder, `<FILE>.sig` beside the file. */
  readonly signature?: string;
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly jobs?: number;
  /** Default: SHA-256, which every verifier reads. */
  readonly algorithm?: HashAlgorithm;
  /** Sign ranges of this many bytes instead of whole files; empty files are then not covered. */
  readonly shardBytes?: number;
}

export interface SignPorts extends HashTreePorts {
  /** Made before hashing, so that a wrong password is found at once; a keyless token is fetched after. */
  readonly signer: ClaimSigner;
}

export interface SignOutcome {
  readonly signature: string;
  /** Covered by the signature. */
  readonly files: number;
  readonly sizeBytes: number;
  /** OMS root digest, lower-case hex. */
  readonly root: string;
  readonly signer: string;
  readonly leftOut: readonly string[];
}

/**
 * The OMS signature alone: hash, sign, write.
 * @throws WeighmarkError `empty-artifact`, `lfs-pointer`, `already-exists` for another signer's file, and what walking and hashing throw.
 */
export async function sign(input: SignInput, ports: SignPorts): Promise<SignOutcome> {
  const kind = await ports.files.kindOf(input.root);
  if (kind === 'none')
    throw new WeighmarkError('not-found', `${input.root}: there is no such file or folder`, { subject: input.root });
  const ignore = [...(input.ignore ?? []).map(artifactPath), ...inside(input)];
  const tree = await ports.files.walk(input.root, { allowSymlinks: input.allowSymlinks === true, ignore });
  requireReadable({
    paths: resourcePaths(tree, input),
    digestLength: input.algorithm === 'blake2b' ? 128 : 64,
    room: ports.files.room?.(),
  });
  await refusePointers(tree, ports.files);
  await refuseBrokenPolicy(tree, ports.files);
  const location = input.signature ?? sidecarsOf(tree).signature;
  await requireWritable(dirname(location), SIGN_ELSEWHERE, ports.files);
  const resources = await (input.shardBytes === undefined ? wholeFiles : shards)(tree, input, ports);
  const { algorithm, shardBytes } = input;
  const how = {
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(shardBytes === undefined ? {} : { shardBytes }),
  };
  const { payload, root } = omsPayload({ tree, resources, ignore, ...how });
  const { bundle, foreign } = await signOms(payload, location, ports);
  if (foreign) throw foreignSignature(location);
  await ports.files.write(location, bundle);
  const { covered = [], empty = [] } = Object.groupBy(tree.entries, ({ sizeBytes }) =>
    shardBytes !== undefined && sizeBytes === 0 ? 'empty' : 'covered',
  );
  return {
    signature: location,
    files: covered.length,
    sizeBytes: covered.reduce((sum, entry) => sum + entry.sizeBytes, 0),
    root,
    signer: ports.signer.description,
    leftOut: [...ignore, ...tree.leftOut, ...empty.map(({ path }) => path)],
  };
}

/** A policy that no decision would read is not signed: its signers would be asked again for the one that is mended. */
async function refuseBrokenPolicy({ kind, root, entries: [only] }: Tree, files: Files): Promise<void> {
  if (kind !== 'file' || only === undefined || !/\.(?:ya?ml|json)$/i.test(root)) return;
  if (only.sizeBytes <= LIMITS.documentBytes)
    await checkPolicy(await files.read(root, LIMITS.documentBytes), baseName(root));
}

const SIGN_ELSEWHERE = 'write it elsewhere: `--signature FILE`, and verify with `--signature FILE` as well';

function* resourcePaths({ entries }: Tree, { shardBytes }: SignInput): Generator<string> {
  for (const { path, sizeBytes } of entries) {
    if (shardBytes === undefined) yield path;
    else for (const { start, end } of rangesOf(sizeBytes, shardBytes)) yield `${path}:${start}:${end}`;
  }
}

async function wholeFiles(
  tree: Tree,
  { algorithm = 'sha256', jobs }: SignInput,
  ports: SignPorts,
): Promise<readonly OmsResource[]> {
  const hashed = await hashTree(
    tree.entries,
    {
      label: 'hashing',
      algorithms: [algorithm],
      followLinks: tree.followedLinks,
      ...(jobs === undefined ? {} : { jobs }),
    },
    ports,
  );
  return hashed.map(({ entry, digests }) => ({ path: entry.path, digest: digests[algorithm] ?? '' }));
}

async function shards(
  tree: Tree,
  { algorithm = 'sha256', shardBytes = Infinity }: SignInput,
  ports: SignPorts,
): Promise<readonly OmsResource[]> {
  const resources: OmsResource[] = [];
  for (const entry of tree.entries) {
    const ranges = rangesOf(entry.sizeBytes, shardBytes);
    const digests = await hashRanges(entry, algorithm, { ranges, followLink: tree.followedLinks }, ports);
    pushAll(
      resources,
      ranges.map((range, index) => ({ path: entry.path, range, digest: digests[index] ?? '' })),
    );
  }
  return resources;
}

/** @throws WeighmarkError `limit-exceeded` for more ranges than a verifier reads. */
function rangesOf(sizeBytes: number, shardBytes: number): readonly ByteRange[] {
  const count = Math.ceil(sizeBytes / shardBytes);
  if (count > LIMITS.filesPerTree)
    throw new WeighmarkError('limit-exceeded', `shards of ${shardBytes} bytes are too many`, {
      hint: 'take larger ones: `--shard-size 1000000000` is usual',
    });
  return Array.from({ length: count }, (_, index) => ({
    start: index * shardBytes,
    end: Math.min((index + 1) * shardBytes, sizeBytes),
  }));
}

/** A signature written into the folder is no part of it. */
function inside({ root, signature }: SignInput): readonly string[] {
  return signature?.startsWith(`${root}/`) === true ? [signature.slice(root.length + 1)] : [];
}
