import type { Severity } from '../types.ts';

/** One thing a scan can find. `docs/rules.md` is generated from these. */
export interface Rule {
  readonly title: string;
  /** Usual severity; a finding may differ where its circumstances do. */
  readonly severity: Severity;
  readonly why: string;
  readonly fix: string;
  /** MITRE ATLAS techniques, v5.6.0. */
  readonly atlas: readonly string[];
  readonly cwe: readonly number[];
  /** The test that fails without the rule, below `test/domain/scan/`. */
  readonly test: string;
}

export type RuleTable = Readonly<Record<string, Rule>>;
