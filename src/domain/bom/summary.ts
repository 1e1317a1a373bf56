import { isHex256 } from '../digest/hex.ts';
import { sourceName } from '../metadata/types.ts';
import { list, objectAt, type JsonObject } from './members.ts';
import type { Digests } from '../digest/algorithm.ts';
import type { ForeignBom } from './read.ts';

/** One file that a BOM speaks of, by path. */
export interface BomSummaryFile {
  readonly path: string;
  readonly sizeBytes?: number;
  readonly digests: Digests;
  readonly properties: Readonly<Record<string, string>>;
}

/** Property of the component that stands for the files without one: which form the list it names has. */
export const FILE_LIST = 'file-list';

/** What two BOMs are compared by, and files verified against: CycloneDX of ours or others, either layout. */
export interface BomSummary {
  readonly name: string;
  readonly version?: string;
  readonly type: string;
  readonly id?: string;
  readonly digests: Digests;
  readonly files: readonly BomSummaryFile[];
  /** SHA-256 of the digest list that speaks for all files, these among them; absent where each is named. */
  readonly fileList?: string;
  readonly licences: readonly string[];
  readonly datasets: readonly Named[];
  readonly baseModels: readonly Named[];
  readonly task?: string;
  readonly architecture?: string;
  /** What is cited and composed, in words that two BOMs are compared by. */
  readonly said: Said;
  /** Properties of the model card, `weighmark:` left off: parameters, quantization… */
  readonly properties: Readonly<Record<string, string>>;
}

/** Where facts are from, and how complete a list is: a BOM that lost either says less with the same words. */
export interface Said {
  /** How many facts each source is cited for. */
  readonly citations: ReadonlyMap<string, number>;
  /** How many lists are said to be complete, incomplete and so on. */
  readonly compositions: ReadonlyMap<string, number>;
}

export interface Named {
  readonly name: string;
  readonly version?: string;
  readonly id?: string;
  readonly digests: Digests;
}

/** The subject is `metadata.component`, or in flat BOMs the first model or dataset among the components. */
export function summarize(bom: ForeignBom): BomSummary {
  const components = list(bom.json, 'components');
  const subject = objectAt(objectAt(bom.json, 'metadata'), 'component') ?? components.find(isSubject) ?? {};
  const parameters = objectAt(objectAt(subject, 'modelCard'), 'modelParameters');
  const [version, task, architecture] = [
    text(subject, 'version'),
    text(parameters, 'task'),
    text(parameters, 'modelArchitecture') ?? text(parameters, 'architectureFamily'),
  ];
  const own = propertiesOf(subject);
  return {
    name: fullName(subject),
    type: text(subject, 'type') ?? 'unknown',
    ...given({ version, task, architecture, id: own['id'] }),
    digests: digestsOf(subject),
    ...filesAndList(filesOf(subject, components)),
    licences: list(subject, 'licenses')
      .map(licenceText)
      .filter((licence) => licence !== ''),
    datasets: components.filter((component) => component !== subject && isDataset(component)).map(namedOf),
    baseModels: list(objectAt(subject, 'pedigree'), 'ancestors').map(namedOf),
    said: saidOf(bom.json),
    properties: propertiesOf(objectAt(subject, 'modelCard')),
  };
}

function saidOf(bom: JsonObject): Said {
  const cited = list(bom, 'citations').map(
    (citation) => [text(citation, 'note') ?? text(citation, 'attributedTo') ?? '', factsOf(citation)] as const,
  );
  // Before 1.7: `<pointer> from <source>`.
  const early = list(objectAt(bom, 'metadata'), 'properties').flatMap(({ name, value }) =>
    name === 'weighmark:citation' && typeof value === 'string' ? [[value.replace(/^.*? from /, ''), 1] as const] : [],
  );
  const compositions = list(bom, 'compositions').map(
    (each) => [text(each, 'aggregate') ?? 'not_specified', 1] as const,
  );
  // How many facts the tool counts itself goes by layout and version.
  const own = sourceName({});
  const counted = [...cited, ...early].filter(([source]) => source !== own);
  const computed = counted.length < cited.length + early.length ? [[own, 1] as const] : [];
  return { citations: summed([...counted, ...computed]), compositions: summed(compositions) };
}

function factsOf({ pointers, expressions }: JsonObject): number {
  return [pointers, expressions].reduce((sum: number, each) => sum + (Array.isArray(each) ? each.length : 0), 0);
}

function summed(pairs: readonly (readonly [string, number])[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [word, count] of pairs) sums.set(word, (sums.get(word) ?? 0) + count);
  return sums;
}

function isSubject(component: JsonObject): boolean {
  return component['type'] === 'machine-learning-model' || component['type'] === 'data';
}

function isDataset(component: JsonObject): boolean {
  return component['type'] === 'data' && list(component, 'data').some((data) => data['type'] === 'dataset');
}

/** Nested below the subject (guide), else every file component there is (flat, and other tools' BOMs). */
function filesOf(subject: JsonObject, components: readonly JsonObject[]): readonly BomSummaryFile[] {
  const nested = list(subject, 'components');
  const files = (nested.length > 0 ? nested : components).filter(
    (component) => component['type'] === 'file' && component !== subject,
  );
  return files.map((component) => {
    const properties = propertiesOf(component);
    const size = Number(properties['size']);
    return {
      path: text(component, 'name') ?? '',
      digests: digestsOf(component),
      properties,
      ...(properties['size'] !== undefined && Number.isSafeInteger(size) ? { sizeBytes: size } : {}),
    };
  });
}

/** The list is no file of the artifact. */
function filesAndList(all: readonly BomSummaryFile[]): Pick<BomSummary, 'files' | 'fileList'> {
  const [list] = all.filter(isFileList);
  const fileList = list?.digests.sha256;
  return { files: all.filter((file) => !isFileList(file)), ...(fileList === undefined ? {} : { fileList }) };
}

function isFileList({ properties }: BomSummaryFile): boolean {
  return properties[FILE_LIST] === 'weighmark-files/1';
}

function namedOf(component: JsonObject): Named {
  const version = text(component, 'version');
  return {
    name: fullName(component),
    digests: digestsOf(component),
    ...given({ version, id: propertiesOf(component)['id'] }),
  };
}

function fullName(component: JsonObject): string {
  const [group, name] = [text(component, 'group'), text(component, 'name') ?? ''];
  return group === undefined ? name : `${group}/${name}`;
}

/** SHA-256 and BLAKE3 in lower-case hex; others are left aside. */
function digestsOf(component: JsonObject): Digests {
  const found = list(component, 'hashes').flatMap(({ alg, content }): [string, string][] => {
    const hex = typeof content === 'string' ? content.toLowerCase() : '';
    const key = alg === 'SHA-256' ? 'sha256' : alg === 'BLAKE3' ? 'blake3' : null;
    return key === null || !isHex256(hex) ? [] : [[key, hex]];
  });
  return Object.fromEntries(found);
}

function licenceText(choice: JsonObject): string {
  const licence = objectAt(choice, 'license');
  return text(licence, 'id') ?? text(licence, 'name') ?? text(choice, 'expression') ?? '';
}

function propertiesOf(holder: JsonObject | undefined): Readonly<Record<string, string>> {
  const own = list(holder, 'properties').flatMap(({ name, value }): [string, string][] => {
    const key = typeof name === 'string' && name.startsWith('weighmark:') ? name.slice('weighmark:'.length) : null;
    return key === null || typeof value !== 'string' ? [] : [[key, value]];
  });
  return Object.fromEntries(own);
}

function given<K extends string>(texts: { readonly [key in K]: string | undefined }): { readonly [key in K]?: string } {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== undefined)) as {
    [key in K]?: string;
  };
}

function text(object: JsonObject | undefined, key: string): string | undefined {
  const value = object?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
