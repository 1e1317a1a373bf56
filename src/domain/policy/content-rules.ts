import { PREDICATES, SCANS } from '../claims/predicates.ts';
import type { Lineage } from '../lineage/types.ts';
import { isJsonObject } from '../base/json.ts';
import type { Evidence, Finding } from '../base/verdict.ts';
import { licencesOf, pedigreeOf } from './bom-rules.ts';
import { datasetsIn } from './dataset-claims-rule.ts';
import { acceptedOf, denialsOf, type Accepted, type Case } from './facts.ts';
import { NOTHING, ageProblem, unconfirmed, type RuleResult } from './required.ts';
import { suppressionOf, suppressionText } from './suppressions.ts';
import { SEVERITIES, type Environment, type Severity } from '../authority/types.ts';

/** Formats of the files themselves, as their bytes show them. */
export function checkFormats(of: Case): RuleResult {
  const rule = of.environment.formats;
  if (rule === undefined) return NOTHING;
  const formats = [...of.facts.content.formats];
  if (formats.length === 0)
    return {
      ...NOTHING,
      findings: [{ code: 'format-refused', message: 'the format of no file is known', subject: of.facts.id }],
    };
  const wrong = formats.filter(
    ([, format]) => rule.deny?.includes(format) === true || (rule.allow !== undefined && !rule.allow.includes(format)),
  );
  const findings = wrong
    .slice(0, 20)
    .map(([path, format]): Finding => ({
      code: 'format-refused',
      message: `${path} is ${format}, which the policy does not allow`,
      subject: of.facts.id,
      facts: { path, format },
    }));
  const names = [...new Set(formats.map(([, format]) => format))].toSorted();
  return { ...NOTHING, findings, evidence: findings.length > 0 ? [] : [{ what: `formats ${names.join(', ')}` }] };
}

/** Licences of the datasets it was made from. */
export function checkDatasets(of: Case, lineage: Lineage): RuleResult {
  const rule = of.environment.datasets?.licences;
  if (rule === undefined) return NOTHING;
  const datasets = datasetsIn(lineage);
  if (datasets.length === 0)
    return {
      ...NOTHING,
      findings: [
        {
          code: 'licence-refused',
          message: 'no dataset is known whose licence could be looked at',
          subject: of.facts.id,
        },
      ],
    };
  const results = datasets.map((digest) =>
    licencesOf(of, of.index.about(digest), { rule, subject: `sha256:${digest}` }),
  );
  return {
    evidence: results.flatMap(({ evidence }) => evidence),
    findings: results.flatMap(({ findings }) => findings),
    used: results.flatMap(({ used }) => used),
  };
}

/** A scan by the right signer, fresh, that found nothing at or above the policy's severity; any that did blocks. */
export function checkScan(of: Case): RuleResult {
  const rule = of.environment.scan;
  if (rule === undefined) return NOTHING;
  const scans = SCANS.flatMap((type) => acceptedOf(of, of.aboutContent, type, rule.role));
  const judged = heardScans(of, rule);
  const findings = judged.flatMap(({ finding }) => finding ?? []);
  const accepted = judged.flatMap(({ evidence }) => evidence ?? []);
  const fresh = scans.filter((scan) => ageProblem(of, scan, 'scan', rule.maxAgeMs) === null);
  if (fresh.length === 0) return { ...NOTHING, findings: [...findings, noScan(of, scans)] };
  return {
    evidence: [
      ...accepted,
      ...(findings.length > 0
        ? []
        : fresh.map(({ principal }) => ({
            what: `scanned by ${principal}: nothing ${accepted.length > 0 ? 'else ' : ''}${rule.failOn} or worse`,
          }))),
    ],
    findings,
    used: fresh,
  };
}

/** What scanners found, whether any scan is fresh or not: what is in an environment already does not stay with it. */
export function scanDenials(of: Case): readonly Finding[] {
  const rule = of.environment.scan;
  return rule === undefined ? [] : heardScans(of, rule).flatMap(({ finding }) => finding ?? []);
}

/** What scanners found counts though it is not dated; by one lost since it is open. */
function heardScans(of: Case, rule: NonNullable<Environment['scan']>): readonly Judged[] {
  return SCANS.flatMap((type) => denialsOf(of, type))
    .filter(({ roles }) => roles.includes(rule.role))
    .flatMap((denial) => {
      const judged = judgeScan(of, { ...denial, principal: denial.by }, rule.failOn);
      const found = judged.some(({ finding }) => finding !== undefined);
      return found && denial.lost !== null ? [{ finding: unconfirmed(of, denial, 'found something in it') }] : judged;
    });
}

function noScan(of: Case, scans: readonly Accepted[]): Finding {
  const [scan] = scans;
  const stale = scan === undefined ? null : ageProblem(of, scan, 'scan', of.environment.scan?.maxAgeMs);
  return (
    stale ?? {
      code: 'claim-missing',
      message: `it has no scan by a ${of.environment.scan?.role}`,
      subject: of.facts.id,
    }
  );
}

/** vulns/v0.2 lists severities; a scan that cannot be read, or a severity nobody knows, counts as the worst. */
function judgeScan(
  of: Case,
  { claim, principal }: Pick<Accepted, 'claim' | 'principal'>,
  failOn: Severity,
): readonly Judged[] {
  const { predicate, predicateType } = claim.statement;
  const found = predicateType === PREDICATES.vulns ? vulnerabilities(predicate) : scaiSeverities(predicate);
  const worse = found.filter(({ severity }) => SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(failOn));
  const judged = worse.map((found) => judgeFound(of, found, { principal, claim: `sha256:${claim.bundle}` }));
  return [
    ...judged.filter(({ finding }) => finding !== undefined).slice(0, 20),
    ...judged.filter(({ evidence }) => evidence !== undefined).slice(0, 20),
  ];
}

interface Judged {
  readonly finding?: Finding;
  /** Suppressed: said, and not counted. */
  readonly evidence?: Evidence;
}

function judgeFound(
  of: Case,
  { id, severity, path }: Found,
  { principal, claim }: { principal: string; claim: string },
): Judged {
  const { content, name, now } = of.facts;
  const sha256 = path === undefined ? undefined : content.digests?.get(path);
  const suppressed = suppressionOf(
    of.policy.suppressions,
    { rule: id, ...(path === undefined ? {} : { path }), ...(sha256 === undefined ? {} : { sha256 }) },
    { name, now },
  );
  const message = `${principal} found ${id} (${severity})${path === undefined ? '' : ` in ${path}`}`;
  const said = suppressed === null ? message : `${message}; ${suppressionText(suppressed)}`;
  if (suppressed?.state === 'active') return { evidence: { what: said, data: { ...suppressed, rule: id, claim } } };
  return { finding: { code: 'scan-finding', message: said, subject: of.facts.id, facts: { claim } } };
}

interface Found {
  readonly id: string;
  /** Where the scanner says it is. */
  readonly path?: string;
  readonly severity: Severity;
}

function vulnerabilities(predicate: Readonly<Record<string, unknown>>): readonly Found[] {
  const scanner = predicate['scanner'];
  const result = isJsonObject(scanner) ? scanner['result'] : undefined;
  if (!Array.isArray(result)) return [{ id: 'a result that cannot be read', severity: 'critical' }];
  return result.flatMap((entry) => {
    const { id, severity, annotations } = isJsonObject(entry) ? entry : {};
    const path = isJsonObject(annotations) ? annotations['path'] : undefined;
    const scores = Array.isArray(severity)
      ? severity.map((each: unknown) => (isJsonObject(each) ? each['score'] : undefined))
      : [];
    const harmless = scores.length > 0 && scores.every((score) => score === 'info' || score === 'none');
    return harmless
      ? []
      : [
          {
            id: typeof id === 'string' ? id : '(no id)',
            severity: worst(scores.map(severityOf)),
            ...(typeof path === 'string' ? { path } : {}),
          },
        ];
  });
}

/** SCAI attributes of ours are positive statements; one that names a finding says so by its prefix. */
function scaiSeverities(predicate: Readonly<Record<string, unknown>>): readonly Found[] {
  const { attributes } = predicate;
  if (!Array.isArray(attributes)) return [{ id: 'a result that cannot be read', severity: 'critical' }];
  return attributes.flatMap((entry) => {
    const attribute = isJsonObject(entry) ? entry['attribute'] : undefined;
    if (typeof attribute !== 'string') return [{ id: '(no attribute)', severity: 'critical' as const }];
    const match = /^(?:WEIGHMARK_)?(?:FOUND|FINDING)_(CRITICAL|HIGH|MEDIUM|LOW)/i.exec(attribute);
    return match === null ? [] : [{ id: attribute, severity: severityOf(match[1]) }];
  });
}

/** A word, or a CVSS base score. */
function severityOf(score: unknown): Severity {
  const word = SEVERITIES.find((severity) => severity === String(score).toLowerCase());
  if (word !== undefined) return word;
  const number = typeof score === 'number' ? score : /^\d+(?:\.\d+)?$/.test(String(score)) ? Number(score) : Number.NaN;
  if (number >= 9 || Number.isNaN(number)) return 'critical';
  if (number >= 7) return 'high';
  return number >= 4 ? 'medium' : 'low';
}

function worst(severities: readonly Severity[]): Severity {
  return SEVERITIES.find((severity) => severities.includes(severity)) ?? 'critical';
}

/** A base that files or the BOM name and the provenance does not (rule 14). */
export function checkDeclaredBases(of: Case, lineage: Lineage): readonly Finding[] {
  const inputs =
    lineage.nodes
      .get(of.digest)
      ?.edges.filter(({ role }) => role === 'base-model' || role === 'adapter' || role === 'package') ?? [];
  if (inputs.some(({ role }) => role === 'package')) return [];
  const boms = acceptedOf(of, of.about, PREDICATES.bom).flatMap(({ claim }) =>
    pedigreeOf(claim.statement.predicate).map((base) => ({ ...base, where: 'its BOM' })),
  );
  const named = [...of.facts.content.declaredBases.map((base) => ({ ...base, sha256: null })), ...boms];
  const undeclared = named.filter((base) => !inputs.some((input) => isSame(input, base)));
  const messages = undeclared.map(
    ({ name, where }) => `${where} names the base ${name}, which its provenance does not declare`,
  );
  const hint = `declare it: \`weighmark seal PATH --step fine-tune --input base-model=REF\`; or let the policy set it aside (docs/policy.md): \`exceptions: [{ code: undeclared-input, id: "${of.facts.id}", environment: ${of.environment.name}, reason: WHY, expires: DATE }]\``;
  return [...new Set(messages)].map((message) => ({ code: 'undeclared-input', message, subject: of.facts.id, hint }));
}

export function isSame(
  input: { readonly to: string; readonly name: string },
  base: { readonly name: string; readonly sha256: string | null },
): boolean {
  if (base.sha256 !== null && input.to === base.sha256) return true;
  const [one, other] = [nameParts(input.name), nameParts(base.name)];
  const compared = Math.min(one.length, other.length, 2);
  return compared > 0 && one.slice(-compared).join('/') === other.slice(-compared).join('/');
}

/** `Qwen/Qwen2.5-0.5B`, `pkg:huggingface/qwen/qwen2.5-0.5b@abc` and `qwen/qwen2.5-0.5b:1` are one name; of a path, the last part. */
function nameParts(name: string): readonly string[] {
  const plain = name
    .toLowerCase()
    .replace(/[?#].*$/, '')
    .replace(/[:@][^:@/]*$/, '');
  const parts = plain.split('/').filter((part) => part !== '');
  return /^(?:[./]|[a-z]:)/.test(plain) ? parts.slice(-1) : parts;
}
