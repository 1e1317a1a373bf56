import type { BomSchemaValidator, SchemaProblem } from '../../domain/ports/bom-validator.ts';

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
  const version = Spec.Version[`v${specVersion.replace('.', 'dot')}` as keyof typeof Spec.Version];
  if (version === undefined) throw new TypeError(`no schema of CycloneDX ${specVersion}`);
  const validator = new Validation.JsonStrictValidator(version);
  return async (text) => ((await validator.validate(text)) ?? []) as readonly AjvError[];
}

function problemOf(error: AjvError): SchemaProblem {
  return {
    pointer: error.instancePath,
    message: `${error.message ?? error.keyword}${detailOf(error.params)}`,
    keyword: error.keyword,
  };
}

const LISTED = 20;

/** What ajv's message leaves out: the property that is too many, the values allowed (of a short list). */
function detailOf(params: AjvError['params']): string {
  const { additionalProperty, allowedValues, allowedValue } = params;
  if (typeof additionalProperty === 'string') return `: ${JSON.stringify(additionalProperty)}`;
  if (Array.isArray(allowedValues))
    return allowedValues.length > LISTED
      ? ` (${allowedValues.length} there are)`
      : `: ${JSON.stringify(allowedValues)}`;
  return allowedValue === undefined ? '' : `: ${JSON.stringify(allowedValue)}`;
}
