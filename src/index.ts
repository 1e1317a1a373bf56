/**
 * weighmark as a library: the same flows as the commands, with the caller's own trust, signer, progress and abort signal.
 * Nothing is read from the environment or from configuration files; between calls only logs that were seen are remembered (`env`).
 */
export { CODES, WeighmarkError, type Code, type ErrorDetail, type ExitCode } from './domain/base/errors.ts';
export {
  findingsOf,
  type Check,
  type Evidence,
  type Finding,
  type Outcome,
  type Verdict,
} from './domain/base/verdict.ts';
export { buildManifest, parseManifest, type Manifest, type ManifestFile } from './domain/digest/manifest.ts';
export { formatDigestList, parseDigestList, type ListedFile } from './domain/digest/list.ts';
export { omsRoot } from './domain/digest/root.ts';
export { PREDICATES, type Step } from './domain/claims/predicates.ts';
export type {
  Signer,
  Statement,
  Subject,
  TrustAnchor,
  TrustEntry,
  VerifiedClaim,
  VerifiedTime,
} from './domain/claims/types.ts';
export type { ClaimSigner } from './domain/ports/signing.ts';
export type { HashAlgorithm } from './domain/digest/algorithm.ts';
export type { HashResult } from './domain/ports/hasher.ts';
export type { NewRegistry, Registry } from './domain/ports/registry.ts';
export type { Policy } from './domain/authority/types.ts';
export type { Advice } from './domain/policy/advice.ts';
export type { ArtifactScan } from './flows/content/scan.ts';
export type { InspectOutcome } from './flows/describe/inspect.ts';
export type { LineageOutcome } from './flows/gate/lineage.ts';
export type { PromoteOutcome } from './flows/gate/promote.ts';
export type { PushOutcome } from './flows/registry/push.ts';
export type { Described } from './flows/bom/create.ts';
export type { BomDiffOutcome } from './flows/bom/diff.ts';
export type { BomValidateOutcome } from './flows/bom/validate.ts';
export type { IndexOutcome } from './flows/data/index-dataset.ts';
export type { Proven } from './domain/records/proof.ts';
export type { CaseResult } from './flows/gate/policy-test.ts';
export type { Promotion } from './flows/gate/promote-all.ts';
export type { Integrated, LogHead, ProvenEntry } from './flows/registry/log.ts';
export type { DeriveOutcome } from './flows/derive/outcome.ts';
export type { KinOutcome } from './flows/derive/kin.ts';
export type { Inventory, InventoryItem } from './flows/load/inventory-types.ts';
export type { CopyOutcome } from './flows/registry/copy.ts';
export type { ImpactOutcome } from './flows/watch/impact.ts';
export type { RecordImpact } from './flows/watch/impact-record.ts';
export type { WeightsImpact } from './flows/watch/impact-weights.ts';
export type { SignOutcome } from './flows/sign/sign.ts';
export type { SealOutcome } from './flows/sign/seal.ts';
export type { VerifyOutcome } from './flows/verify/types.ts';
export type { AttestOutcome } from './flows/sign/attest.ts';
export type { KeygenOutcome } from './flows/sign/keygen.ts';
export type { Report } from './flows/watch/report.ts';
export type { ApprovalView, ApproveOutcome } from './flows/gate/approve.ts';
export type { AuditOutcome } from './flows/watch/audit.ts';
export type { PullOutcome } from './flows/registry/pull.ts';
export type { RevokeOutcome } from './flows/gate/revoke.ts';
export type { RollbackOutcome } from './flows/gate/rollback.ts';

export type { CallOptions } from './library/ports.ts';
export {
  attest,
  hash,
  inspect,
  keygen,
  keySigner,
  scan,
  seal,
  sign,
  verify,
  type AttestOptions,
  type FileFinding,
  type ScanOutcome,
  type SealOptions,
  type SignOptions,
  type VerifyOptions,
} from './library/artifact.ts';
export { derive, diff, kin, type ArtifactDiff, type CompareOptions, type DeriveOptions } from './library/weights.ts';
export {
  checkDerivation,
  checkDisjoint,
  checkProof,
  checkRemoved,
  diffDatasets,
  indexDataset,
  proveRecords,
  type DatasetDiff,
  type DatasetDiffOptions,
  type DatasetOptions,
  type IndexOptions,
  type ProvenRecords,
  type RecordsAsked,
} from './library/dataset.ts';
export {
  checkLogProof,
  integrate,
  proveLogged,
  showLog,
  verifyLog,
  type IntegrateOptions,
  type LogAsked,
  type LoggedProof,
  type ShownLog,
  type ShowLogOptions,
} from './library/log.ts';
export { createBom, diffBoms, toSpdx, validateBom, verifyBom, type BomOptions } from './library/bom.ts';
export {
  collectGarbage,
  copy,
  initRegistry,
  list,
  openRegistry,
  pull,
  push,
  type Listed,
  type ListOptions,
  type PullOptions,
  type RegistryOptions,
} from './library/registry.ts';
export {
  approve,
  explain,
  lineage,
  lintPolicy,
  parsePolicy,
  promote,
  promoteAll,
  revoke,
  rollback,
  testPolicy,
  type ApproveOptions,
  type GateOptions,
  type PromoteOptions,
  type RevokeOptions,
  type RollbackOptions,
} from './library/gate.ts';
export {
  audit,
  impact,
  impactOfRecord,
  impactOfWeights,
  report,
  type AuditOptions,
  type ImpactOptions,
  type ReportOptions,
} from './library/watch.ts';
export { inventory, type InventoryOptions } from './library/load.ts';
export { trustStore } from './library/trust.ts';
