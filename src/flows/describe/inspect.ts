import type { ArtifactKind } from '../../domain/bom/build.ts';
import {
  pick,
  sourceName,
  type BomFile,
  type Conflict,
  type Fact,
  type FieldName,
  type MetadataProblem,
} from '../../domain/metadata/types.ts';
import { licenceOf } from '../../domain/metadata/licence.ts';
import { modelWeights } from '../../domain/metadata/model-weights.ts';
import { weightSets, type WeightSet } from '../../domain/metadata/weights.ts';
import { locationFacts } from '../../domain/metadata/location.ts';
import type { Files } from '../../domain/ports/files.ts';
import { weighArtifact, weightsFilesOf, type WeighedSet, type WeighPorts, type WeightsFile } from './weights.ts';
import { baseName, examineArtifact, filesOf, type ArtifactFile, type Examined } from '../bom/create.ts';

/** Something the artifact's own files say, with who says it. Nobody vouches for it. */
export interface Claimed {
  readonly field: string;
  readonly value: string;
  readonly source: string;
}

export interface InspectOutcome {
  readonly name: string;
  readonly kind: ArtifactKind;
  /** `sha256:<hex>`, where the artifact was named by it. */
  readonly id?: string;
  readonly files: readonly BomFile[];
  readonly sizeBytes: number;
  readonly weights: readonly WeightSet[];
  /** The weights whose counts are the model's own; null where sets differ or none counts. */
  readonly model: WeightSet | null;
  readonly claimed: readonly Claimed[];
  readonly conflicts: readonly Conflict[];
  readonly problems: readonly MetadataProblem[];
  /** Files that are Git LFS pointers: their content is not here. */
  readonly lfsPointers: readonly string[];
  /** Files that run, or may run, when the artifact is loaded or called. */
  readonly code: readonly { readonly path: string; readonly role: string }[];
  /** Templates and prompts inside files: they act on their own. */
  readonly parts: readonly {
    readonly kind: string;
    readonly name: string;
    readonly sha256?: string;
    readonly source: string;
  }[];
  readonly sidecars: readonly string[];
  /** What the weights are, where that was asked for: then they were read whole. */
  readonly weighed?: readonly WeighedSet[];
}

export interface InspectOptions {
  readonly allowSymlinks?: boolean;
  /** Read the weights whole, and say what they are. */
  readonly weigh?: WeighPorts;
  readonly signal?: AbortSignal;
}

/** `inspect PATH`: headers and metadata only, unless weights are to be weighed; nothing is verified. */
export async function inspectPath(
  path: string,
  ports: { files: Files },
  options: InspectOptions,
): Promise<InspectOutcome> {
  const tree = await ports.files.walk(path, { allowSymlinks: options.allowSymlinks ?? false });
  const examined = await examineArtifact(filesOf(tree, new Map(), ports), {
    located: locationFacts(tree.root),
    countRows: false,
    readWhole: false,
    ...signalOf(options),
  });
  const outcome = outcomeOf(examined, { fallbackName: baseName(tree.root), sidecars: tree.sidecars });
  return weigh(outcome, weightsFilesOf(tree, ports), options);
}

/** `inspect REF` of a registry: the same, over its blobs. */
export async function inspectFiles(
  artifact: readonly ArtifactFile[],
  about: { name: string; id: string },
  options: InspectOptions,
): Promise<InspectOutcome> {
  const examined = await examineArtifact(artifact, { countRows: false, readWhole: false, ...signalOf(options) });
  const outcome = outcomeOf(examined, { fallbackName: about.name, sidecars: [] });
  return weigh({ ...outcome, name: about.name, id: about.id }, artifact, options);
}

async function weigh(
  outcome: InspectOutcome,
  files: readonly WeightsFile[],
  { weigh: ports }: InspectOptions,
): Promise<InspectOutcome> {
  return ports === undefined ? outcome : { ...outcome, weighed: await weighArtifact(files, outcome.files, ports) };
}

function signalOf({ signal }: InspectOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function outcomeOf(examined: Examined, about: { fallbackName: string; sidecars: readonly string[] }): InspectOutcome {
  const { files, facts, kind, conflicts, problems } = examined;
  const weights = weightSets(files);
  return {
    name: pick(facts, 'name')[0]?.value ?? about.fallbackName,
    kind,
    files,
    weights,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    model: modelWeights(weights),
    claimed: claimedOf(facts),
    conflicts,
    problems,
    lfsPointers: files.filter(({ report }) => report?.format === 'lfs-pointer').map(({ path }) => path),
    code: pick(facts, 'role')
      .filter(({ value }) => CODE.has(value.role))
      .map(({ value }) => ({ path: value.path, role: value.role })),
    parts: pick(facts, 'part').map(({ value, source }) => ({
      kind: value.kind,
      name: value.name,
      source: sourceName(source),
      ...(value.digests.sha256 === undefined ? {} : { sha256: value.digests.sha256 }),
    })),
    sidecars: about.sidecars,
  };
}

const CODE: ReadonlySet<string> = new Set([
  'remote-code',
  'custom-code',
  'native-code',
  'chat-template',
  'system-prompt',
]);

/** In this order, each value once. */
const SHOWN: readonly FieldName[] = [
  'version',
  'supplier',
  'licence',
  'baseModel',
  'ownId',
  'task',
  'architecture',
  'family',
  'library',
  'quantization',
  'language',
  'dataset',
  'purl',
  'releaseDate',
  'emissions',
  'metric',
  'fetch',
  'detail',
];

const LABELS: Partial<Record<FieldName, string>> = {
  baseModel: 'base model',
  ownId: 'called',
  fetch: 'fetched when loaded',
};
/** Of a base model that is only where something is loaded from. */
const LOADED_FROM = 'loaded from';

/** The words for fields; whatever else a claim is called is a detail's own name. */
export const CLAIM_LABELS: ReadonlySet<string> = new Set([
  ...SHOWN.filter((field) => field !== 'detail').map((field) => LABELS[field] ?? field),
  LOADED_FROM,
]);

function claimedOf(facts: readonly Fact[]): readonly Claimed[] {
  const seen = new Set<string>();
  return SHOWN.flatMap((field) => facts.filter((fact) => fact.field === field)).flatMap((fact) => {
    const [name, value] = textOf(fact);
    if (value === null || seen.has(`${name} ${value}`)) return [];
    seen.add(`${name} ${value}`);
    return [{ field: name, value, source: sourceName(fact.source) }];
  });
}

function textOf(fact: Fact): readonly [string, string | null] {
  if (fact.field === 'detail') return [fact.value.name, fact.value.value];
  const hinted = fact.field === 'baseModel' && fact.value.hinted === true;
  return [hinted ? LOADED_FROM : (LABELS[fact.field] ?? fact.field), valueOf(fact)];
}

function valueOf(fact: Fact): string | null {
  if (fact.field === 'licence') return licenceOf(fact.value.text)?.text ?? null;
  if (fact.field === 'baseModel')
    return fact.value.relation === undefined ? fact.value.name : `${fact.value.name} (${fact.value.relation})`;
  if (fact.field === 'dataset') return fact.value.name;
  if (fact.field === 'fetch') return fact.value.target;
  if (fact.field === 'metric')
    return `${fact.value.type} ${fact.value.value}${fact.value.slice === undefined ? '' : ` on ${fact.value.slice}`}`;
  if (fact.field === 'emissions') return fact.value.co2Grams === undefined ? null : `${fact.value.co2Grams} g CO2eq`;
  return typeof fact.value === 'string' ? fact.value : null;
}
