import { PREDICATES } from '../claims/predicates.ts';
import type { Statement } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { isJsonObject } from '../base/json.ts';
import { instantOf } from '../base/instant.ts';

/** A promotion as its VSA says it: https://slsa.dev/spec/v1.2/verification_summary */
export interface Promotion {
  readonly verifier: string;
  readonly timeVerified: string;
  readonly resourceUri: string;
  /** From `resourceUri`; null if it is not one of ours. */
  readonly resource: { readonly origin: string; readonly name: string; readonly environment: string } | null;
  /** The environment, only if `verifiedLevels` says it too. */
  readonly environment: string | null;
  /** `sha256:<hex>` */
  readonly policyDigest: string;
  /** Bundles it rests on, hex SHA-256. */
  readonly inputs: readonly string[];
  readonly passed: boolean;
  readonly breakGlass: boolean;
}

export interface PromotionParts {
  readonly verifier: string;
  readonly at: Date;
  readonly origin: string;
  readonly name: string;
  readonly environment: string;
  readonly policy: { readonly name: string; readonly version: number; readonly digest: string };
  /** Hex SHA-256 of every bundle used and of the promotion before. */
  readonly inputs: readonly string[];
  /** False withdraws: nothing of that name is promoted there any more. */
  readonly passed: boolean;
  readonly breakGlass?: boolean;
}

const FIELDS = new Set([
  'verifier',
  'timeVerified',
  'resourceUri',
  'policy',
  'inputAttestations',
  'verificationResult',
  'verifiedLevels',
  'dependencyLevels',
  'slsaVersion',
]);
const SLSA_VERSIONS: readonly unknown[] = ['1.0', '1.1', '1.2'];
const BREAK_GLASS_LEVEL = 'WEIGHMARK_BREAK_GLASS';

/** The predicate of a pure VSA: only fields the standard names. */
export function buildPromotion(parts: PromotionParts): Readonly<Record<string, unknown>> {
  const levels = parts.passed
    ? [levelOf(parts.environment), ...(parts.breakGlass === true ? [BREAK_GLASS_LEVEL] : [])]
    : ['FAILED'];
  return {
    verifier: { id: parts.verifier },
    timeVerified: secondsOf(parts.at),
    resourceUri: resourceUri(parts),
    policy: { uri: policyUri(parts.policy), digest: { sha256: parts.policy.digest.slice('sha256:'.length) } },
    inputAttestations: [...new Set(parts.inputs)].toSorted().map((sha256) => ({ digest: { sha256 } })),
    verificationResult: parts.passed ? 'PASSED' : 'FAILED',
    verifiedLevels: levels,
    slsaVersion: '1.2',
  };
}

/**
 * Null for anything but a well-formed VSA of a known version. Fields more make a PASSED nothing; a FAILED withdraws all the same.
 */
export function readPromotion({ predicateType, predicate }: Statement): Promotion | null {
  const isStrange = Object.keys(predicate).some((field) => !FIELDS.has(field));
  if (predicateType !== PREDICATES.promotion || (isStrange && predicate['verificationResult'] !== 'FAILED'))
    return null;
  const {
    verifier,
    timeVerified,
    resourceUri: uri,
    policy,
    inputAttestations,
    verificationResult,
    verifiedLevels,
    slsaVersion,
  } = predicate;
  const verifierId = textIn(verifier, 'id');
  const policyHex = isJsonObject(policy) ? textIn(policy['digest'], 'sha256') : null;
  const inputs = inputsOf(inputAttestations);
  if (
    verifierId === null ||
    typeof timeVerified !== 'string' ||
    Number.isNaN(instantOf(timeVerified)) ||
    typeof uri !== 'string'
  )
    return null;
  if (!isHex256(policyHex) || inputs === null || !SLSA_VERSIONS.includes(slsaVersion) || !isTextList(verifiedLevels))
    return null;
  if (verificationResult !== 'PASSED' && verificationResult !== 'FAILED') return null;
  const resource = readResource(uri);
  const named = resource !== null && verifiedLevels.includes(levelOf(resource.environment));
  return {
    verifier: verifierId,
    timeVerified,
    resourceUri: uri,
    resource,
    inputs,
    environment: named ? resource.environment : null,
    policyDigest: `sha256:${policyHex}`,
    passed: verificationResult === 'PASSED',
    breakGlass: verifiedLevels.includes(BREAK_GLASS_LEVEL),
  };
}

/** Names a policy and its version; the digest beside it says which bytes. */
export function policyUri({ name, version }: { readonly name: string; readonly version: number }): string {
  return `weighmark:policy/${name}@${version}`;
}

/** What a promotion is about: one name in one environment of the registry with that log. */
export function resourceUri(of: {
  readonly origin: string;
  readonly name: string;
  readonly environment: string;
}): string {
  return `weighmark://${of.origin}/${of.name}?env=${of.environment}`;
}

/** `WEIGHMARK_ENV_PROD`; a policy with two environments of one level is refused. */
export function levelOf(environment: string): string {
  return `WEIGHMARK_ENV_${environmentWord(environment)}`;
}

/** What an approval for the environment says among its properties. */
export function approvalProperty(environment: string): string {
  return `WEIGHMARK_APPROVED_FOR_${environmentWord(environment)}`;
}

/** What a break-glass claim says among its properties. */
export function breakGlassProperty(environment: string): string {
  return `WEIGHMARK_BREAK_GLASS_${environmentWord(environment)}`;
}

function environmentWord(environment: string): string {
  return environment.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

/** The log's origin may hold slashes, and so may the name: the promoter's own words are compared whole, never these parts. */
/** Null for an address of anything else. */
export function readResource(uri: string): Promotion['resource'] {
  const match = /^weighmark:\/\/([^/?#]+)\/([^?#]+)\?env=([a-z0-9._-]+)$/.exec(uri);
  if (match === null) return null;
  return { origin: match[1] ?? '', name: match[2] ?? '', environment: match[3] ?? '' };
}

function inputsOf(value: unknown): readonly string[] | null {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return null;
  const digests = value.map((entry) => (isJsonObject(entry) ? textIn(entry['digest'], 'sha256') : null));
  return digests.every((digest) => isHex256(digest)) ? digests : null;
}

function textIn(value: unknown, key: string): string | null {
  const found = isJsonObject(value) ? value[key] : undefined;
  return typeof found === 'string' && found !== '' ? found : null;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function secondsOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
