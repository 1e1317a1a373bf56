import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { readBom } from '../../domain/bom/read.ts';
import { summarize } from '../../domain/bom/summary.ts';
import { declaredBases, type GoesBy } from '../../domain/derive/declared.ts';
import { locationFacts } from '../../domain/metadata/location.ts';
import type { Files } from '../../domain/ports/files.ts';
import { pick, type BaseModel, type Fact } from '../../domain/metadata/types.ts';
import { baseName, examineArtifact, filesOf } from '../bom/create.ts';
import { openDescribed, type Opened, type SideInput } from './side.ts';

/** A model as it was named, with what is known of it beside its files. */
export interface KinInput extends SideInput {
  /** Its folder's or file's name, a registry's name for it. */
  readonly names: readonly string[];
  /** Those of a registry or a hub. */
  readonly official?: readonly string[];
  /** Its id. */
  readonly digests?: readonly string[];
  /** Facts of the place it stands in. */
  readonly located?: readonly Fact[];
  /** The ML-BOM beside it. */
  readonly bom?: Uint8Array;
}

export interface KinSide {
  readonly shown: string;
  readonly opened: Opened;
  readonly declared: readonly BaseModel[];
  readonly goesBy: GoesBy;
}

/** A model at a path, with the ML-BOM beside it. */
export async function kinOnDisk(root: string, shown: string, files: Files): Promise<KinInput> {
  const tree = await files.walk(root, { allowSymlinks: true });
  const bom = await files.readIfThere(sidecarsOf(tree).bom, LIMITS.bomBytes);
  return {
    shown,
    files: filesOf(tree, new Map(), { files }),
    names: [baseName(tree.root)],
    located: locationFacts(tree.root),
    ...(bom === null ? {} : { bom }),
  };
}

/** Opens a model with what it says of itself. @throws WeighmarkError as `openSide`. */
export async function openKin(input: KinInput, signal?: AbortSignal): Promise<KinSide> {
  const examined = await examineArtifact(input.files, {
    countRows: false,
    readWhole: false,
    ...(input.located === undefined ? {} : { located: input.located }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { facts, files } = examined;
  const said = input.bom === undefined ? [] : ancestorsIn(input.bom, input.shown);
  const hubs = pick(facts, 'ownId').map(({ value }) => value);
  const own = pick(facts, 'name').map(({ value }) => value);
  return {
    shown: input.shown,
    opened: await openDescribed(input, files),
    declared: [...declaredBases(facts), ...said],
    goesBy: {
      names: [...input.names, ...own, ...hubs],
      official: [...(input.official ?? []), ...hubs],
      digests: [...(input.digests ?? []), ...files.flatMap(({ digests }) => Object.values(digests))],
    },
  };
}

/** A BOM that nobody could read says nothing; `bom validate` tells why. */
function ancestorsIn(bytes: Uint8Array, shown: string): readonly BaseModel[] {
  try {
    return summarize(readBom(bytes, shown)).baseModels.map(({ name, version, id, digests }) => ({
      name,
      digests,
      ...(version === undefined ? {} : { version }),
      ...(id === undefined ? {} : { id }),
    }));
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}
