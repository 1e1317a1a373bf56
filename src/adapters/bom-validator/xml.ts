import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SchemaProblem } from '../../domain/ports/bom-validator.ts';
import { schemaFolder } from './schemas.ts';

/** What of `xmllint-wasm` (libxml2 in WebAssembly, no network, no files) is used. */
interface XmlLint {
  validateXML(options: {
    readonly xml: readonly XmlFile[];
    readonly schema: readonly XmlFile[];
    readonly preload: readonly XmlFile[];
    readonly initialMemoryPages: number;
    readonly maxMemoryPages: number;
  }): Promise<{
    readonly valid: boolean;
    readonly errors: readonly { readonly message: string; readonly loc: { readonly lineNumber: number } | null }[];
  }>;
}

interface XmlFile {
  readonly fileName: string;
  readonly contents: string;
}

/** 64 KiB each: 16 MiB at first, 1 GiB at most. */
const FIRST_PAGES = 256;
const MOST_PAGES = 16_384;

/**
 * Validates against the official XSD as `@cyclonedx/cyclonedx-library` bundles it.
 * @returns null where the optional package `xmllint-wasm` is not installed.
 */
export async function validateXml(text: string, specVersion: string): Promise<readonly SchemaProblem[] | null> {
  const lint = await loadLint();
  if (lint === null) return null;
  const [schema, spdx] = await Promise.all([schemaFile(`bom-${specVersion}`), schemaFile('spdx')]);
  const { valid, errors } = await lint.validateXML({
    xml: [{ fileName: 'bom.xml', contents: text }],
    schema: [schema],
    preload: [spdx],
    initialMemoryPages: FIRST_PAGES,
    maxMemoryPages: MOST_PAGES,
  });
  if (valid) return [];
  const problems = errors.map(({ message, loc }) => ({
    pointer: loc === null ? '/' : `line ${loc.lineNumber}`,
    message: plain(message),
    keyword: 'xsd',
  }));
  return problems.length === 0 ? [{ pointer: '/', message: 'not valid against the XSD', keyword: 'xsd' }] : problems;
}

async function loadLint(): Promise<XmlLint | null> {
  const name = 'xmllint-wasm';
  try {
    return (await import(name)) as XmlLint;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

async function schemaFile(name: string): Promise<XmlFile> {
  const fileName = `${name}.SNAPSHOT.xsd`;
  return { fileName, contents: await readFile(join(schemaFolder(), fileName), 'utf8') };
}

/** libxml2 writes elements as `{namespace}name`. */
function plain(message: string): string {
  return message
    .replace(/^Schemas (?:validity error|parser error) : /, '')
    .replace(/\{http:\/\/cyclonedx\.org\/schema\/bom\/[\d.]+\}/g, '');
}
