import { saysNo } from '../authority/polarity.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { describeSigner } from '../claims/signers.ts';
import { titleOf } from '../claims/titles.ts';
import { manifestOf } from '../claims/subjects.ts';
import type { Signer, VerifiedClaim } from '../claims/types.ts';
import type { EVIDENCE, EvidenceKind } from './controls/catalogue.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { Authority } from '../authority/authority.ts';
import { readPromotion } from '../authority/vsa.ts';
import type { Lineage } from '../lineage/types.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import { summariseBom, type BomSummary } from './bom-summary.ts';

/** One signed claim about the artifact, as a report lists it. */
export interface ReportedClaim {
  /** For people: `provenance (train)`, else the predicate type. */
  readonly title: string;
  readonly predicateType: string;
  readonly signer: string;
  /** SHA-256 of the bundle, hex. */
  readonly bundle: string;
  /** Verified, RFC 3339; null where nobody but the signer says so. */
  readonly time: string | null;
  readonly logIndex: number | null;
  /** Why it no longer counts; null: nobody took it back. */
  readonly revoked: string | null;
  /** Its signer may say this of the artifact, and it was not taken back: only then is it evidence. */
  readonly counts: boolean;
}

/** One promotion in the log whose VSA verified. */
export interface ReportedPromotion extends ReportedClaim {
  readonly environment: string;
  readonly id: string;
  readonly result: string;
  readonly policyDigest: string | null;
  /** What the VSA itself says of its time; counts for nothing but is better than silence. */
  readonly claimedTime: string | null;
}

export interface ReportedScanResult {
  readonly rule: string;
  readonly severity: string;
  readonly message: string;
  readonly path: string;
}

export interface ReportFacts {
  readonly claims: readonly ReportedClaim[];
  readonly bom: BomSummary | null;
  readonly scans: readonly { readonly signer: string; readonly results: readonly ReportedScanResult[] }[];
  readonly evaluations: readonly {
    readonly signer: string;
    readonly result: string;
    readonly metrics: Readonly<Record<string, string>>;
  }[];
  readonly approvals: readonly ReportedClaim[];
  readonly promotions: readonly ReportedPromotion[];
}

export interface ReportedUnder {
  readonly entries: Iterable<LogEntry>;
  /** All ids of the artifact; absent: the one. */
  readonly ids?: readonly string[];
  readonly authority: Authority;
  /** Whether a claim counts, and why not; absent: only claims that count are given. */
  readonly standing?: (claim: VerifiedClaim) => Pick<ReportedClaim, 'revoked' | 'counts'>;
}

/** What verified claims say of the artifact `id`; promotions are those of its name, of any id. */
export function reportFacts(id: string, claims: readonly VerifiedClaim[], under: ReportedUnder): ReportFacts {
  const indexes = new Map(Array.from(under.entries, (entry) => [entry.leaf.bundle.slice('sha256:'.length), entry]));
  const context: Context = {
    indexes,
    nameOf: (signer) => signerName(signer, under.authority),
    standing: under.standing ?? (() => ({ revoked: null, counts: true })),
  };
  const ids = new Set<string | null>([id, ...(under.ids ?? [])]);
  const own = claims.filter(({ statement }) => ids.has(manifestOf(statement)));
  const ofType = (type: string) => own.filter(({ statement }) => statement.predicateType === type);
  const counting = (type: string) => ofType(type).filter((claim) => context.standing(claim).counts);
  return {
    claims: own.map((claim) => reported(claim, context)),
    bom: bomOf(newestOf(counting(PREDICATES.bom), indexes)),
    // What somebody known found is shown, whether or not a scan is theirs to sign.
    scans: ofType(PREDICATES.vulns).map((claim) => ({
      signer: context.nameOf(claim.signer),
      results: scanResults(claim),
    })),
    evaluations: counting(PREDICATES.evaluation).map((claim) => evaluation(claim, context)),
    approvals: ofType(PREDICATES.approval).map((claim) => reported(claim, context)),
    promotions: claims
      .flatMap((claim) => promotion(claim, context))
      .toSorted((a, b) => (a.logIndex ?? 0) - (b.logIndex ?? 0)),
  };
}

/** The evidence that is held for the controls of the frameworks: only what was verified in this run, and counts. */
export function evidenceHeld(
  facts: ReportFacts,
  verified: { readonly content: boolean; readonly lineage: Lineage | null; readonly policy: boolean },
): ReadonlySet<EvidenceKind> {
  const { bom } = facts;
  const claims = facts.claims.filter(({ counts }) => counts);
  const promotions = facts.promotions.filter(({ counts }) => counts);
  const held: Readonly<Record<(typeof EVIDENCE)[number], boolean>> = {
    signature: claims.length > 0,
    digests: verified.content,
    bom: bom !== null,
    tool: some(bom?.tools),
    version: bom?.version != null,
    supplier: bom?.supplier != null,
    timestamp: claims.some(({ time }) => time !== null),
    architecture: bom?.architecture != null,
    interface: some(bom?.interfaces),
    licence: some(bom?.licences),
    dataset: some(bom?.datasets) || hasAttestedDataset(verified.lineage),
    'dataset-digest':
      hasAttestedDataset(verified.lineage) || bom?.datasets.some(({ digests }) => digests.length > 0) === true,
    'base-model': some(bom?.ancestors),
    software: some(bom?.software),
    metrics: some(bom?.metrics) || facts.evaluations.some(({ metrics }) => Object.keys(metrics).length > 0),
    energy: bom?.hasEnergy === true,
    scan: claims.some(({ predicateType }) => predicateType === PREDICATES.vulns),
    provenance: claims.some(({ predicateType }) => predicateType === PREDICATES.provenance),
    evaluation: some(facts.evaluations),
    approval: facts.approvals.some(({ counts }) => counts),
    promotion: some(promotions),
    log: claims.some(({ logIndex }) => logIndex !== null),
    policy: verified.policy,
    inventory: claims.some(({ logIndex }) => logIndex !== null),
    diff: new Set(promotions.map(({ id }) => id)).size > 1,
  };
  const elements = bom?.elements.map((id): EvidenceKind => `g7:${id}`) ?? [];
  return new Set([...Object.entries(held).flatMap(([kind, is]) => (is ? [kind as EvidenceKind] : [])), ...elements]);
}

function hasAttestedDataset(lineage: Lineage | null): boolean {
  const edges = [...(lineage?.nodes.values() ?? [])].flatMap((node) => node.edges);
  return edges.some(({ role, standing }) => role === 'dataset' && standing !== 'refused');
}

function some(list: readonly unknown[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}

interface Context {
  readonly indexes: ReadonlyMap<string, LogEntry>;
  readonly nameOf: (signer: Signer) => string;
  readonly standing: NonNullable<ReportedUnder['standing']>;
}

/** The principal's name beside the key or identity that proves it. */
function signerName(signer: Signer, authority: Authority): string {
  const who = authority.who(signer);
  return typeof who === 'string' ? describeSigner(signer) : `${who.principal.name} (${describeSigner(signer)})`;
}

function reported(claim: VerifiedClaim, { indexes, nameOf, standing }: Context): ReportedClaim {
  return {
    predicateType: claim.statement.predicateType,
    title: titleOf(claim.statement),
    signer: nameOf(claim.signer),
    bundle: claim.bundle,
    time: claim.times.map(({ time }) => time).toSorted()[0] ?? null,
    logIndex: indexes.get(claim.bundle)?.index ?? null,
    ...standing(claim),
  };
}

/** None of one that is not its signer's to make, or says something else than its log entry. */
function promotion(claim: VerifiedClaim, context: Context): readonly ReportedPromotion[] {
  const entry = context.indexes.get(claim.bundle);
  if (claim.statement.predicateType !== PREDICATES.promotion || entry?.leaf.kind !== 'promotion') return [];
  const { counts, revoked } = context.standing(claim);
  if (!counts && revoked === null) return [];
  const isOpen = saysNo(claim.statement) && readPromotion(claim.statement) === null;
  if (
    !isOpen &&
    (manifestOf(claim.statement) !== entry.leaf.manifest ||
      readPromotion(claim.statement)?.resource?.environment !== entry.leaf.env)
  )
    return [];
  const { predicate } = claim.statement;
  const policy = isJsonObject(predicate['policy']) ? predicate['policy'] : {};
  const digest = isJsonObject(policy['digest']) ? policy['digest']['sha256'] : undefined;
  return [
    {
      ...reported(claim, context),
      environment: entry.leaf.env ?? '',
      id: entry.leaf.manifest,
      result: text(predicate['verificationResult']),
      policyDigest: typeof digest === 'string' ? `sha256:${digest}` : null,
      claimedTime: typeof predicate['timeVerified'] === 'string' ? predicate['timeVerified'] : null,
    },
  ];
}

/** By the log, which is the only order that nobody claims. */
function newestOf(claims: readonly VerifiedClaim[], indexes: Context['indexes']): VerifiedClaim | undefined {
  const place = ({ bundle }: VerifiedClaim): number => indexes.get(bundle)?.index ?? -1;
  return claims.toSorted((a, b) => place(a) - place(b)).at(-1);
}

function bomOf(claim: VerifiedClaim | undefined): BomSummary | null {
  return claim === undefined ? null : summariseBom(claim.statement.predicate);
}

function scanResults({ statement }: VerifiedClaim): readonly ReportedScanResult[] {
  const { scanner } = statement.predicate;
  const results =
    isJsonObject(scanner) && Array.isArray(scanner['result']) ? (scanner['result'] as readonly Json[]) : [];
  return results.filter(isJsonObject).map((result) => {
    const severity = Array.isArray(result['severity']) ? (result['severity'] as readonly Json[])[0] : undefined;
    const annotations = isJsonObject(result['annotations']) ? result['annotations'] : {};
    return {
      rule: text(result['id']),
      severity: isJsonObject(severity) ? text(severity['score']) : '',
      message: text(annotations['message']),
      path: text(annotations['path']),
    };
  });
}

function evaluation({ statement, signer }: VerifiedClaim, { nameOf }: Context): ReportFacts['evaluations'][number] {
  const { result, configuration } = statement.predicate;
  const items = Array.isArray(configuration)
    ? (configuration as readonly Json[]).filter(isJsonObject).filter(({ name }) => name === 'metrics')
    : [];
  const annotations = items.flatMap((item) =>
    isJsonObject(item['annotations']) ? Object.entries(item['annotations']) : [],
  );
  const metrics = Object.fromEntries(
    annotations.flatMap(([name, value]) =>
      typeof value === 'number' || typeof value === 'string' ? [[name, `${value}`]] : [],
    ),
  );
  return { signer: nameOf(signer), result: text(result), metrics };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
