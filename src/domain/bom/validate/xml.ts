import { WeighmarkError } from '../../base/errors.ts';
import type { BomProblem } from './checks.ts';
import { pushAll } from '../../base/lists.ts';

/** A CycloneDX XML document, as far as it is looked at before the schema is asked. */
export interface XmlBom {
  readonly text: string;
  readonly specVersion: string;
}

const HEAD = 16_384;

/** @throws WeighmarkError `bom-invalid` for bytes that are not UTF-8, another namespace, or a document type of its own. */
export function readXmlBom(bytes: Uint8Array, subject: string): XmlBom {
  const text = decode(bytes, subject);
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text))
    throw new WeighmarkError('bom-invalid', 'an XML BOM has no document type or entities of its own', { subject });
  const specVersion =
    /<(?:[\w.-]+:)?bom\b[^>]*\sxmlns(?::[\w.-]+)?\s*=\s*["']http:\/\/cyclonedx\.org\/schema\/bom\/(1\.[0-7])["']/.exec(
      text.slice(0, HEAD),
    )?.[1];
  if (specVersion !== undefined) return { text, specVersion };
  throw new WeighmarkError('bom-invalid', '/bom: not in the namespace of CycloneDX 1.0–1.7', {
    subject,
    facts: { place: '/bom' },
  });
}

function decode(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WeighmarkError('bom-invalid', 'not UTF-8', { subject, cause });
  }
}

interface OpenElement {
  readonly name: string;
  readonly attributes: string;
}

/** Comments, CDATA, processing instructions, then tags; quoted attribute values may hold `>`. */
const MARKUP =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<(\/?)([\w:.-]+)((?:[^<>"']|"[^"]*"|'[^']*')*?)(\/?)>/g;

/**
 * Of a document that the XSD accepts, what the XSD cannot say and the specification does: a version range only for external
 * components; unique bom-refs; references that lead to one.
 */
export function checkXmlBom(text: string): readonly BomProblem[] {
  const problems: BomProblem[] = [];
  const open: OpenElement[] = [];
  const refs = new Map<string, string>();
  const references: Reference[] = [];
  for (const match of text.matchAll(MARKUP)) {
    const [, closing, qualified, attributes = '', empty] = match;
    if (qualified === undefined) continue;
    if (closing === '/') {
      open.pop();
      continue;
    }
    const element = { name: qualified.slice(qualified.indexOf(':') + 1), attributes };
    pushAll(problems, [...rangeProblem(open, element), ...refProblem(open, element, refs)]);
    const reference = referenceOf(open, element, () => textAfter(text, match.index + match[0].length));
    if (reference !== null) references.push(reference);
    if (empty !== '/') open.push(element);
  }
  return [...problems, ...dangling(references, refs)];
}

function rangeProblem(open: readonly OpenElement[], { name }: OpenElement): readonly BomProblem[] {
  const parent = open.at(-1);
  if (
    name !== 'versionRange' ||
    parent?.name !== 'component' ||
    /\bisExternal\s*=\s*["'](?:true|1)["']/.test(parent.attributes)
  )
    return [];
  return [
    {
      pointer: placeOf(open, name),
      rule: 'schema',
      severity: 'error',
      message: 'only an external component (isExternal="true") has a version range',
    },
  ];
}

function refProblem(
  open: readonly OpenElement[],
  { name, attributes }: OpenElement,
  refs: Map<string, string>,
): readonly BomProblem[] {
  const ref = /\bbom-ref\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(attributes);
  const value = ref?.[1] ?? ref?.[2];
  if (value === undefined) return [];
  const pointer = placeOf(open, name);
  const other = refs.get(value);
  if (other === undefined) refs.set(value, pointer);
  if (other === undefined) return [];
  const severity =
    other === '/bom/formulation/formula' && pointer === '/bom/formulation/formula/workflows/workflow'
      ? 'warning'
      : 'error';
  return [
    {
      pointer,
      rule: 'bom-ref-unique',
      severity,
      message: `the bom-ref ${JSON.stringify(value).slice(0, 200)} is already at ${other}`,
    },
  ];
}

interface Reference {
  readonly value: string;
  readonly pointer: string;
}

/** Elements whose `ref` attribute is the bom-ref of something in this BOM. */
const BY_ATTRIBUTE =
  /\/(?:dependencies(?:\/dependency)+(?:\/provides)?|compositions\/composition\/(?:assemblies\/assembly|vulnerabilities\/vulnerability)|annotations\/annotation\/subjects\/subject)$/;
/** Elements whose text is. */
const BY_TEXT = new RegExp(
  '/(?:modelParameters/datasets/dataset/ref|vulnerabilities/vulnerability/affects/target/ref|citations/citation/(?:attributedTo|process)|' +
    'declarations/claims/claim/(?:target|mitigationStrategies/mitigationStrategy|evidence|counterEvidence)|declarations/attestations/attestation/(?:assessor|map/claims/claim))$',
);

function referenceOf(
  open: readonly OpenElement[],
  { name, attributes }: OpenElement,
  content: () => string,
): Reference | null {
  const pointer = placeOf(open, name);
  if (BY_TEXT.test(pointer)) return { value: unescape(content().trim()), pointer };
  if (!BY_ATTRIBUTE.test(pointer)) return null;
  const ref = /(?:^|\s)ref\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(attributes);
  const value = ref?.[1] ?? ref?.[2];
  return value === undefined ? null : { value: unescape(value), pointer };
}

/** A reference is plain text: what stands before the next tag. */
function textAfter(text: string, start: number): string {
  const end = text.indexOf('<', start);
  return text.slice(start, Math.min(end < 0 ? text.length : end, start + 4096));
}

function dangling(references: readonly Reference[], refs: ReadonlyMap<string, string>): readonly BomProblem[] {
  const known = new Set([...refs.keys()].map(unescape));
  return references
    .filter(({ value }) => value !== '' && !known.has(value) && !value.startsWith('urn:cdx:'))
    .map(({ value, pointer }) => ({
      pointer,
      rule: 'reference-dangling',
      severity: 'error',
      message: `${JSON.stringify(value).slice(0, 200)} is no bom-ref of this BOM`,
    }));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The five entities that XML has of itself, and characters by number: a BOM with others is refused. */
function unescape(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{2,4}));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? whole;
      const point = decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
}

function placeOf(open: readonly OpenElement[], name: string): string {
  return `/${[...open.map((element) => element.name), name].join('/')}`;
}
