import type { BaseModel, Fact } from '../metadata/types.ts';
import { pick } from '../metadata/types.ts';

/** What a model's own files say it was made of. What a file was merely loaded from is no such word: it may be the model itself. */
export function declaredBases(facts: readonly Fact[]): readonly BaseModel[] {
  return pick(facts, 'baseModel').flatMap(({ value }) => (value.hinted === true ? [] : [value]));
}

/** What a possible base goes by. */
export interface GoesBy {
  /** Its reference as given, its folder's or file's name, the names its own files give it. */
  readonly names: readonly string[];
  /** Names that somebody gave it to tell it from others: those of a hub or a registry. A folder may be called anything. */
  readonly official: readonly string[];
  readonly digests: readonly string[];
}

/** True if what is declared is this one: by a digest, or by the last part of a name. */
export function isDeclared(declared: BaseModel, base: GoesBy): boolean {
  const digests = [declared.id, ...Object.values(declared.digests ?? {})].filter((each) => each !== undefined);
  const hex = (digest: string): string => digest.slice(digest.indexOf(':') + 1).toLowerCase();
  if (digests.some((digest) => base.digests.some((own) => hex(own) === hex(digest)))) return true;
  return [...base.names, ...base.official].some((name) => lastPart(name) === lastPart(declared.name));
}

/** `acme/Base-7B:1` and `./base-7b/` are called alike: a hub's owner and a version are not part of the name. */
export function lastPart(name: string): string {
  const path = name.replace(/[/\\]+$/, '').replace(/@sha256:[0-9a-f]+$/i, '');
  const last = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  return last
    .replace(/:[\w.-]+$/, '')
    .replace(/\.(?:gguf|safetensors|bin|pt|pth|onnx)$/i, '')
    .toLowerCase();
}
