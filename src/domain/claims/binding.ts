import { kindOf } from './subjects.ts';
import type { Subject, VerifiedClaim } from './types.ts';
import { isHex256 } from '../digest/hex.ts';

/** What a claim is about, read from its subjects alone (security rule 6). */
export type Binding =
  /** One artifact, by the hex of its manifest digest, or of its content for a single file. */
  | { readonly kind: 'one'; readonly digest: string; readonly name: string }
  /** Several things at once: it binds none of them. */
  | { readonly kind: 'ambiguous'; readonly digests: readonly string[] }
  /** A root, a shared file, a BLAKE3 digest: nothing that binds. */
  | { readonly kind: 'none' };

/** Never throws: subjects that cannot be read bind nothing. */
export function bindingOf(claim: VerifiedClaim): Binding {
  const subjects = claim.statement.subject.map(readSubject);
  if (subjects.some((subject) => subject === null)) return { kind: 'none' };
  const readable = subjects.filter((subject) => subject !== null);
  const manifests = readable.filter(({ kind }) => kind === 'manifest');
  const strangers = readable.filter(({ kind }) => kind === null);
  if (manifests.length > 0) return oneOf(manifests, strangers);
  const files = readable.filter(({ kind }) => kind === null || kind === 'file');
  return files.length === readable.length ? oneOf(files, []) : { kind: 'none' };
}

interface Read {
  readonly kind: ReturnType<typeof kindOf>;
  readonly digest: string;
  readonly name: string;
}

function readSubject(subject: Subject): Read | null {
  const digest = subject.digest['sha256'];
  if (!isHex256(digest)) return null;
  try {
    return { kind: kindOf(subject), digest, name: nameOf(subject) };
  } catch {
    return null;
  }
}

function oneOf(candidates: readonly Read[], others: readonly Read[]): Binding {
  const digests = [...new Set([...candidates, ...others].map(({ digest }) => digest))];
  const [first] = candidates;
  if (first === undefined) return { kind: 'none' };
  return digests.length === 1
    ? { kind: 'one', digest: first.digest, name: first.name }
    : { kind: 'ambiguous', digests };
}

/** The artifact's name without its version: `acme/enc` of `acme/enc:1.4`. */
function nameOf(subject: Subject): string {
  return (subject.name ?? '').replace(/:[^:/]*$/, '');
}
