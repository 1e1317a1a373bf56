import type { Digests } from '../digest/algorithm.ts';
import type { FormatReport } from '../formats/types.ts';

/** Who or what says a fact. One of `file` and `statedBy`. */
export interface FactSource {
  /** Path inside the artifact. */
  readonly file?: string;
  /** Where in the file: a JSON pointer, `header:general.name`, `line 3`. */
  readonly pointer?: string;
  /** A person or process that stated it, as they call themselves. */
  readonly statedBy?: string;
}

/** What the values of facts look like; every reader in this folder yields these and nothing else. */
export interface FactValues {
  /** What the publisher calls the artifact. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** `org/name` that the card's own examples load: the artifact's hub id, as far as one can tell. */
  readonly ownId: string;
  /** An organization or person that publishes or trained it. */
  readonly supplier: string;
  readonly author: { readonly name?: string; readonly email?: string };
  readonly copyright: string;
  /** `text`: licence words or SPDX; `url`: where its text is; `fromText`: recognised from a licence's text. */
  readonly licence: { readonly text: string; readonly url?: string; readonly fromText?: boolean };
  readonly baseModel: BaseModel;
  readonly dataset: Dataset;
  readonly task: string;
  /** As code calls it: `BertModel`. */
  readonly architecture: string;
  /** As families are called: `bert`, `gemma3`. */
  readonly family: string;
  readonly library: string;
  readonly language: string;
  readonly tag: string;
  readonly input: string;
  readonly output: string;
  readonly metric: Metric;
  readonly emissions: Emissions;
  readonly useCase: string;
  readonly limitation: string;
  readonly ethical: string;
  /** Who it is for; what was traded for what. */
  readonly user: string;
  readonly tradeoff: string;
  /** How it learned, where somebody says so. */
  readonly approach: Approach;
  /** A picture of results in the card: what the author calls it, and where it is. */
  readonly graphic: { readonly name: string; readonly target: string };
  readonly quantization: string;
  readonly software: Software;
  readonly reference: { readonly type: string; readonly url: string; readonly comment?: string };
  /** RFC 3339. */
  readonly releaseDate: string;
  /** Parameters as the publisher counts them. */
  readonly parameterCount: number;
  /** Anything else worth keeping; becomes a property named `weighmark:<name>`. */
  readonly detail: { readonly name: string; readonly value: string };
  /** The publisher's digest of a file, to be compared with ours. */
  readonly digest: StatedDigest;
  /** Something inside a file that acts on its own: a chat template, a system prompt, code. */
  readonly part: Part;
  /** What a loader fetches at run time because the artifact says so. */
  readonly fetch: Fetched;
  /** About one file of the artifact: what it is for, or what to beware of. */
  readonly role: { readonly path: string; readonly role: FileRole; readonly note?: string };
  /** What a description says of one file of a dataset. */
  readonly fileInfo: FileInfo;
  /** Purl of the artifact itself; only ever from evidence. */
  readonly purl: string;
}

export type FieldName = keyof FactValues;
export type Fact = {
  readonly [K in FieldName]: { readonly field: K; readonly value: FactValues[K]; readonly source: FactSource };
}[FieldName];
export type FactOf<K extends FieldName> = Extract<Fact, { field: K }>;

/** As CycloneDX has them (`modelCard.modelParameters.approach.type`). */
export const APPROACHES = [
  'supervised',
  'unsupervised',
  'reinforcement-learning',
  'semi-supervised',
  'self-supervised',
] as const;
export type Approach = (typeof APPROACHES)[number];

/** As `base_model_relation` of model cards has them. */
export const RELATIONS = ['finetune', 'adapter', 'merge', 'quantized'] as const;
export type Relation = (typeof RELATIONS)[number];

export interface BaseModel {
  /** `org/name` of a hub, a path, or a name. */
  readonly name: string;
  readonly relation?: Relation;
  /** True where a file merely says what it was loaded from; a declared base model outranks it. */
  readonly hinted?: boolean;
  readonly version?: string;
  /** The base's weighmark id, `sha256:<hex>` of its manifest. */
  readonly id?: string;
  readonly digests?: Digests;
}

export interface Dataset {
  readonly name: string;
  readonly url?: string;
  readonly licence?: string;
  readonly version?: string;
  readonly description?: string;
  readonly digests?: Digests;
  readonly sizeBytes?: number;
  readonly records?: number;
  readonly owner?: string;
  readonly sensitive?: readonly string[];
  /** True if the name is a Hugging Face dataset id: only then has it an address there. */
  readonly hub?: boolean;
  /** The dataset's weighmark id, `sha256:<hex>` of its manifest. */
  readonly id?: string;
  /** Its files, where somebody had them at hand. */
  readonly files?: readonly { readonly path: string; readonly sizeBytes: number; readonly digests: Digests }[];
}

export interface Metric {
  readonly type: string;
  readonly value: string;
  /** What it was measured on. */
  readonly slice?: string;
}

export interface Emissions {
  readonly co2Grams?: number;
  readonly energyKwh?: number;
  readonly activity?: string;
  readonly notes: Readonly<Record<string, string>>;
}

export interface Software {
  readonly name: string;
  /** An exact version; a range goes to `requirement`. */
  readonly version?: string;
  readonly requirement?: string;
  readonly ecosystem: 'pypi' | 'npm' | 'generic';
  readonly digests?: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
  readonly optional?: boolean;
}

export interface StatedDigest {
  /** File of the artifact it is said of; absent where the publisher does not say. */
  readonly path?: string;
  /** True where the path may lack leading folders: it then counts if exactly one file ends in it. */
  readonly loose?: boolean;
  /**
   * `any-sha1`: the publisher says SHA-1 but may mean git's blob hash; which of the two it is, is found out. `md5-dos2unix`: DVC
   * before 3 hashed text with LF for each CR LF.
   */
  readonly algorithm: 'sha256' | 'git-blob-sha1' | 'any-sha1' | 'sha1' | 'md5' | 'md5-dos2unix' | 'blake3';
  /** Lower-case hex. */
  readonly hex: string;
  readonly sizeBytes?: number;
  /** The downloader or store that recorded it, where it was none of the publisher's files; nobody signed that. */
  readonly recordedBy?: string;
}

export interface Part {
  readonly kind: 'chat-template' | 'system-prompt' | 'prompt' | 'plug-in' | 'skill' | 'mcp-server';
  readonly name: string;
  readonly digests: Digests;
  readonly sizeBytes: number;
  /** File of the artifact that holds it; absent for a stated one. */
  readonly path?: string;
  /** Of a stated folder: `sha256:<hex>` of its manifest. */
  readonly id?: string;
}

export interface Fetched {
  /** A hub's repository, an address, or what a library calls it. */
  readonly target: string;
  readonly kind: 'code' | 'model' | 'tokenizer' | 'kernel' | 'dataset' | 'file';
  /** Branch, tag or commit, where one is said. */
  readonly revision?: string;
  /** True if it is fetched and run only with `trust_remote_code`. */
  readonly trustRemoteCode?: boolean;
}

export interface FileInfo {
  readonly path: string;
  readonly loose?: boolean;
  readonly description?: string;
  readonly licences: readonly string[];
  readonly sources: readonly { readonly url: string; readonly title: string }[];
}

export type FileRole =
  | 'remote-code'
  | 'custom-code'
  | 'native-code'
  | 'chat-template'
  | 'system-prompt'
  | 'adapter'
  | 'licence'
  | 'model-card'
  | 'lfs-pointer';

/** Two sources that disagree; both are kept. */
export interface Conflict {
  readonly field: string;
  readonly values: readonly { readonly value: string; readonly source: string }[];
}

/** A metadata file that could not be read as what it is. */
export interface MetadataProblem {
  readonly path: string;
  /** `incomplete`: a part that the artifact's own files name is not there. */
  readonly code: 'format-invalid' | 'limit-exceeded' | 'unreadable' | 'incomplete' | 'download-conflict';
  readonly message: string;
}

export interface Metadata {
  readonly facts: readonly Fact[];
  readonly problems: readonly MetadataProblem[];
}

export function pick<K extends FieldName>(facts: readonly Fact[], field: K): readonly FactOf<K>[] {
  return facts.filter((fact): fact is FactOf<K> => fact.field === field);
}

/** Read off the files' bytes by us. */
export const COMPUTED = { pointer: "computed from the files' bytes" } as const satisfies FactSource;

/** `README.md#/license`, `stated by Anna`, `folder name`. */
export function sourceName(source: FactSource): string {
  const { file, pointer, statedBy } = source;
  if (statedBy !== undefined) return `stated by ${statedBy}`;
  if (file === undefined) return pointer ?? COMPUTED.pointer;
  return pointer === undefined ? file : `${file}#${pointer}`;
}

/** One file of the artifact as a BOM knows it. */
export interface BomFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly digests: Digests;
  readonly report?: FormatReport;
}
