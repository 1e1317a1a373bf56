import { firstOf } from '../../domain/base/lists.ts';
import { RECORDS_FILE, WEIGHTS_FILE } from '../../domain/base/paths.ts';
import { workersIn } from '../../domain/bom/worker-digests.ts';
import { objectOf } from '../../domain/claims/provenance.ts';
import { describeTimes, nameOf } from '../../domain/claims/signers.ts';
import { checkPackageStep, packagedFrom } from '../../domain/claims/package-step.ts';
import { checkBinding } from '../../domain/claims/binding.ts';
import { kindOf, type MatchedArtifact } from '../../domain/claims/subjects.ts';
import { titleOf } from '../../domain/claims/titles.ts';
import { parseBundle } from '../../domain/claims/bundle.ts';
import { tryDerivation } from '../../domain/claims/derivation.ts';
import { SHOWN_STEPS } from '../../domain/authority/types.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { readProvenance, type Provenance } from '../../domain/lineage/provenance.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import type { Statement } from '../../domain/claims/types.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { findingOf, type Evidence, type Finding } from '../../domain/base/verdict.ts';
import type { Sidecars } from '../content/found.ts';
import type { TrustedClaim } from './bundles.ts';

/** Which trusted claims are about the artifact in hand. */
export interface BoundClaims {
  readonly claims: readonly TrustedClaim[];
  readonly others: readonly TrustedClaim[];
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
  /** What the artifact's trusted descriptions say; nobody checked it here. */
  readonly claimed: readonly Evidence[];
  readonly notes: readonly string[];
  /** Ids this artifact differs from in nothing but documentation, each recomputed (DESIGN 4.3). */
  readonly packagedFrom: readonly string[];
}

/** An artifact whose every file is known. */
export interface KnownArtifact {
  readonly id: string;
  /** All of its ids. */
  readonly ids: readonly string[];
  readonly root: string;
  readonly single: boolean;
  readonly files: readonly ManifestFile[];
}

/** Sorts trusted claims by what they bind (security rule 6). Without an identified artifact none is looked at. */
export function bindClaims(
  claims: readonly TrustedClaim[],
  known: KnownArtifact | null,
  sidecars: Sidecars,
): BoundClaims {
  if (known === null)
    return { claims: [], others: claims, evidence: [], findings: [], claimed: [], notes: [], packagedFrom: [] };
  const artifact = matchedOf(known);
  const judged = claims.map((claim) => ({ claim, problem: bindingProblem(claim, artifact, known.single) }));
  const bound = judged.filter(({ problem }) => problem === null).map(({ claim }) => claim);
  const others = judged.filter(({ problem }) => problem?.code === 'subject-mismatch').map(({ claim }) => claim);
  const findings = judged.flatMap(({ problem }) =>
    problem === null || problem.code === 'subject-mismatch' ? [] : [problem],
  );
  const packaged = bound.flatMap((claim) => packageStep(claim, known));
  const [anothers, wrong] = partition(unsignedBeside(bound, sidecars), (each) => isAnothers(each, sidecars));
  return {
    claims: bound,
    others,
    evidence: bound.map(claimEvidence),
    findings: [...findings, ...wrong.map(besideFinding), ...packaged.filter((each) => typeof each !== 'string')],
    claimed: [
      ...bound.flatMap(({ claim, trustedBy }) => describedBy(claim.statement, nameOf(claim.signer, trustedBy[0]))),
      ...unshownSteps(bound),
    ],
    notes: [
      ...anothers.map(({ path }) => `${path} is of a later seal by somebody nobody trusts here, and was not used`),
      ...(others.length === 0 ? [] : [`${others.length} trusted claims are about other artifacts`]),
      ...packaged
        .filter((each) => typeof each === 'string')
        .map((from) => `only its documentation differs from ${from}, recomputed`),
    ],
    packagedFrom: packaged.filter((each) => typeof each === 'string'),
  };
}

/** Only a claim that names files asks for them: of a million a map takes a second. */
function matchedOf({ id, ids, root, files }: KnownArtifact): MatchedArtifact {
  let byPath: ReadonlyMap<string, string> | undefined;
  return {
    id,
    ids,
    root,
    single: files.length === 1,
    get files() {
      return (byPath ??= new Map(files.map(({ path, sha256 }) => [path, sha256])));
    },
  };
}

function partition<T>(all: readonly T[], isFirst: (each: T) => boolean): readonly [readonly T[], readonly T[]] {
  const first = all.filter(isFirst);
  return [first, all.filter((each) => !first.includes(each))];
}

function bindingProblem({ claim, shown }: TrustedClaim, artifact: MatchedArtifact, lone: boolean): Finding | null {
  try {
    checkBinding(claim.statement, artifact, lone);
    return null;
  } catch (error) {
    return { ...findingOf(error, 'claim-malformed'), subject: shown };
  }
}

/** The id before an edit of documentation, or what is wrong with a step that says so. */
function packageStep({ claim, shown }: TrustedClaim, { files }: KnownArtifact): readonly (string | Finding)[] {
  try {
    return packagedFrom(claim.statement) === null ? [] : checkPackageStep(claim.statement, files).slice(0, 1);
  } catch (error) {
    return [{ ...findingOf(error, 'claim-malformed'), subject: shown }];
  }
}

interface Beside {
  readonly kind: 'list' | 'bom';
  readonly path: string;
  readonly sha256: string;
}

/** The digest list, the weights list and the BOM beside the artifact that trusted claims do not name, though they name others. */
function unsignedBeside(bound: readonly TrustedClaim[], sidecars: Sidecars): readonly Beside[] {
  const subjects = bound
    .filter(({ claim }) => claim.statement.predicateType === PREDICATES.bom)
    .flatMap(({ claim }) => claim.statement.subject);
  const beside = [
    ['list', '.weighmark/files', sidecars.digestList?.sha256 ?? null],
    ['list', WEIGHTS_FILE, sumOf(sidecars.weights)],
    ['bom', '.weighmark/bom.cdx.json', sumOf(sidecars.bom)],
    ['list', RECORDS_FILE, sumOf(sidecars.records)],
  ] as const;
  return beside.flatMap(([kind, path, sha256]) => {
    // A dataset may be indexed after it was sealed: roots that no claim names are nobody's say, and no fault.
    const named = subjects.filter((each) => path !== RECORDS_FILE || each.name === RECORDS_FILE);
    const signed = named.filter((each) => kindOf(each) === kind).map((each) => each.digest['sha256']);
    if (sha256 === null || signed.length === 0) return [];
    return signed.includes(sha256) ? [] : [{ kind, path, sha256 }];
  });
}

function sumOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : sha256Hex(bytes);
}

/** Who seals what another sealed before writes these files anew, and a claim of its own beside: they are then nobody's fault. */
function isAnothers({ kind, sha256 }: Beside, { claims }: Sidecars): boolean {
  return claims.some(({ bytes }) => {
    try {
      const { predicateType, subject } = parseStatement(parseBundle(bytes).payload, LIMITS.filesPerTree);
      return (
        predicateType === PREDICATES.bom &&
        subject.some((each) => kindOf(each) === kind && each.digest['sha256'] === sha256)
      );
    } catch {
      return false;
    }
  });
}

function besideFinding({ path }: Beside): Finding {
  return {
    code: 'digest-mismatch',
    message: `${path} is not the one that was signed`,
    subject: path,
    hint: '`weighmark seal` writes it anew',
  };
}

function claimEvidence({ claim, trustedBy, shown }: TrustedClaim): Evidence {
  const { statement, bundle, signer, times } = claim;
  const time = describeTimes(claim);
  const what = `${titleOf(statement)} by ${nameOf(signer, trustedBy[0])}${time === '' ? '' : `, ${time}`}`;
  const data = {
    predicateType: statement.predicateType,
    bundle: `sha256:${bundle}`,
    signer,
    trustedAs: trustedBy.map(({ name }) => name),
    times,
    found: shown,
  };
  return { what, data };
}

/** Steps of which something can be shown, that somebody claims and nobody whose claim is here has recomputed. */
function unshownSteps(bound: readonly TrustedClaim[]): readonly Evidence[] {
  const shown = bound.flatMap(({ claim }) => tryDerivation(claim.statement)?.parents ?? []);
  return bound.flatMap(({ claim, trustedBy }) => {
    if (claim.statement.predicateType !== PREDICATES.provenance) return [];
    const { step, inputs } = tryProvenance(claim.statement) ?? { step: null, inputs: [] };
    if (SHOWN_STEPS.every((each) => each !== step)) return [];
    return inputs
      .filter(({ role, sha256 }) => role === 'base-model' && !shown.some((parent) => parent.sha256 === sha256))
      .map(({ name }) => ({
        what: `${step} of ${name}, says ${nameOf(claim.signer, trustedBy[0])}; nobody recomputed it`,
      }));
  });
}

function tryProvenance(statement: Statement): Provenance | null {
  try {
    return readProvenance(statement);
  } catch {
    return null;
  }
}

/** Licence and base model as the signed BOM states them: said by its signer, not verified. */
function describedBy(statement: Statement, by: string): readonly Evidence[] {
  if (statement.predicateType !== PREDICATES.bom) return [];
  const component = objectOf(objectOf(statement.predicate['metadata'])['component']);
  const licences = listOf(component['licenses']).map(
    (each) =>
      text(each['expression']) ?? text(objectOf(each['license'])['id']) ?? text(objectOf(each['license'])['name']),
  );
  const ancestors = listOf(objectOf(component['pedigree'])['ancestors']).map((each) => text(each['name']));
  const parts = [
    ...ancestors.filter(Boolean).map((name) => `base model ${name}`),
    ...licences.filter(Boolean).map((name) => `licence ${name}`),
  ];
  return [
    ...(parts.length === 0 ? [] : [{ what: `${parts.join(', ')}, says ${by}'s ML-BOM` }]),
    ...hashedByWorkers(statement, by),
    ...fetchedWhenLoaded(statement, by),
  ];
}

/** The signer did not read all that was signed: `seal --from-parts`. */
function hashedByWorkers({ predicate }: Statement, by: string): readonly Evidence[] {
  return workersIn(predicate).map((said) => ({ what: `digests from workers (${said}), says ${by}'s ML-BOM` }));
}

/** What loaders fetch beside the verified files: nobody's signature here covers it. */
function fetchedWhenLoaded({ predicate }: Statement, by: string): readonly Evidence[] {
  const all = Array.isArray(predicate['components']) ? predicate['components'].map(objectOf) : [];
  const names = all.flatMap((each) =>
    listOf(each['properties']).some(({ name }) => name === 'weighmark:closure')
      ? [[text(each['group']), text(each['name'])].filter(Boolean).join('/')]
      : [],
  );
  if (names.length === 0) return [];
  const what = `loading it fetches ${firstOf(names, SHOWN_FETCHES)}, not covered by this verdict, says ${by}'s ML-BOM`;
  return [{ what, data: { closure: names } }];
}

const SHOWN_FETCHES = 5;

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.slice(0, 20).map(objectOf) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;
}

/** @throws WeighmarkError `subject-mismatch` if no trusted claim is about the artifact. */
export function requireBound(bound: BoundClaims, id: string): void {
  if (bound.claims.length > 0 || bound.findings.length > 0) return;
  throw new WeighmarkError(
    'subject-mismatch',
    'no trusted claim is about these files: they changed, or were never claimed',
    { facts: { found: id } },
  );
}
