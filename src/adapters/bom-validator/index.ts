import { Worker } from 'node:worker_threads';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { BomSchemaValidator, SchemaProblem } from '../../domain/ports/bom-validator.ts';
import { compileSchema, type AjvError, type Validator } from './json-schema.ts';

/** Longer texts are checked in a thread: a check is one long call, which no signal could interrupt in this one. */
const THREAD_FROM = 1 << 20;

/**
 * The official CycloneDX schemas, as `@cyclonedx/cyclonedx-library` bundles them. A schema is compiled once a version
 * (about 0.3 s), at first use. The work grows as the text.
 * @param signal ends a check of a long text; what was asked is then refused with the signal's reason.
 */
export function createBomValidator(signal?: AbortSignal): BomSchemaValidator {
  const validators = new Map<string, Promise<Validator>>();
  return {
    async validate(text, specVersion) {
      if (text.length >= THREAD_FROM) return (await validateInThread(text, specVersion, signal)).map(problemOf);
      const validator = validators.get(specVersion) ?? compileSchema(specVersion);
      validators.set(specVersion, validator);
      return (await validator)(text).map(problemOf);
    },
    validateXml: async (text, specVersion) => (await import('./xml.ts')).validateXml(text, specVersion),
  };
}

async function validateInThread(text: string, specVersion: string, signal?: AbortSignal): Promise<readonly AjvError[]> {
  const script = new URL(`./json-schema-worker${import.meta.url.slice(-3)}`, import.meta.url);
  const worker = new Worker(script, { workerData: { text, specVersion } });
  const { promise, resolve, reject } = Promise.withResolvers<readonly AjvError[]>();
  const stop = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', stop);
  worker.once('message', resolve);
  worker.once('error', (cause) =>
    reject(new WeighmarkError('internal', 'a thread that checks BOMs failed', { cause })),
  );
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', stop);
    await worker.terminate();
  }
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
