import { WeighmarkError } from '../../errors.ts';
import type { BomProblem } from './checks.ts';

/** A CycloneDX XML document, as far as it is looked at before the schema is asked. */
export interface XmlBom {
  readonly text: string;
  readonly specVersion: string;
}

const HEAD = 16_384;

/** @throws WeighmarkError `bom-invalid` for bytes that are not UTF-8, another namespace, or a document type of its own. */
export function readXmlBom(bytes: Uint8Array, subject: string): XmlBom {
  const text = decode(bytes, subject);
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw new WeighmarkError('bom-invalid', 'an XML BOM has no document type or entities of its own', { subject });
  const specVersion = /<(?:[\w.-]+:)?bom\b[^>]*\sxmlns(?::[\w.-]+)?\s*=\s*["']http:\/\/cyclonedx\.org\/schema\/bom\/(1\.[0-7])["']/.exec(text.slice(0, HEAD))?.[1];
  if (specVersion !== undefined) return { text, specVersion };
  throw new WeighmarkError('bom-invalid', '/bom: not in the namespace of CycloneDX 1.0–1.7', { subject, facts: { place: '/bom' } });
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
const MARKUP = /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<(\/?)([\w:.-]+)((?:[^<>"']|"[^"]*"|'[^']*')*?)(\/?)>/g;

/**
 * Of a document that the XSD accepts, what the XSD cannot say and the specification does: a version range only for external components; unique bom-refs.
 */
export function checkXmlBom(text: string): readonly BomProblem[] {
  const problems: BomProblem[] = [];
  const open: OpenElement[] = [];
  const refs = new Map<string, string>();
  for (const match of text.matchAll(MARKUP)) {
    const [, closing, qualified, attributes = '', empty] = match;
    if (qualified === undefined) continue;
    if (closing === '/') {
      open.pop();
      continue;
    }
    const element = { name: qualified.slice(qualified.indexOf(':') + 1), attributes };
    problems.push(...rangeProblem(open, element), ...refProblem(open, element, refs));
    if (empty !== '/') open.push(element);
  }
  return problems;
}

function rangeProblem(open: readonly OpenElement[], { name }: OpenElement): readonly BomProblem[] {
  const parent = open.at(-1);
  if (name !== 'versionRange' || parent?.name !== 'component' || /\bisExternal\s*=\s*["'](?:true|1)["']/.test(parent.attributes)) return [];
  return [{ pointer: placeOf(open, name), rule: 'schema', severity: 'error', message: 'only an external component (isExternal="true") has a version range' }];
}

function refProblem(open: readonly OpenElement[], { name, attributes }: OpenElement, refs: Map<string, string>): readonly BomProblem[] {
  const ref = /\bbom-ref\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(attributes);
  const value = ref?.[1] ?? ref?.[2];
  if (value === undefined) return [];
  const pointer = placeOf(open, name);
  const other = refs.get(value);
  if (other === undefined) refs.set(value, pointer);
  if (other === undefined) return [];
  const severity = other === '/bom/formulation/formula' && pointer === '/bom/formulation/formula/workflows/workflow' ? 'warning' : 'error';
  return [{ pointer, rule: 'bom-ref-unique', severity, message: `the bom-ref ${JSON.stringify(value).slice(0, 200)} is already at ${other}` }];
}

function placeOf(open: readonly OpenElement[], name: string): string {
  return `/${[...open.map((element) => element.name), name].join('/')}`;
}
