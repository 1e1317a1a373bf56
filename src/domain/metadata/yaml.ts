import { Buffer } from 'node:buffer';
import { isAlias, isCollection, isNode, isPair, isScalar, parseDocument, visit, type Document } from 'yaml';
import { WeighmarkError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';

/**
 * YAML 1.2 as security rule 24 has it: core schema, no duplicate keys, aliases, merges, tags or further documents,
 * bounded in size and depth. Values are plain JSON; dates stay text.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export function parseYaml(text: string, subject: string): Json {
  if (Buffer.byteLength(text) > LIMITS.yamlBytes)
    throw new WeighmarkError('limit-exceeded', `${subject}: YAML larger than ${LIMITS.yamlBytes} bytes`, { subject });
  checkNesting(text, subject);
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    merge: false,
    prettyErrors: true,
    stringKeys: true,
  });
  const [error] = document.errors;
  if (error !== undefined) throw refuseYaml(subject, firstLine(error.message));
  checkNodes(document, subject);
  keepText(document);
  return (document.toJS({ maxAliasCount: 0 }) ?? null) as Json;
}

/**
 * A number whose text another would not write (`1.10`, `0123`, more digits than a double has) is text: it is a version or
 * a name, and what is said of it must be what stands there.
 */
function keepText(document: Document.Parsed): void {
  visit(document, {
    Scalar: (_key, node) => {
      const number = typeof node.value === 'number' || typeof node.value === 'bigint';
      if (number && node.source !== undefined && String(node.value) !== node.source) node.value = node.source;
    },
  });
}

/** Every level of nesting costs a bracket or a column of indent: bounding both keeps the parser from recursing too deep. */
function checkNesting(text: string, subject: string): void {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === '[' || char === '{') deepest = Math.max(deepest, (depth += 1));
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
  }
  if (deepest > 4 * LIMITS.yamlDepth || /^[ ?-]{512}/m.test(text))
    throw new WeighmarkError('limit-exceeded', `${subject}: YAML nested too deep`, { subject });
}

function checkNodes(document: Document.Parsed, subject: string): void {
  visit(document, (_key, node, path) => {
    if (isAlias(node)) throw refuseYaml(subject, 'aliases are not allowed');
    if (path.length > 2 * LIMITS.yamlDepth)
      throw new WeighmarkError('limit-exceeded', `${subject}: YAML nested deeper than ${LIMITS.yamlDepth}`, {
        subject,
      });
    if (
      isNode(node) &&
      node.tag !== undefined &&
      !/^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/.test(node.tag)
    )
      throw refuseYaml(subject, 'tags are not allowed');
    if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined)
      throw refuseYaml(subject, 'anchors are not allowed');
    if (isPair(node) && isScalar(node.key) && (node.key.value === '<<' || node.key.value === '__proto__'))
      throw refuseYaml(subject, `the key ${node.key.value} is not allowed`);
  });
}

function refuseYaml(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `${subject}: YAML refused: ${why}`, { subject });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
