import { createHash } from 'node:crypto';
import { forTerminal } from '../../domain/base/text.ts';
import { findingsOf, type Finding, type Verdict } from '../../domain/base/verdict.ts';

export interface SarifRule {
  /** Stable: `WM-PICKLE-001`, `digest-mismatch`. */
  readonly id: string;
  readonly title: string;
  readonly help?: string;
  /** 0.0 to 10.0, as code scanning sorts by. */
  readonly securitySeverity?: number;
  readonly tags?: readonly string[];
}

export interface SarifResult {
  readonly ruleId: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  /** Relative, `/`-separated; SARIF consumers match on it between runs. */
  readonly path: string;
  /** What makes two findings the same between runs, beyond rule and path: a member, a tensor, an offset. */
  readonly identity?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  /** Bytes from the start of the file, where that is known; a place inside an archive's member is none. */
  readonly byteOffset?: number;
  /** The policy's word: accepted, or not any more. */
  readonly suppression?: { readonly accepted: boolean; readonly justification: string };
}

/** What the tool says of its own run: a file that it could not examine. */
export interface SarifNotice {
  readonly message: string;
  readonly path: string;
}

/** SARIF 2.1.0; `results` is there and empty when all is well, so that old alerts close. */
export function sarifLog(
  version: string,
  rules: readonly SarifRule[],
  results: readonly SarifResult[],
  notices: readonly SarifNotice[] = [],
): object {
  const invocations = notices.length === 0 ? {} : { invocations: [invocation(notices)] };
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: driver(version, rules) },
        columnKind: 'unicodeCodePoints',
        ...invocations,
        results: results.map(result),
      },
    ],
  };
}

function invocation(notices: readonly SarifNotice[]): object {
  return {
    executionSuccessful: true,
    toolExecutionNotifications: notices.map(({ message, path }) => ({
      level: 'warning',
      message: { text: forTerminal(message) },
      locations: [{ physicalLocation: { artifactLocation: { uri: relativeUri(path) } } }],
    })),
  };
}

/** A verdict's findings; the rule is the code. */
export function verdictSarif(version: string, verdict: Verdict): object {
  const findings = findingsOf(verdict);
  const rules = [...new Set(findings.map(({ code }) => code))].map((id) => ({ id, title: id.replaceAll('-', ' ') }));
  return sarifLog(
    version,
    rules,
    findings.map((finding) => findingResult(finding, verdict.subject)),
  );
}

function findingResult(finding: Finding, subject: string): SarifResult {
  const message = finding.hint === undefined ? finding.message : `${finding.message}. ${finding.hint}`;
  return { ruleId: finding.code, level: 'error', message, path: finding.subject ?? subject };
}

function driver(version: string, rules: readonly SarifRule[]): object {
  return {
    name: 'weighmark',
    version,
    informationUri: 'https://github.com/weighmark/weighmark',
    rules: rules.map(({ id, title, help, securitySeverity, tags }) => ({
      id,
      shortDescription: { text: title },
      ...(help === undefined ? {} : { help: { text: help } }),
      helpUri: `https://github.com/weighmark/weighmark/blob/main/docs/${id.startsWith('WM-') ? 'rules' : 'errors'}.md#${id.toLowerCase()}`,
      properties: {
        ...(securitySeverity === undefined ? {} : { 'security-severity': securitySeverity.toFixed(1) }),
        tags: ['security', ...(tags ?? [])],
      },
    })),
  };
}

function result({ ruleId, level, message, path, identity, properties, byteOffset, suppression }: SarifResult): object {
  const uri = relativeUri(path);
  const region = byteOffset === undefined ? { startLine: 1 } : { byteOffset };
  return {
    ruleId,
    level,
    message: { text: forTerminal(message) },
    locations: [{ physicalLocation: { artifactLocation: { uri }, region } }],
    partialFingerprints: {
      'weighmark/v1': createHash('sha256')
        .update([ruleId, uri, identity ?? ''].join('\0'))
        .digest('hex'),
    },
    ...(properties === undefined ? {} : { properties }),
    ...(suppression === undefined
      ? {}
      : {
          suppressions: [
            {
              kind: 'external',
              status: suppression.accepted ? 'accepted' : 'rejected',
              justification: forTerminal(suppression.justification),
            },
          ],
        }),
  };
}

function relativeUri(path: string): string {
  const parts = path
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  return parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/') || '.';
}
