import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { schemaFolder } from './schemas.ts';

/** What of ajv's error object is used. */
export interface AjvError {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export type Validator = (text: string) => readonly AjvError[];

/** JSON of these versions has a strict schema of its own. */
const STRICT = new Set(['1.2', '1.3']);

/**
 * Compiles an official schema with the options that the CycloneDX library uses. Its own validator is not used because of
 * `uniqueItems`, which ajv decides by comparing all pairs: of 10,000 components that took 36 s.
 */
export async function compileSchema(specVersion: string): Promise<Validator> {
  const [{ Ajv }, formats, idnFormats] = await Promise.all([
    import('ajv'),
    import('ajv-formats'),
    import('ajv-formats-draft2019'),
  ]);
  const ajv = new Ajv({ strict: false, strictSchema: false, addUsedSchema: false, schemas: await referred() });
  plugin(formats)(ajv);
  plugin(idnFormats)(ajv, { formats: ['idn-email'] });
  ajv.addFormat('iri-reference', true);
  ajv.removeKeyword('uniqueItems');
  const repeats: AjvError[] = [];
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    // Told apart, and no failure: else the branch of a `oneOf` around it fails, and the others' reasons are told too.
    validate: (wanted: boolean, items: readonly unknown[], _: unknown, place?: { readonly instancePath: string }) => {
      if (!areUnique(wanted, items)) repeats.push(repeated(place?.instancePath ?? ''));
      return true;
    },
  });
  const validate = ajv.compile(await schema(`bom-${specVersion}${STRICT.has(specVersion) ? '-strict' : ''}`));
  return (text) => {
    repeats.length = 0;
    const errors = validate(JSON.parse(text)) ? [] : (validate.errors ?? []);
    return [...errors, ...new Map(repeats.map((each) => [each.instancePath, each])).values()];
  };
}

/** What a CommonJS package that is a function comes as. */
function plugin(imported: { readonly default: unknown }): (ajv: object, options?: object) => void {
  return imported.default as (ajv: object, options?: object) => void;
}

function repeated(instancePath: string): AjvError {
  return { instancePath, keyword: 'uniqueItems', message: 'lists the same item more than once', params: {} };
}

/** JSON Schema's `uniqueItems` by one text an item: linear, where ajv's own is quadratic. */
function areUnique(wanted: boolean, items: readonly unknown[]): boolean {
  return !wanted || items.length < 2 || new Set(items.map(canonicalText)).size === items.length;
}

/** Equal for equal JSON values, whatever the order of their members. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner !== 'object' || inner === null || Array.isArray(inner)
      ? inner
      : Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );
}

/** The schemas that the CycloneDX ones refer to, by the names they do it with. */
async function referred(): Promise<Record<string, object>> {
  const pairs = ['spdx', 'jsf-0.82', 'cryptography-defs'].map(async (name) => {
    return [`http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`, await schema(name)] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

async function schema(name: string): Promise<object> {
  return JSON.parse(await readFile(join(schemaFolder(), `${name}.SNAPSHOT.schema.json`), 'utf8')) as object;
}
