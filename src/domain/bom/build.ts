import type { ConfirmedDigest } from '../metadata/check-digests.ts';
import type { BomFile, Conflict, Fact, FactSource, MetadataProblem } from '../metadata/types.ts';
import type { Property, SpecVersion } from './types.ts';

export type Layout = 'guide' | 'flat';

export interface BomInput {
  /** The folder's or file's own name: what the artifact is called if nobody says otherwise. */
  readonly fallbackName: string;
  /** Sorted by path. */
  readonly files: readonly BomFile[];
  /** In order of precedence: stated ones first. */
  readonly facts: readonly Fact[];
  readonly problems: readonly MetadataProblem[];
  readonly conflicts: readonly Conflict[];
  /** Publishers' digests that were compared with the files and are right. */
  readonly confirmed: readonly ConfirmedDigest[];
  readonly tool: { readonly name: string; readonly version: string };
  readonly specVersion: SpecVersion;
  readonly layout: Layout;
  /** RFC 3339; absent: the BOM carries no time of its own. */
  readonly timestamp?: string;
  /** Who makes the BOM. */
  readonly author?: string;
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  /** Hex of the OMS root digest. */
  readonly root?: string;
  readonly kind: ArtifactKind;
}

export type ArtifactKind = 'model' | 'dataset' | 'other';

/** Who says what: remembered while the BOM is built, turned into pointers when it stands. */
export interface Cited {
  readonly target: object;
  readonly key?: string;
  readonly source: FactSource;
}

/** What the parts of one BOM share while it is built. */
export interface Build {
  readonly input: BomInput;
  readonly cited: Cited[];
  readonly refs: Set<string>;
}

export function startBuild(input: BomInput): Build {
  return { input, cited: [], refs: new Set() };
}

/** A bom-ref nobody else has: the wanted one, or with `#2`, `#3`… */
export function claimRef(build: Build, wanted: string): string {
  let ref = wanted;
  for (let count = 2; build.refs.has(ref); count += 1) ref = `${wanted}#${count}`;
  build.refs.add(ref);
  return ref;
}

/** Remembers where `target` (or one key of it) comes from. @returns target, which must stay in the BOM as it is. */
export function cite<T extends object>(build: Build, target: T, source: FactSource, key?: keyof T & string): T {
  build.cited.push({ target, source, ...(key === undefined ? {} : { key }) });
  return target;
}

export function property(name: string, value: string | number): Property {
  return { name: `weighmark:${name}`, value: String(value) };
}

/** The object without its undefined fields: optional fields of a BOM are there or not. */
export function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}

/** Undefined for an empty list: a BOM says nothing rather than `[]`. */
export function some<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}

/** True from this version on: `since(build, '1.6')`. */
export function since(build: Build, version: SpecVersion): boolean {
  return Number(build.input.specVersion) >= Number(version);
}
