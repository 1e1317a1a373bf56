import { createHash } from 'node:crypto';
import { choiceOf } from './licences.ts';
import { bomBytes } from './create.ts';
import { present, property, some, startBuild, type BomInput } from './build.ts';
import { licenceOf } from '../metadata/licence.ts';
import { huggingFacePurl, isHubId } from '../metadata/purl.ts';
import type { Bom, Component, Hash } from './types.ts';
import { serialOf } from './serial.ts';

/** One artifact on a machine, as far as a BOM of the machine says it. */
export interface MachinePart {
  readonly kind: keyof typeof TYPES;
  readonly store: string;
  readonly name: string;
  readonly version?: string;
  readonly location: string;
  readonly id?: string;
  readonly sizeBytes: number;
  readonly formats: readonly string[];
  readonly licences: readonly string[];
  readonly digests: readonly { readonly path: string; readonly algorithm: string; readonly hex: string }[];
  /** Further facts, in order: who signed it, where it is promoted. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

export interface MachineInput {
  /** What the machine is called. */
  readonly machine: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** Sorted by location. */
  readonly parts: readonly MachinePart[];
  /** True if some place could not be read: the list is then not known to be whole. */
  readonly incomplete: boolean;
}

/** The models and datasets of one machine as one CycloneDX 1.7 BOM: pure, so equal input gives equal bytes. */
export function machineBom({ machine, tool, parts, incomplete }: MachineInput): Bom {
  const ref = `machine:${machine}`;
  const components = parts.map(componentOf);
  return present<Bom>({
    $schema: 'http://cyclonedx.org/schema/bom-1.7.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    serialNumber: serialOf(JSON.stringify([machine, tool, parts])),
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'operations' }],
      tools: { components: [{ 'bom-ref': `tool:${tool.name}@${tool.version}`, type: 'application', ...tool }] },
      component: { 'bom-ref': ref, type: 'device', name: machine },
    },
    components: some(components),
    dependencies: [present({ ref, dependsOn: some(components.map((each) => each['bom-ref'])) })],
    compositions: [{ aggregate: incomplete ? 'incomplete' : 'unknown', assemblies: [ref] }],
  });
}

export function machineBomText(input: MachineInput): string {
  return new TextDecoder().decode(bomBytes(machineBom(input))).trimEnd();
}

const TYPES = {
  model: 'machine-learning-model',
  adapter: 'machine-learning-model',
  dataset: 'data',
  skill: 'data',
  'plug-in': 'library',
  'mcp-server': 'application',
  prompt: 'data',
  other: 'data',
} as const;
const DATA: Partial<Record<keyof typeof TYPES, 'dataset' | 'configuration' | 'other'>> = {
  dataset: 'dataset',
  skill: 'configuration',
  prompt: 'configuration',
  other: 'other',
};

function componentOf(part: MachinePart): Component {
  const { kind, name, version, location, store, id, sizeBytes, formats, facts } = part;
  const [group, short] = isHubId(name) ? name.split('/') : [undefined, name];
  const onHub = store === 'hugging-face' && isHubId(name) && version !== undefined && kind !== 'dataset';
  return present<Component>({
    'bom-ref': `artifact:${refOf(location)}`,
    type: TYPES[kind],
    group,
    name: short ?? name,
    version,
    hashes: some(hashesOf(part)),
    licenses: some(licencesOf(part)),
    purl: onHub ? huggingFacePurl(name, version) : undefined,
    data: DATA[kind] === undefined ? undefined : [{ type: DATA[kind] }],
    properties: [
      property('kind', kind),
      property('store', store),
      property('location', location),
      ...(id === undefined ? [] : [property('id', id)]),
      property('size', sizeBytes),
      ...formats.map((format) => property('format', format)),
      ...facts.map(([key, value]) => property(key, value)),
    ],
  });
}

/** Paths may hold what a bom-ref should not. */
function refOf(location: string): string {
  return createHash('sha256').update(location).digest('hex').slice(0, 16);
}

/** Only of an artifact whose digests are of one file. */
function hashesOf({ digests }: MachinePart): readonly Hash[] {
  if (new Set(digests.map(({ path }) => path)).size !== 1) return [];
  const algorithms = { sha256: 'SHA-256', blake3: 'BLAKE3', md5: 'MD5' } as const;
  const found = new Map<string, Hash>();
  for (const { algorithm, hex } of digests) {
    const alg = algorithms[algorithm as keyof typeof algorithms] as Hash['alg'] | undefined;
    if (alg !== undefined && !found.has(alg) && hex.length >= 32) found.set(alg, { alg, content: hex });
  }
  return [...found.values()];
}

function licencesOf({ licences }: MachinePart): NonNullable<Component['licenses']> {
  const known = licences.map((text) => licenceOf(text)).filter((licence) => licence !== null);
  const build = startBuild({ specVersion: '1.7' } as BomInput);
  return known.map((licence) => choiceOf(build, licence, { alone: known.length === 1 }));
}
