import { buildReference } from '../../domain/claims/attestations.ts';
import { buildPackageStep } from '../../domain/claims/package-step.ts';
import { PREDICATES, type Step } from '../../domain/claims/predicates.ts';
import { buildProvenance, objectOf, type StepInput } from '../../domain/claims/provenance.ts';
import { buildScanPredicate } from '../../domain/scan/scan-claim.ts';
import { buildStatement } from '../../domain/claims/statement.ts';
import { subject, subjectsOf } from '../../domain/claims/subjects.ts';
import type { Subject } from '../../domain/claims/types.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { digestListSha256, readDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { RECORDS_FILE, WEIGHTS_FILE } from '../../domain/base/paths.ts';
import type { Scanned } from './seal-content.ts';

export interface SealFacts {
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  readonly root: string;
  /** NAME:VERSION, or the folder's own name. */
  readonly name: string;
  readonly files: readonly ListedFile[];
  /** The weights list; null where there are no weights, or none whose identity is known whole. */
  readonly weights: string | null;
  readonly bom: Uint8Array;
  /** What `.weighmark/records` says, if it is bound too. */
  readonly records?: string | null;
}

export interface SealStep {
  readonly step: Step;
  readonly inputs: readonly StepInput[];
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * The ML-BOM claim: alone it names the files, the digest list, the weights list and the BOM's own bytes (DESIGN 4.3).
 * @param bom what `facts.bom` says, before it was written as text.
 */
export function bomStatement(facts: SealFacts, bom: Readonly<Record<string, unknown>>): Uint8Array {
  const files =
    facts.files.length > LIMITS.bomFileSubjects
      ? []
      : facts.files.map(({ path, sha256 }) => subject('file', path, sha256));
  const subjects: readonly Subject[] = [
    ...subjectsOf(facts),
    subject('list', '.weighmark/files', digestListSha256(facts.files)),
    ...(facts.weights === null ? [] : [subject('list', WEIGHTS_FILE, sha256Hex(facts.weights))]),
    subject('bom', '.weighmark/bom.cdx.json', sha256Hex(facts.bom)),
    ...(facts.records === null || facts.records === undefined
      ? []
      : [subject('list', RECORDS_FILE, sha256Hex(facts.records))]),
    ...files,
  ];
  const whole = buildStatement(subjects, PREDICATES.bom, bom);
  return whole.length * 1.4 <= LIMITS.claimBytes
    ? whole
    : buildStatement(subjects, PREDICATES.bom, summaryOf(facts, bom));
}

/** Of an artifact with tens of thousands of files the claim holds what the BOM says of the whole; its bytes are a subject. */
function summaryOf(facts: SealFacts, bom: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { bomFormat, specVersion, serialNumber, version, metadata } = bom;
  const { component, ...rest } = objectOf(metadata);
  const { components: _files, ...whole } = objectOf(component);
  const hashes = [{ alg: 'SHA-256', content: sha256Hex(facts.bom) }];
  return {
    bomFormat,
    specVersion,
    serialNumber,
    version,
    metadata: { ...rest, component: whole },
    externalReferences: [{ type: 'bom', url: '.weighmark/bom.cdx.json', hashes }],
  };
}

/** A statement about the dataset: which file says what its records are. */
export function recordsStatement(facts: SealFacts, records: string): Uint8Array {
  const references = [{ name: RECORDS_FILE, sha256: sha256Hex(records), mediaType: 'text/plain' }];
  return buildStatement(
    subjectsOf(facts),
    PREDICATES.reference,
    buildReference({ attester: 'https://weighmark.dev/seal', references }),
  );
}

export function stepStatement(facts: SealFacts, step: SealStep): Uint8Array {
  return buildStatement(subjectsOf(facts), PREDICATES.provenance, buildProvenance(step));
}

/** Says something of a feed that lies on this machine, nothing of the artifact. */
const ABOUT_A_FEED = 'WM-FEED-003';

export function scanStatement(
  facts: SealFacts,
  scanned: Scanned,
  run: { version: string; startedOn: string; finishedOn: string },
): Uint8Array {
  return buildStatement(
    subjectsOf(facts),
    PREDICATES.vulns,
    buildScanPredicate({
      ...run,
      findings: scanned.findings.filter(({ rule }) => rule !== ABOUT_A_FEED),
      unexamined: scanned.unexamined,
    }),
  );
}

/** A `package` step from the state sealed before, if only its documentation was edited since. */
export function packageStatement(facts: SealFacts, earlierList: Uint8Array | null): Uint8Array | null {
  const before = earlierList === null ? null : readList(earlierList);
  const predicate = before === null ? null : buildPackageStep(before, facts.files);
  return predicate === null ? null : buildStatement(subjectsOf(facts), PREDICATES.provenance, predicate);
}

function readList(bytes: Uint8Array): readonly ListedFile[] | null {
  try {
    const files = readDigestList(bytes);
    return files.length === 0 ? null : files;
  } catch {
    return null;
  }
}
