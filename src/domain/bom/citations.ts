import { escapeToken } from '../base/pointer.ts';
import { sourceName, type FactSource } from '../metadata/types.ts';
import { property, since, type Build, type Cited } from './build.ts';
import type { Bom, Citation, Property } from './types.ts';

/**
 * The time of a citation when the BOM has none: CycloneDX 1.7 demands one, and the clock would make equal input give
 * unequal bytes. Zero is the reproducible-builds convention for "not recorded", and a property says so.
 */
export const NO_TIME = '1970-01-01T00:00:00Z';

/** What gives a source its place in the BOM: the bom-ref of a file, a person or the tool. */
export type RefOf = (source: FactSource) => string;

/**
 * The BOM with every remembered fact attributed: `citations` from 1.7 on, one for each source with the pointers of all
 * it says; before, a property `weighmark:citation` of `<pointer> from <source>`.
 */
export function withCitations(build: Build, bom: Bom, refOf: RefOf): Bom {
  const pointers = pointersIn(bom, new Set(build.cited.map(({ target }) => target)));
  const groups = groupBySource(build.cited, pointers);
  if (since(build, '1.7')) return { ...bom, citations: citationsOf(build, groups, refOf) };
  const properties = [...(bom.metadata.properties ?? []), ...groups.flatMap(citationProperties)];
  return { ...bom, metadata: { ...bom.metadata, properties } };
}

interface Group {
  readonly source: FactSource;
  readonly pointers: readonly string[];
}

function groupBySource(cited: readonly Cited[], pointers: ReadonlyMap<object, string>): readonly Group[] {
  const groups = new Map<string, { source: FactSource; pointers: Set<string> }>();
  for (const { target, key, source } of cited) {
    const base = pointers.get(target);
    if (base === undefined) continue;
    const group = groups.get(sourceName(source)) ?? { source, pointers: new Set<string>() };
    group.pointers.add(key === undefined ? base : `${base}/${escapeToken(key)}`);
    groups.set(sourceName(source), group);
  }
  return [...groups.values()].map((group) => ({ source: group.source, pointers: [...group.pointers] }));
}

function citationsOf(build: Build, groups: readonly Group[], refOf: RefOf): readonly Citation[] {
  const timestamp = build.input.timestamp ?? NO_TIME;
  const cited = groups.map(({ source, pointers }) => ({
    pointers,
    timestamp,
    attributedTo: refOf(source),
    note: sourceName(source),
  }));
  return [...cited, digestCitation(build, timestamp, refOf)];
}

/** Digests, sizes and headers are read by us: two expressions instead of pointers for every file. */
function digestCitation(build: Build, timestamp: string, refOf: RefOf): Citation {
  const files = build.input.layout === 'guide' ? '$.metadata.component.components[*]' : "$.components[?@.type=='file']";
  return {
    expressions: [`${files}.hashes`, `${files}.properties`],
    timestamp,
    attributedTo: refOf({}),
    note: "computed from the files' bytes",
  };
}

function citationProperties({ source, pointers }: Group): readonly Property[] {
  return pointers.map((pointer) => property('citation', `${pointer} from ${sourceName(source)}`));
}

/** RFC 6901 pointers of the wanted objects; of one that stands twice, the first. */
function pointersIn(root: object, wanted: ReadonlySet<object>): ReadonlyMap<object, string> {
  const found = new Map<object, string>();
  const walk = (value: unknown, pointer: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (wanted.has(value) && !found.has(value)) found.set(value, pointer);
    for (const [key, child] of Object.entries(value)) walk(child, `${pointer}/${escapeToken(key)}`);
  };
  walk(root, '');
  return found;
}
