import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isHex256 } from '../digest/hex.ts';
import { readDerivationPredicate } from './derivation.ts';
import { PREDICATES, STEPS, type Step } from './predicates.ts';
import { checkRecordsCheck } from './records-check.ts';
import { readAbsence, readRemovedRecords } from './removed-records.ts';
import {
  checkDescriptors,
  checkProvenance,
  descriptorOf,
  isText,
  malformed,
  objectOf,
  type StepInput,
} from './provenance.ts';

type Predicate = Readonly<Record<string, unknown>>;

/** What TYPE of `attest` stands for. `step` is there for the steps that are types of their own. */
export interface ClaimType {
  readonly predicateType: string;
  readonly step?: Step;
}

const SHORT: Readonly<Record<string, string>> = {
  provenance: PREDICATES.provenance,
  evaluation: PREDICATES.evaluation,
  approval: PREDICATES.approval,
  scan: PREDICATES.vulns,
  vulns: PREDICATES.vulns,
  scai: PREDICATES.scai,
  dataset: PREDICATES.reference,
  bom: PREDICATES.bom,
  'removed-records': PREDICATES['removed-records'],
  'records-absence': PREDICATES['records-absence'],
  'records-check': PREDICATES['records-check'],
  derivation: PREDICATES.derivation,
};

/** A short name, a step, or an absolute URI. @throws WeighmarkError `usage`. */
export function claimTypeOf(text: string): ClaimType {
  const step = STEPS.find((each) => each === text);
  if (step !== undefined) return { predicateType: PREDICATES.provenance, step };
  const short = Object.hasOwn(SHORT, text) ? SHORT[text] : undefined;
  if (short !== undefined) return { predicateType: short };
  if (text === PREDICATES.integrity) throw new WeighmarkError('usage', 'an OMS signature is made by `weighmark sign`');
  if (text === PREDICATES.revocation)
    throw new WeighmarkError('usage', 'a revocation is made by `weighmark revoke`, which logs it as one');
  if (/^[a-z][a-z0-9+.-]*:\/\/[^\s/]+/i.test(text) && URL.canParse(text)) return { predicateType: text };
  throw new WeighmarkError('usage', `${text} is neither a known type nor a URI`, {
    hint: `types: ${[...Object.keys(SHORT), ...STEPS].join(', ')}`,
  });
}

/** The predicate types `attest` can build from options. */
export function isBuilt(predicateType: string): boolean {
  return [PREDICATES.provenance, PREDICATES.evaluation, PREDICATES.reference].includes(predicateType as never);
}

export interface EvaluationInput {
  readonly result: 'passed' | 'failed';
  /** Datasets and code the evaluation used. */
  readonly inputs: readonly StepInput[];
  readonly metrics: Predicate;
  readonly url?: string;
}

/** in-toto test-result v0.1; the figures are one configuration entry: JSON as content, and as annotations for policies. */
export function buildEvaluation({ result, inputs, metrics, url }: EvaluationInput): Predicate {
  const figures =
    Object.keys(metrics).length === 0
      ? []
      : [
          {
            name: 'metrics',
            mediaType: 'application/json',
            content: base64(JSON.stringify(metrics)),
            annotations: metrics,
          },
        ];
  return {
    result: result === 'passed' ? 'PASSED' : 'FAILED',
    configuration: [...inputs.map(descriptorOf), ...figures],
    ...(url === undefined ? {} : { url }),
  };
}

export interface ReferenceInput {
  readonly attester: string;
  readonly references: readonly {
    readonly name: string;
    readonly sha256: string;
    readonly mediaType: string;
    readonly uri?: string;
  }[];
}

/** in-toto reference v0.1: which document describes the artifact. */
export function buildReference({ attester, references }: ReferenceInput): Predicate {
  return {
    attester: { id: attester },
    references: references.map(({ sha256, uri, ...rest }) => ({
      ...rest,
      ...(uri === undefined ? {} : { uri }),
      digest: { sha256 },
    })),
  };
}

/** Checks a predicate of a known type before it is signed; one of another type is its author's business. @throws `claim-malformed`. */
export function checkPredicate(predicateType: string, predicate: Predicate): void {
  CHECKS[predicateType]?.(predicate);
}

const CHECKS: Readonly<Record<string, (predicate: Predicate) => unknown>> = {
  [PREDICATES.provenance]: checkProvenance,
  [PREDICATES.evaluation]: checkEvaluation,
  [PREDICATES.approval]: checkApproval,
  [PREDICATES.vulns]: checkVulns,
  [PREDICATES.scai]: checkScai,
  [PREDICATES.reference]: checkReference,
  [PREDICATES.bom]: checkBom,
  [PREDICATES.promotion]: checkPromotion,
  [PREDICATES['removed-records']]: readRemovedRecords,
  [PREDICATES['records-absence']]: readAbsence,
  [PREDICATES['records-check']]: checkRecordsCheck,
  [PREDICATES.derivation]: (predicate) => void readDerivationPredicate(predicate),
};

function checkEvaluation({ result, configuration }: Predicate): void {
  if (!['PASSED', 'WARNED', 'FAILED'].includes(String(result)))
    throw malformed('result is not PASSED, WARNED or FAILED');
  checkDescriptors(configuration, 'configuration');
}

function checkApproval({ verifier, timeCreated, properties }: Predicate): void {
  if (!isText(objectOf(verifier)['id'])) throw malformed('verifier.id is missing');
  checkTime(timeCreated, 'timeCreated');
  if (!Array.isArray(properties) || properties.length === 0 || !properties.every(isText))
    throw malformed('properties is not a list of words');
}

function checkVulns({ scanner, metadata }: Predicate): void {
  const { uri, result } = objectOf(scanner);
  if (!isText(uri)) throw malformed('scanner.uri is missing');
  if (!Array.isArray(result)) throw malformed('scanner.result is not a list');
  for (const entry of result) {
    const { id, severity } = objectOf(entry);
    if (!isText(id) || !Array.isArray(severity)) throw malformed('an entry of scanner.result has no id or severity');
  }
  checkTime(objectOf(metadata)['scanStartedOn'], 'metadata.scanStartedOn');
  checkTime(objectOf(metadata)['scanFinishedOn'], 'metadata.scanFinishedOn');
}

function checkScai({ attributes }: Predicate): void {
  if (!Array.isArray(attributes) || attributes.length === 0) throw malformed('attributes is empty or not a list');
  if (!attributes.every((each) => isText(objectOf(each)['attribute'])))
    throw malformed('an entry of attributes has no attribute');
}

function checkReference({ attester, references }: Predicate): void {
  if (!isText(objectOf(attester)['id'])) throw malformed('attester.id is missing');
  if (!Array.isArray(references) || references.length === 0) throw malformed('references is empty or not a list');
  checkDescriptors(references, 'references');
}

function checkBom({ bomFormat, specVersion }: Predicate): void {
  if (bomFormat !== 'CycloneDX' || !isText(specVersion)) throw malformed('not a CycloneDX BOM in JSON');
}

function checkPromotion({
  verifier,
  timeVerified,
  resourceUri,
  policy,
  verificationResult,
  verifiedLevels,
}: Predicate): void {
  if (!isText(objectOf(verifier)['id'])) throw malformed('verifier.id is missing');
  checkTime(timeVerified, 'timeVerified');
  if (!isText(resourceUri)) throw malformed('resourceUri is missing');
  if (!isText(objectOf(policy)['uri']) && !isHex256(objectOf(objectOf(policy)['digest'])['sha256']))
    throw malformed('policy names no uri and no digest');
  if (verificationResult !== 'PASSED' && verificationResult !== 'FAILED')
    throw malformed('verificationResult is not PASSED or FAILED');
  if (!Array.isArray(verifiedLevels) || !verifiedLevels.every(isText))
    throw malformed('verifiedLevels is not a list of words');
}

/** RFC 3339. */
function checkTime(value: unknown, what: string): void {
  if (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  )
    return;
  throw malformed(`${what} is not a time (RFC 3339)`);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
