import type { Approach } from '../metadata/types.ts';

/**
 * The part of CycloneDX 1.5–1.7 (JSON) that an ML-BOM uses, written by hand from the official schemas. Readers of
 * foreign BOMs must not assume more than `Json`; these types are what we write.
 */
export const SPEC_VERSIONS = ['1.7', '1.6', '1.5'] as const;
export type SpecVersion = (typeof SPEC_VERSIONS)[number];

export interface Bom {
  readonly $schema: string;
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: SpecVersion;
  /** `urn:uuid:…`, a UUIDv5 of the content: the same content has the same number. */
  readonly serialNumber: string;
  readonly version: number;
  readonly metadata: BomMetadata;
  readonly components?: readonly Component[];
  readonly dependencies?: readonly Dependency[];
  readonly compositions?: readonly Composition[];
  readonly formulation?: readonly Formula[];
  /** 1.7 only. */
  readonly citations?: readonly Citation[];
}

export interface BomMetadata {
  readonly timestamp?: string;
  readonly lifecycles?: readonly {
    readonly phase: 'design' | 'pre-build' | 'build' | 'post-build' | 'operations' | 'discovery' | 'decommission';
  }[];
  readonly tools: { readonly components: readonly Component[] };
  readonly authors?: readonly Contact[];
  readonly component?: Component;
  readonly supplier?: Organization;
  readonly properties?: readonly Property[];
}

export type ComponentType =
  'application' | 'framework' | 'library' | 'device' | 'file' | 'machine-learning-model' | 'data';

export interface Component {
  readonly 'bom-ref': string;
  readonly type: ComponentType;
  readonly 'mime-type'?: string;
  readonly supplier?: Organization;
  /** 1.6 and later. */
  readonly authors?: readonly Contact[];
  readonly author?: string;
  readonly publisher?: string;
  readonly group?: string;
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  readonly scope?: 'required' | 'optional' | 'excluded';
  readonly hashes?: readonly Hash[];
  readonly licenses?: readonly LicenseChoice[];
  readonly copyright?: string;
  readonly purl?: string;
  readonly pedigree?: { readonly ancestors?: readonly Component[]; readonly notes?: string };
  readonly externalReferences?: readonly ExternalReference[];
  readonly components?: readonly Component[];
  readonly releaseNotes?: { readonly type: string; readonly timestamp?: string };
  readonly modelCard?: ModelCard;
  readonly data?: readonly ComponentData[];
  readonly properties?: readonly Property[];
  /** 1.6 and later. */
  readonly tags?: readonly string[];
}

export interface Hash {
  readonly alg: 'SHA-256' | 'BLAKE3' | 'SHA-1' | 'SHA-512' | 'SHA-384' | 'MD5';
  readonly content: string;
}

export interface Property {
  readonly name: string;
  readonly value: string;
}

export interface Organization {
  readonly 'bom-ref'?: string;
  readonly name?: string;
  readonly url?: readonly string[];
  readonly contact?: readonly Contact[];
}

export interface Contact {
  readonly 'bom-ref'?: string;
  readonly name?: string;
  readonly email?: string;
}

export type LicenseChoice =
  { readonly license: License } | { readonly expression: string; readonly acknowledgement?: 'declared' | 'concluded' };

export interface License {
  readonly id?: string;
  readonly name?: string;
  readonly url?: string;
  /** 1.6 and later. */
  readonly acknowledgement?: 'declared' | 'concluded';
}

export interface ExternalReference {
  readonly type: string;
  readonly url: string;
  readonly comment?: string;
  readonly hashes?: readonly Hash[];
}

export interface ModelCard {
  readonly modelParameters?: ModelParameters;
  readonly quantitativeAnalysis?: QuantitativeAnalysis;
  readonly considerations?: Considerations;
  readonly properties?: readonly Property[];
}

export interface QuantitativeAnalysis {
  readonly performanceMetrics?: readonly PerformanceMetric[];
  readonly graphics?: { readonly description: string; readonly collection: readonly { readonly name: string }[] };
}

export interface ModelParameters {
  readonly approach?: { readonly type: Approach };
  readonly task?: string;
  readonly architectureFamily?: string;
  readonly modelArchitecture?: string;
  readonly datasets?: readonly { readonly ref: string }[];
  readonly inputs?: readonly { readonly format: string }[];
  readonly outputs?: readonly { readonly format: string }[];
}

export interface PerformanceMetric {
  readonly type: string;
  readonly value: string;
  readonly slice?: string;
  readonly confidenceInterval?: { readonly lowerBound: string; readonly upperBound: string };
}

export interface Considerations {
  readonly users?: readonly string[];
  readonly useCases?: readonly string[];
  readonly technicalLimitations?: readonly string[];
  readonly performanceTradeoffs?: readonly string[];
  readonly ethicalConsiderations?: readonly { readonly name: string; readonly mitigationStrategy?: string }[];
  /** 1.6 and later. */
  readonly environmentalConsiderations?: EnvironmentalConsiderations;
}

export interface EnvironmentalConsiderations {
  readonly energyConsumptions?: readonly EnergyConsumption[];
  readonly properties?: readonly Property[];
}

export interface EnergyConsumption {
  readonly activity: string;
  readonly energyProviders: readonly EnergyProvider[];
  readonly activityEnergyCost: { readonly value: number; readonly unit: 'kWh' };
  readonly co2CostEquivalent?: { readonly value: number; readonly unit: 'tCO2eq' };
}

export interface EnergyProvider {
  readonly description?: string;
  readonly organization: Organization;
  readonly energySource: string;
  readonly energyProvided: { readonly value: number; readonly unit: 'kWh' };
}

export interface ComponentData {
  readonly type: 'source-code' | 'configuration' | 'dataset' | 'definition' | 'other';
  readonly name?: string;
  readonly contents?: { readonly url?: string; readonly properties?: readonly Property[] };
  readonly classification?: string;
  readonly sensitiveData?: readonly string[];
  readonly description?: string;
  readonly governance?: {
    readonly owners?: readonly { readonly organization: Organization }[];
    readonly custodians?: readonly { readonly organization: Organization }[];
  };
}

export interface Dependency {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}

export interface Composition {
  readonly aggregate: 'complete' | 'incomplete' | 'unknown';
  readonly assemblies?: readonly string[];
  readonly dependencies?: readonly string[];
}

export interface Formula {
  readonly 'bom-ref': string;
  readonly components?: readonly Component[];
  readonly workflows?: readonly Workflow[];
}

export interface Workflow {
  readonly 'bom-ref': string;
  readonly uid: string;
  readonly name?: string;
  readonly description?: string;
  readonly taskTypes: readonly string[];
  readonly inputs?: readonly { readonly resource: { readonly ref: string } }[];
  readonly outputs?: readonly { readonly type: 'artifact'; readonly resource: { readonly ref: string } }[];
  readonly properties?: readonly Property[];
}

/** Who says what of which fields, 1.7. `pointers` are RFC 6901, `expressions` RFC 9535. */
export interface Citation {
  readonly pointers?: readonly string[];
  readonly expressions?: readonly string[];
  readonly timestamp: string;
  readonly attributedTo: string;
  readonly note?: string;
}
