import { looksLikeXml, readBom, type ForeignBom } from '../../domain/bom/read.ts';
import { checkBom, type BomProblem } from '../../domain/bom/validate/checks.ts';
import {
  ELEMENT_SETS,
  minimumElements,
  type ElementResult,
  type ElementSet,
} from '../../domain/bom/validate/elements.ts';
import { checkXmlBom, readXmlBom, type XmlBom } from '../../domain/bom/validate/xml.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { BomSchemaValidator, SchemaProblem } from '../../domain/ports/bom-validator.ts';
import type { Files } from '../../domain/ports/files.ts';
import { checkOf, refusedCheck, verdictOf, type Check, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { LIMITS } from '../../domain/base/limits.ts';

export interface BomValidateInput {
  /** Where the operating system finds it. */
  readonly path: string;
  /** As the user named it. */
  readonly shown: string;
  readonly require?: readonly ElementSet[];
}

export interface BomValidateOutcome {
  readonly verdict: Verdict;
  readonly specVersion: string;
  readonly problems: readonly BomProblem[];
  readonly elements: Readonly<Record<ElementSet, readonly ElementResult[]>>;
}

export interface BomValidatePorts {
  readonly files: Files;
  readonly validator: BomSchemaValidator;
}

/**
 * The official schema, our own checks, and what of the minimum elements is there.
 * @throws WeighmarkError `bom-invalid` for a file that is no BOM at all, `not-found`, `limit-exceeded`.
 */
export async function bomValidate(input: BomValidateInput, ports: BomValidatePorts): Promise<BomValidateOutcome> {
  const bytes = await ports.files.read(input.path, LIMITS.bomBytes);
  return looksLikeXml(bytes)
    ? validateXml(readXmlBom(bytes, input.shown), input, ports)
    : validateJson(readBom(bytes, input.shown), input, ports);
}

async function validateJson(
  bom: ForeignBom,
  input: BomValidateInput,
  ports: BomValidatePorts,
): Promise<BomValidateOutcome> {
  const schema = await ports.validator.validate(bom.text, bom.specVersion);
  const problems = [...mostSpecific(schema), ...checkBom(bom.json)];
  const elements = elementsBy((set) => minimumElements(set, bom.json));
  const required = input.require ?? [];
  const checks = [
    schemaCheck(problems, bom.specVersion),
    ownCheck(problems),
    ...required.map((set) => elementCheck(set, elements[set])),
  ];
  const notes = problems
    .filter(({ severity }) => severity === 'warning')
    .map(({ pointer, message }) => `${pointer}: ${message}`);
  const notAsked = ELEMENT_SETS.filter((set) => !required.includes(set)).map((set) => `minimum elements (${set})`);
  return {
    verdict: verdictOf({ subject: input.shown, checks, notes, notAsked: ['signature', ...notAsked] }),
    specVersion: bom.specVersion,
    problems,
    elements,
  };
}

/** XSD and what it leaves out; citation pointers, digests, purls and minimum elements are looked at in JSON only. */
async function validateXml(bom: XmlBom, input: BomValidateInput, ports: BomValidatePorts): Promise<BomValidateOutcome> {
  const schema = await ports.validator.validateXml(bom.text, bom.specVersion);
  if (schema === null) {
    const hint =
      'install it beside weighmark: `npm install xmllint-wasm`; or convert: `cyclonedx convert --input-file bom.xml --output-file bom.json`';
    throw new WeighmarkError('unreadable', 'validating XML needs the optional package xmllint-wasm', {
      subject: input.shown,
      hint,
    });
  }
  const problems = [
    ...schema.map(({ pointer, message }): BomProblem => ({ pointer, message, rule: 'schema', severity: 'error' })),
    ...(schema.length === 0 ? checkXmlBom(bom.text) : []),
  ];
  const findings = problems.filter(({ severity }) => severity === 'error').map(findingOf);
  const required = (input.require ?? []).map((set) =>
    refusedCheck(`minimum elements (${set})`, [
      { code: 'bom-incomplete', message: `minimum elements (${set}) are looked for in JSON only` },
    ]),
  );
  const [ours, theirs] = [
    findings.filter(({ facts }) => facts?.['rule'] !== 'schema'),
    findings.filter(({ facts }) => facts?.['rule'] === 'schema'),
  ];
  const references =
    schema.length > 0 ? [] : [checkOf('references', [{ what: 'unique bom-refs, no dangling references' }], ours)];
  const checks = [
    checkOf('schema', [{ what: `CycloneDX ${bom.specVersion}, official XSD` }], theirs),
    ...references,
    ...required,
  ];
  return {
    verdict: verdictOf({
      subject: input.shown,
      checks,
      notAsked: ['signature', 'digests and purls', 'minimum elements'],
    }),
    specVersion: bom.specVersion,
    problems,
    elements: elementsBy(() => []),
  };
}

function elementsBy(results: (set: ElementSet) => readonly ElementResult[]): BomValidateOutcome['elements'] {
  return Object.fromEntries(ELEMENT_SETS.map((set) => [set, results(set)])) as Record<
    ElementSet,
    readonly ElementResult[]
  >;
}

/** What is listed twice, member for member, says nothing else than listed once: cdxgen names one tool twice. */
const REPEAT = 'uniqueItems';

/** Of `oneOf` and its kin only the branches' own errors help; the deepest place comes first. */
function mostSpecific(problems: readonly SchemaProblem[]): readonly BomProblem[] {
  const plain = problems.filter(({ keyword }) => !['oneOf', 'anyOf', 'if', 'allOf'].includes(keyword));
  const useful = plain.length > 0 ? plain : problems;
  const sorted = useful.toSorted((a, b) => b.pointer.split('/').length - a.pointer.split('/').length);
  return sorted.map(({ pointer, message, keyword }) => ({
    pointer: pointer === '' ? '/' : pointer,
    message,
    rule: 'schema',
    severity: keyword === REPEAT ? 'warning' : 'error',
  }));
}

function schemaCheck(problems: readonly BomProblem[], specVersion: string): Check {
  const findings = problems.filter(({ rule, severity }) => rule === 'schema' && severity === 'error').map(findingOf);
  return checkOf('schema', [{ what: `CycloneDX ${specVersion}, official schema` }], findings);
}

function ownCheck(problems: readonly BomProblem[]): Check {
  const findings = problems.filter(({ rule, severity }) => rule !== 'schema' && severity === 'error').map(findingOf);
  return checkOf(
    'references',
    [
      {
        what: 'unique bom-refs, no dangling references, citations, digests, purls and licence expressions well-formed',
      },
    ],
    findings,
  );
}

function findingOf({ pointer, message, rule }: BomProblem): Finding {
  return { code: 'bom-invalid', message: `${pointer}: ${message}`, facts: { place: pointer, rule } };
}

function elementCheck(set: ElementSet, elements: readonly ElementResult[]): Check {
  const missing = elements.filter(({ status }) => status === 'missing');
  const findings = missing.map(({ id, name, missingFrom }): Finding => {
    const from =
      missingFrom.length === 0
        ? ''
        : ` (${missingFrom.length === 1 ? missingFrom[0] : `${missingFrom.length} components`})`;
    return { code: 'bom-incomplete', message: `${id} ${name} is missing${from}`, facts: { element: id, set } };
  });
  const present = elements.filter(({ status }) => status === 'present').length;
  return checkOf(`minimum elements (${set})`, [{ what: `${present} minimum elements of ${set} are there` }], findings);
}
