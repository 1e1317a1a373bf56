import { withoutSecrets } from './secrets.ts';

/**
 * Every code a user can meet, with the exit code it leads to. One code a cause; codes are stable and documented in
 * docs/errors.md. Several at once: 2, then 1, then 4, then 3 wins (`worstExit`).
 */
export const CODES = {
  // 2: usage or configuration
  usage: 2,
  'config-invalid': 2,
  'config-not-allowed': 2,
  'trust-missing': 2,
  'trust-invalid': 2,
  'anchor-inside': 2,
  'policy-invalid': 2,
  'key-unusable': 2,
  'secret-mismatch': 2,
  'password-wrong': 2,
  'already-exists': 2,
  'not-found': 2,
  'name-invalid': 2,
  'write-refused': 2,
  // 1: a check said no
  'digest-mismatch': 1,
  'digest-conflict': 1,
  'download-conflict': 1,
  'file-missing': 1,
  'file-unsigned': 1,
  'file-changed': 1,
  'name-unsafe': 1,
  'symlink-refused': 1,
  'place-unsafe': 1,
  'special-file': 1,
  'empty-artifact': 1,
  'signature-invalid': 1,
  'signature-malformed': 1,
  'signer-untrusted': 1,
  'identity-mismatch': 1,
  'claim-malformed': 1,
  'claims-limit': 1,
  'claim-missing': 1,
  'claim-conflict': 1,
  'claim-stale': 1,
  'claim-negative': 1,
  'certificate-expired': 1,
  'subject-ambiguous': 1,
  'subject-mismatch': 1,
  'no-verified-time': 1,
  'format-invalid': 1,
  'limit-exceeded': 1,
  'bom-invalid': 1,
  'bom-incomplete': 1,
  'scan-finding': 1,
  differs: 1,
  'not-derived': 1,
  'weights-differ': 1,
  'not-kin': 1,
  'base-contradicted': 1,
  'description-contradicted': 1,
  'derivation-claimed': 1,
  'log-fork': 1,
  'log-rollback': 1,
  'log-key-mismatch': 1,
  'log-invalid': 1,
  'no-rollback-protection': 1,
  'not-promoted': 1,
  'promotion-expired': 1,
  'policy-refused': 1,
  'policy-mismatch': 1,
  'policy-rollback': 1,
  'approval-missing': 1,
  'approver-duplicate': 1,
  'separation-of-duties': 1,
  'lineage-missing': 1,
  'lineage-unattested': 1,
  'lineage-cycle': 1,
  'lineage-too-deep': 1,
  'wrong-signer': 1,
  'time-order': 1,
  'undeclared-input': 1,
  'dependency-unpinned': 1,
  revoked: 1,
  'revocation-orphaned': 1,
  'unsealed-change': 1,
  'policy-signatures': 1,
  'licence-refused': 1,
  'format-refused': 1,
  'record-invalid': 1,
  'proof-invalid': 1,
  'derivation-mismatch': 1,
  'records-overlap': 1,
  'removed-record': 1,
  'digests-from-workers': 1,
  // 3: nothing to verify
  'nothing-to-verify': 3,
  // 4: undecided
  unreadable: 4,
  'records-unsupported': 4,
  network: 4,
  'trust-expired': 4,
  'trust-unavailable': 4,
  'lfs-pointer': 4,
  incomplete: 4,
  'scan-incomplete': 4,
  'derivation-undecided': 4,
  'kinship-undecided': 4,
  'clock-behind': 4,
  'clock-disagrees': 4,
  'log-freshness-unknown': 4,
  'log-pending': 4,
  'revocations-stale': 4,
  'promotion-unreadable': 4,
  'signer-unverifiable': 4,
  'denial-unconfirmed': 4,
  'weights-unlisted': 4,
  'disk-full': 4,
  'memory-short': 4,
  'webhook-undelivered': 4,
  // 70, 130
  internal: 70,
  interrupted: 130,
} as const satisfies Record<string, ExitCode>;

export type ExitCode = 0 | 1 | 2 | 3 | 4 | 70 | 130;
export type Code = keyof typeof CODES;

export interface ErrorDetail {
  /** What the error is about: a path, a reference, a claim; may be hostile text, escaped where it is printed. */
  readonly subject?: string;
  /** Labelled facts printed below the error, such as `signed` and `found`. */
  readonly facts?: Readonly<Record<string, string>>;
  /** A way out: a sentence or a command in backticks. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The one error class: everything that is expected to go wrong is thrown as this, with a stable code. No text of it holds a
 * password or token that an address carried (DESIGN 8.7).
 */
export class WeighmarkError extends Error {
  readonly code: Code;
  readonly subject: string | undefined;
  readonly facts: Readonly<Record<string, string>>;
  readonly hint: string | undefined;

  /** Bytes are tried as one format after the other: where each was refused is not recorded, which costs more than the trying. */
  constructor(code: Code, message: string, detail: ErrorDetail = {}) {
    const limit = Error.stackTraceLimit;
    if (code === 'format-invalid') Error.stackTraceLimit = 0;
    super(withoutSecrets(message), detail.cause === undefined ? undefined : { cause: detail.cause });
    Error.stackTraceLimit = limit;
    this.name = 'WeighmarkError';
    this.code = code;
    this.subject = optional(detail.subject);
    this.facts = Object.fromEntries(
      Object.entries(detail.facts ?? {}).map(([label, fact]) => [label, withoutSecrets(fact)]),
    );
    this.hint = optional(detail.hint);
  }
}

function optional(text: string | undefined): string | undefined {
  return text === undefined ? undefined : withoutSecrets(text);
}

/** What stops a whole run rather than the one thing at hand: the same for everything that was named. */
const OF_THE_RUN: readonly Code[] = [
  'interrupted',
  'internal',
  'config-invalid',
  'config-not-allowed',
  'trust-invalid',
  'trust-unavailable',
  'disk-full',
  'write-refused',
  'place-unsafe',
];

/** Of several things named, one that cannot be judged keeps none of the others from being shown. */
export function isOfOne(error: unknown): error is WeighmarkError {
  return error instanceof WeighmarkError && !OF_THE_RUN.includes(error.code);
}

const EXIT_PRECEDENCE: readonly ExitCode[] = [130, 70, 2, 1, 4, 3, 0];

/** The exit code that wins when several apply (DESIGN 5). An empty list is 3: nothing was verified. */
export function worstExit(exits: readonly ExitCode[]): ExitCode {
  return EXIT_PRECEDENCE.find((exit) => exits.includes(exit)) ?? 3;
}
