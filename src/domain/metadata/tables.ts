import { LIMITS } from '../base/limits.ts';
import { AGENT_PATTERNS, readMcpManifest, readPlugin, readPromptPart, readSkill } from './agents.ts';
import { readCard } from './card.ts';
import { readAdapter, readConfig, readOtherConfig } from './config.ts';
import { readCroissant, readDataPackage, readDatasetInfos } from './datasets.ts';
import { readJsonDigests, readSidecarSum, readSums } from './digests.ts';
import { readLicenceFile } from './licence-file.ts';
import { readMlModel } from './mlflow.ts';
import { readNpmPackage, readReleaseNotes, readSpacyMeta } from './packages.ts';
import { readPromptConfig, readPromptFile, readTemplateFile, readTokenizerConfig } from './prompts.ts';
import { readPythonLock, readRecord, readRequirements, readWheelMetadata } from './python.ts';
import { readDvc, readWandbManifest } from './store-files.ts';
import type { MetadataReader } from './read.ts';

export interface ReaderEntry {
  /** Against the path inside the artifact. */
  readonly pattern: RegExp;
  readonly read: MetadataReader;
  readonly maxBytes: number;
  /** True where any file may bear the name: one that is not what is looked for is passed over in silence. */
  readonly searched?: boolean;
}

const SMALL = 4 << 20;

/** Which reader reads which files. In order of precedence: where two sources speak of one thing, the earlier row's comes first. */
export const READERS: readonly ReaderEntry[] = [
  { pattern: /(?:^|\/)(?:readme|model_?card)[^/]*\.(?:md|markdown)$/i, read: readCard, maxBytes: LIMITS.yamlBytes },
  { pattern: AGENT_PATTERNS.skill, read: readSkill, maxBytes: SMALL, searched: true },
  { pattern: AGENT_PATTERNS.plugin, read: readPlugin, maxBytes: SMALL, searched: true },
  { pattern: AGENT_PATTERNS.manifest, read: readMcpManifest, maxBytes: SMALL, searched: true },
  { pattern: AGENT_PATTERNS.prompt, read: readPromptPart, maxBytes: SMALL, searched: true },
  { pattern: /(?:^|\/)adapter_config\.json$/, read: readAdapter, maxBytes: SMALL },
  { pattern: /(?:^|\/)(?:config|model_index)\.json$/, read: readConfig, maxBytes: SMALL },
  { pattern: /(?:^|\/)MLmodel$/, read: readMlModel, maxBytes: SMALL },
  { pattern: /(?:^|\/)meta\.json$/, read: readSpacyMeta, maxBytes: LIMITS.documentBytes, searched: true },
  {
    pattern: /(?:^|\/)(?:[^/]*croissant[^/]*|(?:[^/]*_)?metadata)\.json(?:ld)?$/i,
    read: readCroissant,
    maxBytes: LIMITS.documentBytes,
    searched: true,
  },
  { pattern: /(?:^|\/)datapackage\.json$/, read: readDataPackage, maxBytes: LIMITS.documentBytes },
  { pattern: /(?:^|\/)dataset_infos?\.json$/, read: readDatasetInfos, maxBytes: LIMITS.documentBytes },
  { pattern: /(?:^|\/)package\.json$/, read: readNpmPackage, maxBytes: SMALL },
  {
    pattern: /(?:^|\/)(?:release|model|model_info|info)\.json$/,
    read: readReleaseNotes,
    maxBytes: SMALL,
    searched: true,
  },
  { pattern: /\.dist-info\/METADATA$/, read: readWheelMetadata, maxBytes: SMALL },
  {
    pattern:
      /(?:^|\/)(?:generation_config|preprocessor_config|processor_config|config_sentence_transformers|sentence_bert_config)\.json$/,
    read: readOtherConfig,
    maxBytes: SMALL,
  },
  {
    pattern: /(?:^|\/)(?:config_sentence_transformers|chat_template|generation_config|processor_config)\.json$/,
    read: readPromptConfig,
    maxBytes: SMALL,
  },
  { pattern: /(?:^|\/)tokenizer_config\.json$/, read: readTokenizerConfig, maxBytes: 16 << 20 },
  {
    pattern: /(?:^|\/)(?:chat_template|additional_chat_templates\/[^/]+)\.jinja2?$/,
    read: readTemplateFile,
    maxBytes: SMALL,
  },
  { pattern: /(?:^|\/)system[_-]?prompts?(?:\.(?:txt|md|jinja2?))?$/i, read: readPromptFile, maxBytes: SMALL },
  {
    pattern:
      /(?:^|\/)(?![^/]*(?:third|3rd|vendor))(?:licen[cs]e|copying|[^/]*[-_]?terms(?:_of_use)?|use_policy)(?:[.-][^/]*)?$/i,
    read: readLicenceFile,
    maxBytes: SMALL,
  },
  {
    pattern: /(?:^|\/)(?:[^/]*requirements[^/]*\.txt|requirements\/[^/]+\.txt)$/i,
    read: readRequirements,
    maxBytes: SMALL,
  },
  { pattern: /(?:^|\/)(?:uv|poetry|pdm)\.lock$/, read: readPythonLock, maxBytes: LIMITS.documentBytes },
  { pattern: /\.dist-info\/RECORD$/, read: readRecord, maxBytes: LIMITS.documentBytes },
  {
    pattern: /(?:^|\/)(?:sha256sums?|sha1sums?|md5sums?|b3sums?|checksums?|checklist\.chk)(?:\.txt)?$/i,
    read: readSums,
    maxBytes: LIMITS.documentBytes,
  },
  { pattern: /\.(?:sha256(?:sum)?|b3)$/i, read: readSidecarSum, maxBytes: SMALL },
  { pattern: /(?:^|\/)(?:[^/]+\.dvc|dvc\.lock)$/, read: readDvc, maxBytes: SMALL, searched: true },
  {
    pattern: /(?:^|\/)(?:wandb_)?manifest\.json$/,
    read: readWandbManifest,
    maxBytes: LIMITS.documentBytes,
    searched: true,
  },
  {
    pattern:
      /(?:^|\/)(?!tokenizer|vocab|merges|special_tokens|config\.json|package|datapackage|dataset_info)[^/]*\.json$/,
    read: readJsonDigests,
    maxBytes: 1 << 20,
    searched: true,
  },
];
