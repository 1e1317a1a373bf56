import { idsOf, manifestId, type ManifestFile } from '../digest/manifest.ts';
import { isHex256 } from '../digest/hex.ts';
import { WeighmarkError } from '../base/errors.ts';
import { buildTypeOf, PREDICATES } from './predicates.ts';
import { buildProvenance, malformed, objectOf } from './provenance.ts';
import type { Statement } from './types.ts';

/**
 * Documentation by name alone (a fixed list): an edit to nothing else keeps training and evaluation claims, because the id
 * before the edit can be recomputed from the files after it and what the claim says of the pages before.
 */
const DOCUMENTATION =
  /^(?:README|LICEN[CS]E|NOTICE|COPYING|CHANGELOG|AUTHORS|CITATION|CONTRIBUTING|SECURITY|MODEL_?CARD|USE_POLICY)(?:[._-][A-Za-z0-9]+)*$/i;
const PAGES = ['md', 'txt', 'rst', 'cff', 'bib'];

/** A top-level page of documentation that no loader reads. */
export function isDocumentation(path: string): boolean {
  const dot = path.lastIndexOf('.');
  return DOCUMENTATION.test(path) && (dot === -1 || PAGES.includes(path.slice(dot + 1).toLowerCase()));
}

/** The predicate of a `package` step, or null if the two states differ in more than documentation, or not at all. */
export function buildPackageStep(
  before: readonly ManifestFile[],
  after: readonly ManifestFile[],
): Readonly<Record<string, unknown>> | null {
  const oldById = new Map(before.map((file) => [keyOf(file), file]));
  const newById = new Map(after.map((file) => [keyOf(file), file]));
  const removed = before.filter((file) => !newById.has(keyOf(file)));
  const added = after.filter((file) => !oldById.has(keyOf(file)));
  const changed = [...removed, ...added];
  if (changed.length === 0 || !changed.every(({ path }) => isDocumentation(path))) return null;
  const from = manifestId(before);
  return buildProvenance({
    step: 'package',
    inputs: [{ role: 'package', name: 'before the edit of its documentation', id: from }],
    parameters: { removed: removed.map(plain), added: added.map(plain) },
  });
}

/** The artifact a `package` step came from, `sha256:<hex>`, or null for any other claim. */
export function packagedFrom(statement: Statement): string | null {
  const definition = objectOf(statement.predicate['buildDefinition']);
  if (statement.predicateType !== PREDICATES.provenance || definition['buildType'] !== buildTypeOf('package'))
    return null;
  const [input, ...others] = Array.isArray(definition['resolvedDependencies'])
    ? (definition['resolvedDependencies'] as unknown[])
    : [];
  const sha256 = objectOf(objectOf(input)['digest'])['sha256'];
  if (others.length > 0 || !isHex256(sha256))
    throw malformed('a package step has not exactly one input with its SHA-256');
  return `sha256:${sha256}`;
}

/**
 * Recomputes where a `package` step came from: the files in hand, without the pages it added, with those it removed, must
 * make the id it names, and all of them must be documentation. Returns all ids of what was before, the named one first.
 * @throws WeighmarkError `claim-malformed`, `claim-conflict`.
 */
export function checkPackageStep(statement: Statement, files: readonly ManifestFile[]): readonly string[] {
  const from = packagedFrom(statement);
  if (from === null) throw malformed('not a package step');
  const parameters = objectOf(objectOf(statement.predicate['buildDefinition'])['externalParameters']);
  const [removed, added] = [pages(parameters['removed']), pages(parameters['added'])];
  const gone = new Set(added.map(keyOf));
  const before = [...files.filter((file) => !gone.has(keyOf(file))), ...removed];
  const isSameCount = before.length === files.length - added.length + removed.length;
  const ids = isSameCount ? idsOf(before) : [];
  if (!ids.includes(from)) {
    throw new WeighmarkError('claim-conflict', 'the package step does not lead to these files', { facts: { from } });
  }
  return [from, ...ids.filter((id) => id !== from)];
}

function pages(value: unknown): readonly ManifestFile[] {
  if (!Array.isArray(value)) throw malformed('a package step does not say which pages changed');
  return value.map((each) => {
    const { path, sizeBytes, sha256 } = objectOf(each);
    if (typeof path !== 'string' || typeof sizeBytes !== 'number' || !isHex256(sha256))
      throw malformed('a page of a package step is not described');
    if (!isDocumentation(path)) throw malformed(`${JSON.stringify(path).slice(0, 100)} is not documentation`);
    return { path, sizeBytes, sha256 };
  });
}

function plain({ path, sizeBytes, sha256 }: ManifestFile): ManifestFile {
  return { path, sizeBytes, sha256 };
}

function keyOf({ path, sizeBytes, sha256 }: ManifestFile): string {
  return `${sha256} ${sizeBytes} ${path}`;
}
