import { canonicalJson, isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { checkOf, verdictOf, type Evidence, type Finding, type Verdict } from '../base/verdict.ts';
import { isHex256 } from '../digest/hex.ts';
import { formatOfName, type Format } from '../records/reading.ts';
import type { Roots } from '../records/roots.ts';
import type { Kind } from '../records/batch.ts';

export const CROISSANT_VERSIONS = ['1.0', '1.1'] as const;
export type CroissantVersion = (typeof CROISSANT_VERSIONS)[number];

/** A file as it was read in this run. */
export interface DescribedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** What only a person knows. */
export interface Described {
  readonly name: string;
  readonly description?: string;
  readonly licence?: string;
  readonly url?: string;
  readonly creator?: string;
  readonly version?: string;
  /** RFC 3339 date. */
  readonly date?: string;
}

const MEDIA: Readonly<Record<Format, string>> = {
  text: 'text/plain',
  jsonl: 'application/jsonlines',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  parquet: 'application/x-parquet',
  arrow: 'application/vnd.apache.arrow.file',
  webdataset: 'application/x-tar',
  media: 'application/octet-stream',
};

/** Formats whose records' columns do not stand in the file by their names. */
const WITHOUT_COLUMNS: readonly Format[] = ['text', 'webdataset', 'media'];

/** Croissant's words for kinds of values; others have none, and their columns are left out. */
const TYPES: Readonly<Partial<Record<Kind, string>>> = {
  boolean: 'sc:Boolean',
  number: 'sc:Float',
  text: 'sc:Text',
  date: 'sc:Date',
};

/** The two versions' own contexts: the later one has words of its own. */
const CONTEXT = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  citeAs: 'cr:citeAs',
  column: 'cr:column',
  conformsTo: 'dct:conformsTo',
  cr: 'http://mlcommons.org/croissant/',
  rai: 'http://mlcommons.org/croissant/RAI/',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  dct: 'http://purl.org/dc/terms/',
  equivalentProperty: 'cr:equivalentProperty',
  examples: { '@id': 'cr:examples', '@type': '@json' },
  extract: 'cr:extract',
  field: 'cr:field',
  fileProperty: 'cr:fileProperty',
  fileObject: 'cr:fileObject',
  fileSet: 'cr:fileSet',
  format: 'cr:format',
  includes: 'cr:includes',
  isLiveDataset: 'cr:isLiveDataset',
  jsonPath: 'cr:jsonPath',
  key: 'cr:key',
  md5: 'cr:md5',
  parentField: 'cr:parentField',
  path: 'cr:path',
  recordSet: 'cr:recordSet',
  references: 'cr:references',
  regex: 'cr:regex',
  repeated: 'cr:repeated',
  replace: 'cr:replace',
  samplingRate: 'cr:samplingRate',
  sc: 'https://schema.org/',
  separator: 'cr:separator',
  source: 'cr:source',
  subField: 'cr:subField',
  transform: 'cr:transform',
};
const CONTEXT_1_1 = { ...CONTEXT, arrayShape: 'cr:arrayShape', containedIn: 'cr:containedIn', isArray: 'cr:isArray' };

export interface CroissantInput {
  readonly version: CroissantVersion;
  readonly described: Described;
  readonly files: readonly DescribedFile[];
  /** Null where the dataset has none: then no records are described. */
  readonly roots: Roots | null;
}

/** JSON-LD with the digest of every file, and the columns of the records where they are known. */
export function buildCroissant({
  version,
  described,
  files,
  roots,
}: CroissantInput): Readonly<Record<string, unknown>> {
  const { name, description, licence, url, creator, date } = described;
  return {
    '@context': version === '1.1' ? CONTEXT_1_1 : CONTEXT,
    '@type': 'sc:Dataset',
    conformsTo: `http://mlcommons.org/croissant/${version}`,
    name,
    ...(description === undefined ? {} : { description }),
    ...(licence === undefined ? {} : { license: licence }),
    ...(url === undefined ? {} : { url }),
    ...(creator === undefined ? {} : { creator: { '@type': 'sc:Organization', name: creator } }),
    ...(described.version === undefined ? {} : { version: described.version }),
    ...(date === undefined ? {} : { datePublished: date }),
    distribution: files.map(fileObject),
    ...(roots === null ? {} : recordSets(roots)),
  };
}

function fileObject({ path, sizeBytes, sha256 }: DescribedFile): Readonly<Record<string, unknown>> {
  const format = formatOfName(path);
  return {
    '@type': 'cr:FileObject',
    '@id': path,
    name: path,
    contentUrl: path,
    contentSize: `${sizeBytes} B`,
    encodingFormat: format === null ? 'application/octet-stream' : MEDIA[format],
    sha256,
  };
}

/** Of a single file: where there are several, Croissant has no set of files that lie in no archive. */
function recordSets({ parts, columns, reading }: Roots): Readonly<Record<string, unknown>> {
  const [file, ...others] = parts;
  const fields = Object.entries(columns ?? {}).flatMap(([name, kinds]) => {
    const [kind, ...more] = kinds;
    const dataType = kind === undefined || more.length > 0 ? undefined : TYPES[kind];
    return dataType === undefined ? [] : [{ name, dataType }];
  });
  if (file === undefined || others.length > 0 || fields.length === 0 || WITHOUT_COLUMNS.includes(reading.format))
    return {};
  const field = fields.map(({ name, dataType }) => ({
    '@type': 'cr:Field',
    '@id': `records/${name}`,
    name: `records/${name}`,
    dataType,
    source: { fileObject: { '@id': file.path }, extract: { column: name } },
  }));
  return { recordSet: [{ '@type': 'cr:RecordSet', '@id': 'records', name: 'records', field }] };
}

export const CROISSANT_BYTES = 64 << 20;

interface Claimed {
  readonly path: string;
  readonly sha256: string | null;
}

/** Files that a description names, without a scheme: by where they lie in the dataset. */
function claimedFiles(bytes: Uint8Array): readonly Claimed[] {
  const json = parseStrictJsonObject(bytes, {
    maxBytes: CROISSANT_BYTES,
    refuseCaseDuplicates: false,
    refuseUnsafeIntegers: false,
    subject: 'the Croissant description',
  });
  const { distribution } = json;
  const entries: readonly Json[] = Array.isArray(distribution) ? (distribution as readonly Json[]) : [];
  return entries.flatMap((entry) => {
    if (!isJsonObject(entry)) return [];
    const { '@type': type, contentUrl, sha256, name } = entry;
    if (typeof type !== 'string' || !type.endsWith('FileObject')) return [];
    const local = typeof contentUrl === 'string' && !/^[a-z][a-z0-9+.-]*:/i.test(contentUrl) ? contentUrl : name;
    if (typeof local !== 'string') return [];
    return [{ path: local.replace(/^\.\//, ''), sha256: isHex256(sha256) ? sha256 : null }];
  });
}

/** Whether files are what a Croissant description, 1.0 or 1.1, says of them; those without a digest are said to be unchecked. */
export function checkCroissant(bytes: Uint8Array, files: readonly DescribedFile[], shown: string): Verdict {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const claimed = claimedFiles(bytes);
  const checked = claimed.filter(({ sha256 }) => sha256 !== null);
  const findings = checked.flatMap(({ path, sha256 }): readonly Finding[] => {
    const found = byPath.get(path);
    if (found === undefined)
      return [{ code: 'file-missing', message: `${path} is described, and is not there`, subject: path }];
    if (found.sha256 === sha256) return [];
    const facts = { described: `sha256:${sha256}`, found: `sha256:${found.sha256}` };
    return [{ code: 'digest-mismatch', message: `${path} is not the file that is described`, subject: path, facts }];
  });
  const open = files.filter(({ path }) => !checked.some((each) => each.path === path)).length;
  const evidence: Evidence[] = [
    {
      what: `${checked.length} files are what the description says; ${open} of ${files.length} are not described by a digest`,
      data: { checked: checked.length, unchecked: open },
    },
  ];
  const check = checkOf('description', findings.length > 0 ? [] : evidence, findings);
  return verdictOf({ subject: shown, checks: checked.length === 0 ? [] : [check] });
}

/** Pretty, and the same for the same dataset. */
export function formatCroissant(json: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(json)), null, 2)}\n`;
}
