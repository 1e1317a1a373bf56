import { PREDICATES } from '../claims/predicates.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import type { BoundClaim } from '../lineage/index-claims.ts';
import type { Finding } from '../base/verdict.ts';
import { acceptedOf, type Case } from './facts.ts';
import { licenceProblem } from './licence-rule.ts';
import { NOTHING, type RuleResult } from './required.ts';
import type { BomElement, NameRule } from '../authority/types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Licences of the artifact, as BOM claims by the right signers say them; every one of those BOMs must pass. */
export function checkLicences(of: Case): RuleResult {
  const rule = of.environment.licences;
  if (rule === undefined) return NOTHING;
  return licencesOf(of, of.aboutContent, { rule, subject: of.facts.id });
}

export function licencesOf(
  of: Case,
  bound: readonly BoundClaim[],
  { rule, subject }: { rule: NameRule; subject: string },
): RuleResult {
  const boms = acceptedOf(of, bound, PREDICATES.bom);
  if (boms.length === 0)
    return {
      ...NOTHING,
      findings: [
        revokedBom(of, bound, subject) ?? {
          code: 'licence-refused',
          message: 'no BOM by a trusted signer says its licence',
          subject,
        },
      ],
    };
  const findings = boms.flatMap(({ claim }) => licenceFindings(claim.statement.predicate, rule, subject));
  const said = boms.flatMap(({ claim }) => expressionsIn(claim.statement.predicate));
  return {
    evidence: findings.length > 0 ? [] : [{ what: `licence ${[...new Set(said)].join(', ')}` }],
    findings,
    used: boms,
  };
}

/** A BOM that was taken back is the reason itself, not the licence that is unknown without it. */
function revokedBom(of: Case, bound: readonly BoundClaim[], subject: string): Finding | null {
  const boms = bound.filter(({ claim }) => claim.statement.predicateType === PREDICATES.bom);
  const revoked = boms.map(({ claim }) => of.revocations.ofClaim(claim)).find((found) => found !== null);
  return revoked === undefined
    ? null
    : { code: 'revoked', message: `its BOM no longer counts: ${revoked.reason}`, subject };
}

/** Elements a BOM must have for the policy. */
export function checkBomMinimum(of: Case): RuleResult {
  const minimum = of.environment.bom?.minimum;
  if (minimum === undefined) return NOTHING;
  const boms = acceptedOf(of, of.aboutContent, PREDICATES.bom);
  const [bom] = boms;
  if (bom === undefined)
    return {
      ...NOTHING,
      findings: [{ code: 'bom-incomplete', message: 'it has no BOM by a trusted signer', subject: of.facts.id }],
    };
  const missing = minimum.filter(
    (element) => !boms.every(({ claim }) => hasElement(claim.statement.predicate, element)),
  );
  if (missing.length === 0)
    return { evidence: [{ what: `BOM by ${bom.principal} with ${minimum.join(', ')}` }], findings: [], used: boms };
  return {
    ...NOTHING,
    findings: [
      { code: 'bom-incomplete', message: `its BOM does not say: ${missing.join(', ')}`, subject: of.facts.id },
    ],
  };
}

/** Base models that a BOM's pedigree names, by name and hex SHA-256 where it has one. */
export function pedigreeOf(bom: Fields): readonly { readonly name: string; readonly sha256: string | null }[] {
  const pedigree = component(bom)['pedigree'];
  const ancestors = isJsonObject(pedigree) ? pedigree['ancestors'] : undefined;
  return list(ancestors).map((ancestor) => ({ name: fullName(ancestor), sha256: hashOf(ancestor) }));
}

function licenceFindings(bom: Fields, rule: NameRule, subject: string): readonly Finding[] {
  const expressions = expressionsIn(bom);
  if (expressions.length === 0) return [{ code: 'licence-refused', message: 'its BOM says no licence', subject }];
  const problems = expressions
    .map((expression) => licenceProblem(expression, rule))
    .filter((problem) => problem !== null);
  return problems.map((problem) => ({ code: 'licence-refused', message: `its licence: ${problem}`, subject }));
}

/** CycloneDX: a list of licences, each by id or name, or one expression. */
function expressionsIn(bom: Fields): readonly string[] {
  return list(component(bom)['licenses']).flatMap((choice) => {
    const licence = isJsonObject(choice['license']) ? choice['license'] : {};
    const text = choice['expression'] ?? licence['id'] ?? licence['name'];
    return typeof text === 'string' && text !== '' ? [text] : [];
  });
}

const ELEMENTS: Readonly<Record<BomElement, (component: Fields, bom: Fields) => boolean>> = {
  name: (of) => filled(of['name']),
  version: (of) => filled(of['version']),
  licence: (_of, bom) => expressionsIn(bom).length > 0,
  supplier: (of) => [of['supplier'], of['manufacturer'], of['publisher'], of['authors']].some(filled),
  hashes: (_of, bom) => allComponents(bom).some((each) => filled(each['hashes'])),
  datasets: (of) => filled(parametersOf(of)['datasets']) || filled(of['data']),
  'model-card': (of) => filled(of['modelCard']),
  'base-model': (_of, bom) => pedigreeOf(bom).length > 0,
};

function hasElement(bom: Fields, element: BomElement): boolean {
  return ELEMENTS[element](component(bom), bom);
}

function component(bom: Fields): Fields {
  const metadata = bom['metadata'];
  const found = isJsonObject(metadata) ? metadata['component'] : undefined;
  return isJsonObject(found) ? found : {};
}

function parametersOf(of: Fields): Fields {
  const card = isJsonObject(of['modelCard']) ? of['modelCard']['modelParameters'] : undefined;
  return isJsonObject(card) ? card : {};
}

function allComponents(bom: Fields): readonly Fields[] {
  return [component(bom), ...list(component(bom)['components']), ...list(bom['components'])];
}

function fullName(of: Fields): string {
  return [of['group'], of['name']].filter((part) => typeof part === 'string' && part !== '').join('/');
}

function hashOf(of: Fields): string | null {
  const sha256 = list(of['hashes']).find((hash) => hash['alg'] === 'SHA-256')?.['content'];
  return typeof sha256 === 'string' ? sha256.toLowerCase() : null;
}

function list(value: unknown): readonly { readonly [key: string]: Json }[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function filled(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  if (Array.isArray(value)) return value.length > 0;
  return isJsonObject(value) && Object.keys(value).length > 0;
}
