import { isAlias, isCollection, isScalar, parseDocument, visit, type Document, type Node } from 'yaml';
import { WeighmarkError, type Code } from './errors.ts';
import type { Json } from './json.ts';
import { LIMITS } from './limits.ts';

export interface StrictYamlOptions {
  /** What a refusal is called. */
  readonly code: Code;
  /** What the text is, for messages: a path. */
  readonly subject: string;
  readonly maxBytes?: number;
}

/**
 * The one strict YAML reader (YAML 1.2 core, security rule 24): one document, string keys, no duplicate keys, anchors,
 * aliases, merges, tags or directives, bounded depth.
 * @throws WeighmarkError `options.code`, `limit-exceeded`.
 */
export function parseStrictYaml(input: Uint8Array | string, options: StrictYamlOptions): Json {
  const text = textOf(input, options);
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
      logLevel: 'error',
    });
    const problem = document.errors[0]?.message ?? document.warnings[0]?.message ?? problemOf(document);
    if (problem !== undefined) throw refusal(problem.split('\n')[0] ?? 'not YAML', options);
    return document.toJS({ maxAliasCount: 0 }) as Json;
  } catch (cause) {
    if (cause instanceof WeighmarkError) throw cause;
    throw refusal('nested too deep, or not YAML', options, cause);
  }
}

/** An object at the top, as every file of ours demands; an empty file is an empty object. */
export function parseStrictYamlObject(
  input: Uint8Array | string,
  options: StrictYamlOptions,
): { readonly [key: string]: Json } {
  const value = parseStrictYaml(input, options);
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as { readonly [key: string]: Json };
  throw refusal('not a mapping at the top', options);
}

function textOf(input: Uint8Array | string, options: StrictYamlOptions): string {
  const maxBytes = options.maxBytes ?? LIMITS.yamlBytes;
  if (input.length > maxBytes)
    throw new WeighmarkError('limit-exceeded', `${options.subject} is larger than ${maxBytes} bytes`, {
      subject: options.subject,
    });
  if (typeof input === 'string') return input;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(input);
  } catch (cause) {
    throw refusal('not UTF-8', options, cause);
  }
}

function problemOf(document: Document): string | undefined {
  if (document.directives?.yaml.explicit === true) return 'directives are not allowed';
  let problem: string | undefined;
  visit(document, {
    Node(_key, node, path) {
      problem = nodeProblem(node, path);
      return problem === undefined ? undefined : visit.BREAK;
    },
    Pair(_key, pair) {
      if (isScalar(pair.key) && (pair.key.value === '__proto__' || pair.key.value === '<<'))
        problem = `the key ${pair.key.value} is not allowed`;
      return problem === undefined ? undefined : visit.BREAK;
    },
  });
  return problem;
}

function nodeProblem(node: Node, path: readonly unknown[]): string | undefined {
  if (isAlias(node)) return 'aliases are not allowed';
  if ('anchor' in node && node.anchor !== undefined) return 'anchors are not allowed';
  if (node.tag !== undefined) return 'tags are not allowed';
  return [...path, node].filter(isCollection).length > LIMITS.yamlDepth
    ? `nested deeper than ${LIMITS.yamlDepth}`
    : undefined;
}

function refusal(why: string, options: StrictYamlOptions, cause?: unknown): WeighmarkError {
  return new WeighmarkError(options.code, `${options.subject}: ${why}`, {
    subject: options.subject,
    ...(cause === undefined ? {} : { cause }),
  });
}
