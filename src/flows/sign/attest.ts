import { buildEvaluation, buildReference, checkPredicate, type ClaimType } from '../../domain/claims/attestations.ts';
import { mergeClaims } from '../../domain/claims/claims-file.ts';
import { PREDICATES, type Step } from '../../domain/claims/predicates.ts';
import { predicateOfList } from '../../domain/claims/removed-records.ts';
import { buildProvenance } from '../../domain/claims/provenance.ts';
import { buildStatement } from '../../domain/claims/statement.ts';
import { subject, subjectsOf } from '../../domain/claims/subjects.ts';
import type { Subject } from '../../domain/claims/types.ts';
import { hexOfOciDigest, sha256Hex } from '../../domain/digest/hex.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { attachClaim } from '../registry/attach.ts';
import { parseReference, placeOf, type Reference } from '../../domain/registry/reference.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { baseName } from './oms-sign.ts';
import { filesOf } from '../registry/registry-show.ts';
import { identifyTree, resolveInputs, type ResolvePorts } from '../registry/resolve-inputs.ts';

export interface AttestInput {
  readonly ref: string;
  readonly type: ClaimType;
  /** Absolute path of a predicate in JSON; then nothing is built from the other members. */
  readonly predicateFile?: string;
  /** The same, as it is. */
  readonly predicate?: Readonly<Record<string, unknown>>;
  readonly step?: Step;
  readonly inputs: readonly string[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly result?: 'passed' | 'failed';
  readonly url?: string;
  readonly builder?: string;
  /** Absolute paths of documents that describe the artifact. */
  readonly references: readonly string[];
  /** NAME:VERSION to sign; default: the file or folder's own name, or the registry's. */
  readonly name?: string;
  /** Absolute path to write the bundle to, instead of beside the artifact or into the registry. */
  readonly to?: string;
}

export interface AttestPorts extends ResolvePorts {
  readonly signer: ClaimSigner;
}

export interface AttestOutcome {
  readonly id: string;
  readonly predicateType: string;
  /** SHA-256 of the bundle, `sha256:<hex>`. */
  readonly bundle: string;
  readonly signer: string;
  /** Where the claim went: a path, or the registry. */
  readonly written: string;
}

/**
 * One more claim about an artifact, checked against its type before it is signed.
 * @throws WeighmarkError `usage`, `claim-malformed`, `not-found`, and what hashing and signing throw.
 */
export async function attest(input: AttestInput, ports: AttestPorts): Promise<AttestOutcome> {
  const predicate =
    input.predicate ??
    (input.predicateFile === undefined ? await build(input, ports) : await readPredicate(input.predicateFile, ports));
  checkPredicate(input.type.predicateType, predicate);
  const target = await targetOf(input, ports);
  const payload = buildStatement(target.subjects, input.type.predicateType, predicate);
  if (payload.length * 1.4 > LIMITS.claimBytes)
    throw new WeighmarkError('claims-limit', `the claim would be larger than ${LIMITS.claimBytes} bytes`);
  const bundle = await ports.signer.sign(payload);
  const written = await target.store(bundle);
  return {
    id: target.id,
    predicateType: input.type.predicateType,
    bundle: `sha256:${sha256Hex(bundle)}`,
    signer: ports.signer.description,
    written,
  };
}

async function readPredicate(location: string, ports: AttestPorts): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await ports.files.read(location, LIMITS.claimBytes);
  const removed = predicateOfList(bytes);
  if (removed !== null) return removed;
  return parseStrictJsonObject(bytes, {
    code: 'claim-malformed',
    subject: baseName(location),
    refuseUnsafeIntegers: false,
  });
}

async function build(input: AttestInput, ports: AttestPorts): Promise<Readonly<Record<string, unknown>>> {
  const { predicateType } = input.type;
  const step = input.type.step ?? input.step;
  if (predicateType === PREDICATES.provenance) {
    if (step === undefined)
      throw new WeighmarkError('usage', 'which step? say `--step train`, or give `--predicate FILE`');
    return buildProvenance({
      step,
      inputs: await resolveInputs(input.inputs, ports),
      parameters: input.parameters,
      ...(input.builder === undefined ? {} : { builder: input.builder }),
    });
  }
  if (predicateType === PREDICATES.evaluation) return evaluation(input, ports);
  if (predicateType === PREDICATES.reference && input.references.length > 0) return reference(input, ports);
  throw new WeighmarkError('usage', `a claim of type ${predicateType} needs \`--predicate FILE\``);
}

async function evaluation(input: AttestInput, ports: AttestPorts): Promise<Readonly<Record<string, unknown>>> {
  if (input.result === undefined)
    throw new WeighmarkError('usage', 'an evaluation has a result: `--result passed` or `--result failed`');
  return buildEvaluation({
    result: input.result,
    inputs: await resolveInputs(input.inputs, ports),
    metrics: input.metrics,
    ...(input.url === undefined ? {} : { url: input.url }),
  });
}

async function reference(
  { references, url }: AttestInput,
  ports: AttestPorts,
): Promise<Readonly<Record<string, unknown>>> {
  const read = await Promise.all(
    references.map(async (location) => ({ location, bytes: await ports.files.read(location, LIMITS.documentBytes) })),
  );
  return buildReference({
    attester: ports.signer.description,
    references: read.map(({ location, bytes }) => ({
      name: baseName(location),
      sha256: sha256Hex(bytes),
      mediaType: mediaTypeOf(location),
      ...(url === undefined ? {} : { uri: url }),
    })),
  });
}

function mediaTypeOf(location: string): string {
  if (/\.cdx\.json$/i.test(location)) return 'application/vnd.cyclonedx+json';
  if (/croissant|\.jsonld$/i.test(location)) return 'application/ld+json; profile="http://mlcommons.org/croissant/1.0"';
  return /\.json$/i.test(location) ? 'application/json' : 'text/plain';
}

interface Target {
  readonly id: string;
  readonly subjects: readonly Subject[];
  /** Stores the bundle and says where. */
  store(bundle: Uint8Array): Promise<string>;
}

async function targetOf(input: AttestInput, ports: AttestPorts): Promise<Target> {
  const ref = parseReference(input.ref);
  const target =
    ref.kind === 'path'
      ? await pathTarget(ref.path, input, ports)
      : ref.kind === 'digest'
        ? digestTarget(ref.digest, input)
        : await registryTarget(ref, input, ports);
  const { to } = input;
  if (to === undefined) return target;
  return { ...target, store: async (bundle) => ports.files.write(to, mergeClaims(null, [bundle])).then(() => to) };
}

async function pathTarget(path: string, input: AttestInput, ports: AttestPorts): Promise<Target> {
  const location = ports.locate(path);
  const { id, root } = await identifyTree(location, path, ports);
  const kind = (await ports.files.kindOf(location)) === 'file' ? 'file' : 'directory';
  const { claims } = sidecarsOf({ root: location, kind });
  const store = async (bundle: Uint8Array): Promise<string> => {
    await ports.files.write(
      claims,
      mergeClaims(await ports.files.readIfThere(claims, LIMITS.claimsFileBytes), [bundle]),
    );
    return claims;
  };
  return { id, subjects: subjectsOf({ id, root, name: input.name ?? baseName(location) }), store };
}

/** Nothing but the id is known: the claim names only that. */
function digestTarget(digest: string, input: AttestInput): Target {
  const store = async (): Promise<string> => {
    throw new WeighmarkError(
      'usage',
      'where to? a bare digest has no place of its own: say `--to FILE`, or NAME@sha256:…',
    );
  };
  return { id: digest, subjects: [subject('manifest', input.name ?? digest, hexOfOciDigest(digest))], store };
}

async function registryTarget(
  ref: Exclude<Reference, { kind: 'path' | 'digest' }>,
  input: AttestInput,
  ports: AttestPorts,
): Promise<Target> {
  const place = placeOf(ref);
  const registry: Registry = await ports.registry(place.location);
  const id = await registry.resolve(place.name, place.reference);
  const files = await filesOf(registry, place.name, id);
  const root = omsRoot(files.map(({ sha256 }) => sha256));
  const name = input.name ?? ('tag' in ref ? `${place.name}:${ref.tag}` : place.name);
  const store = async (bundle: Uint8Array): Promise<string> => {
    await attachClaim({ name: place.name, manifest: id, bundle }, registry);
    return `${registry.location}, ${place.name}@${id}`;
  };
  return { id, subjects: subjectsOf({ id, root, name }), store };
}
