import type { BomSchemaValidator, SchemaProblem } from '../../domain/ports.ts';

/**
 * The official CycloneDX schemas, as `@cyclonedx/cyclonedx-library` bundles them. A schema is compiled once a version
 * (about 0.3 s), at first use.
 */
export function createBomValidator(): BomSchemaValidator {
  const validators = new Map<string, Promise<(text: string) => Promise<readonly AjvError[]>>>();
  return {
    async validate(text, specVersion) {
      const validator = validators.get(specVersion) ?? compile(specVersion);
      validators.set(specVersion, validator);
      return (await (await validator)(text)).map(problemOf);
    },
    validateXml: async (text, specVersion) => (await import('./xml.ts')).validateXml(text, specVersion),
  };
}

/** What of ajv's error object is used. */
interface AjvError {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

async function compile(specVersion: string): Promise<(text: string) => Promise<readonly AjvError[]>> {
  const { Validation, Spec } = await import('@cyclonedx/cyclonedx-library');
  const version = Object.values(Spec.Version).find((known) => known === specVersion);
  if (version === undefined) throw new TypeError(`no schema of CycloneDX ${specVersion}`);
  const validator = new Validation.JsonStrictValidator(version);
  return async (text) => ((await validator.validate(text)) ?? []) as readonly AjvError[];
}

function problemOf(error: AjvError): SchemaProblem {
  const detail = error.params['additionalProperty'] ?? error.params['missingProperty'] ?? error.params['allowedValues'] ?? error.params['allowedValue'];
  const text = detail === undefined || String(error.message).includes(`'${String(detail)}'`) ? '' : `: ${JSON.stringify(detail).slice(0, 300)}`;
  return { pointer: error.instancePath, message: `${error.message ?? error.keyword}${text}`, keyword: error.keyword };
}
