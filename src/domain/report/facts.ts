import { PREDICATES } from '../claims/predicates.ts';
import { describeSigner } from '../claims/signers.ts';
import { titleOf } from '../claims/titles.ts';
import { manifestOf } from '../claims/subjects.ts';
import type { Signer, VerifiedClaim } from '../claims/types.ts';
import type { EvidenceKind } from '../controls/catalogue.ts';
import { isJsonObject, type Json } from '../json.ts';
import type { Authority } from '../policy/authority.ts';
import type { Lineage } from '../lineage/types.ts';
import type { LogEntry } from '../ports.ts';
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
  readonly evaluations: readonly { readonly signer: string; readonly result: string; readonly metrics: Readonly<Record<string, string>> }[];
  readonly approvals: readonly ReportedClaim[];
  readonly promotions: readonly ReportedPromotion[];
}

/** What verified claims say of the artifact `id`; promotions are those of its name, of any id. */
export function reportFacts(id: string, claims: readonly VerifiedClaim[], under: { readonly entries: readonly LogEntry[]; readonly authority: Authority }): ReportFacts {
  const indexes = new Map(under.entries.map((entry) => [entry.leaf.bundle.slice('sha256:'.length), entry]));
  const context: Context = { indexes, nameOf: (signer) => signerName(signer, under.authority) };
  const own = claims.filter(({ statement }) => manifestOf(statement) === id);
  const ofType = (type: string) => own.filter(({ statement }) => statement.predicateType === type);
  return {
    claims: own.map((claim) => reported(claim, context)),
    bom: bomOf(ofType(PREDICATES.bom)[0]),
    scans: ofType(PREDICATES.vulns).map((claim) => ({ signer: context.nameOf(claim.signer), results: scanResults(claim) })),
    evaluations: ofType(PREDICATES.evaluation).map((claim) => evaluation(claim, context)),
    approvals: ofType(PREDICATES.approval).map((claim) => reported(claim, context)),
    promotions: claims.flatMap((claim) => promotion(claim, context)).toSorted((a, b) => (a.logIndex ?? 0) - (b.logIndex ?? 0)),
  };
}

/** The evidence that is held for the controls of the frameworks: only what was verified in this run. */
export function evidenceHeld(facts: ReportFacts, verified: { readonly content: boolean; readonly lineage: Lineage | null; readonly policy: boolean }): ReadonlySet<EvidenceKind> {
  const { bom } = facts;
  const held: Readonly<Record<EvidenceKind, boolean>> = {
    signature: facts.claims.length > 0,
    digests: verified.content,
    bom: bom !== null,
    tool: some(bom?.tools),
    version: bom?.version != null,
    supplier: bom?.supplier != null,
    timestamp: facts.claims.some(({ time }) => time !== null),
    architecture: bom?.architecture != null,
    interface: some(bom?.interfaces),
    licence: some(bom?.licences),
    dataset: some(bom?.datasets) || hasAttestedDataset(verified.lineage),
    'dataset-digest': hasAttestedDataset(verified.lineage) || bom?.datasets.some(({ digests }) => digests.length > 0) === true,
    'base-model': some(bom?.ancestors),
    software: some(bom?.software),
    metrics: some(bom?.metrics) || facts.evaluations.some(({ metrics }) => Object.keys(metrics).length > 0),
    energy: bom?.hasEnergy === true,
    scan: some(facts.scans),
    provenance: facts.claims.some(({ predicateType }) => predicateType === PREDICATES.provenance),
    evaluation: some(facts.evaluations),
    approval: some(facts.approvals),
    promotion: some(facts.promotions),
    log: facts.claims.some(({ logIndex }) => logIndex !== null),
    policy: verified.policy,
    inventory: facts.claims.some(({ logIndex }) => logIndex !== null),
    diff: new Set(facts.promotions.map(({ id }) => id)).size > 1,
  };
  return new Set(Object.entries(held).flatMap(([kind, is]) => (is ? [kind as EvidenceKind] : [])));
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
}

/** The principal's name beside the key or identity that proves it. */
function signerName(signer: Signer, authority: Authority): string {
  const who = authority.who(signer);
  return typeof who === 'string' ? describeSigner(signer) : `${who.principal.name} (${describeSigner(signer)})`;
}

function reported(claim: VerifiedClaim, { indexes, nameOf }: Context): ReportedClaim {
  return {
    predicateType: claim.statement.predicateType,
    title: titleOf(claim.statement),
    signer: nameOf(claim.signer),
    bundle: claim.bundle,
    time: claim.times.map(({ time }) => time).toSorted()[0] ?? null,
    logIndex: indexes.get(claim.bundle)?.index ?? null,
  };
}

function promotion(claim: VerifiedClaim, context: Context): readonly ReportedPromotion[] {
  const entry = context.indexes.get(claim.bundle);
  if (claim.statement.predicateType !== PREDICATES.promotion || entry?.leaf.kind !== 'promotion') return [];
  const { predicate } = claim.statement;
  const policy = isJsonObject(predicate['policy']) ? predicate['policy'] : {};
  const digest = isJsonObject(policy['digest']) ? policy['digest']['sha256'] : undefined;
  return [{
    ...reported(claim, context),
    environment: entry.leaf.env ?? '',
    id: entry.leaf.manifest,
    result: text(predicate['verificationResult']),
    policyDigest: typeof digest === 'string' ? `sha256:${digest}` : null,
    claimedTime: typeof predicate['timeVerified'] === 'string' ? predicate['timeVerified'] : null,
  }];
}

function bomOf(claim: VerifiedClaim | undefined): BomSummary | null {
  return claim === undefined ? null : summariseBom(claim.statement.predicate);
}

function scanResults({ statement }: VerifiedClaim): readonly ReportedScanResult[] {
  const { scanner } = statement.predicate;
  const results = isJsonObject(scanner) && Array.isArray(scanner['result']) ? (scanner['result'] as readonly Json[]) : [];
  return results.filter(isJsonObject).map((result) => {
    const severity = Array.isArray(result['severity']) ? (result['severity'] as readonly Json[])[0] : undefined;
    const annotations = isJsonObject(result['annotations']) ? result['annotations'] : {};
    return { rule: text(result['id']), severity: isJsonObject(severity) ? text(severity['score']) : '', message: text(annotations['message']), path: text(annotations['path']) };
  });
}

function evaluation({ statement, signer }: VerifiedClaim, { nameOf }: Context): ReportFacts['evaluations'][number] {
  const { result, configuration } = statement.predicate;
  const items = Array.isArray(configuration) ? (configuration as readonly Json[]).filter(isJsonObject).filter(({ name }) => name === 'metrics') : [];
  const annotations = items.flatMap((item) => (isJsonObject(item['annotations']) ? Object.entries(item['annotations']) : []));
  const metrics = Object.fromEntries(annotations.flatMap(([name, value]) => (typeof value === 'number' || typeof value === 'string' ? [[name, `${value}`]] : [])));
  return { signer: nameOf(signer), result: text(result), metrics };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
