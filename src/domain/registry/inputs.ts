import { isJsonObject, type Json } from '../base/json.ts';
import { parseReference } from './reference.ts';
import { statementOf } from './referrer.ts';

/** Something a provenance claim says an artifact was made from, unverified: for finding things, never for deciding. */
export interface NamedInput {
  /** Of its manifest, lower-case hex. */
  readonly sha256: string;
  /** The artifact's name in a registry, where the claim gives one. */
  readonly name: string | null;
}

/** The `resolvedDependencies` of a provenance claim that name a SHA-256. */
export function inputsOf(bundle: Uint8Array): readonly NamedInput[] {
  const predicate = statementOf(bundle)?.['predicate'];
  const definition = isJsonObject(predicate) ? predicate['buildDefinition'] : undefined;
  const dependencies = isJsonObject(definition) ? definition['resolvedDependencies'] : undefined;
  return (Array.isArray(dependencies) ? dependencies : []).flatMap((dependency: Json) => {
    if (!isJsonObject(dependency) || !isJsonObject(dependency['digest'])) return [];
    const { sha256 } = dependency['digest'];
    return typeof sha256 === 'string' ? [{ sha256, name: nameIn(dependency['name']) }] : [];
  });
}

function nameIn(text: Json | undefined): string | null {
  try {
    const reference = parseReference(typeof text === 'string' ? text : '');
    return reference.kind === 'name' ? reference.name : null;
  } catch {
    return null;
  }
}
