import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Where `@cyclonedx/cyclonedx-library` keeps the official schemas. */
export function schemaFolder(): string {
  const library = dirname(createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json'));
  return join(library, 'res', 'schema');
}
