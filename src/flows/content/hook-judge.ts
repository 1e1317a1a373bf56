import { LIMITS } from '../../domain/base/limits.ts';
import { readAll, type Source } from '../../domain/base/source.ts';
import { findingOf } from '../../domain/base/verdict.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { POINTER_BYTES, pointerOf } from '../../domain/formats/pointer.ts';
import { checkPointer } from './hook-pointer.ts';
import { checkPolicy } from './policy-check.ts';
import { scanContent, unsealedChange } from './hook-findings.ts';
import type { Candidate, HookFinding, HookPorts, Judged } from './hook-types.ts';

export interface Content extends Candidate {
  readonly source: Source;
  isSealedAs(listed: ListedFile): Promise<boolean>;
}

export async function orFinding({ shown }: Candidate, work: () => Promise<Judged>): Promise<Judged> {
  try {
    return await work();
  } catch (error) {
    const finding: HookFinding = { ...findingOf(error), subject: shown, level: 'error' };
    return { unchanged: false, findings: [finding] };
  }
}

/** What one file is, by its bytes. @throws what reading throws. */
export async function judge(content: Content, ports: HookPorts): Promise<Judged> {
  const check = documentCheck(content.shown);
  if (check !== null)
    return { unchanged: false, findings: await checkDocument(check, content), sizeBytes: content.source.size };
  const { source, sealed } = content;
  const pointer = source.size > POINTER_BYTES ? null : pointerOf(await readAll(source));
  if (pointer !== null) return checkPointer(pointer, content, ports);
  const unchanged = sealed !== null && (await content.isSealedAs(sealed));
  const changed = sealed !== null && !unchanged;
  const scanned = await scanContent(content.shown, source);
  const findings = changed ? [unsealedChange(content, sealed, null), ...scanned] : scanned;
  return { unchanged, changed, sizeBytes: source.size, findings };
}

/** Documents are held to their form, not to a seal. */
export function isDocument(path: string): boolean {
  return documentCheck(path) !== null;
}

type DocumentCheck = (bytes: Uint8Array) => Promise<void>;

/** Files with a form of our own, by name: they must parse strictly. */
function documentCheck(path: string): DocumentCheck | null {
  if (/\.claims\.jsonl$|(?:^|\/)claims\.jsonl$/.test(path)) return checkClaims;
  if (/(?:^|\/)model\.sig$|\.oms\.sig$/.test(path)) return checkSignature;
  if (path.endsWith('.weighmark/files')) return async (bytes) => void parseDigestList(bytes);
  return /policy[^/]*\.ya?ml$/i.test(path) ? async (bytes) => checkPolicy(bytes, path) : null;
}

async function checkDocument(check: DocumentCheck, { source, shown }: Content): Promise<readonly HookFinding[]> {
  try {
    if (source.size > LIMITS.signatureBytes)
      throw new WeighmarkError('limit-exceeded', `${shown} is larger than ${LIMITS.signatureBytes} bytes`);
    await check(await readAll(source));
    return [];
  } catch (error) {
    return [{ ...findingOf(error, 'claim-malformed'), subject: shown, level: 'error' }];
  }
}

async function checkClaims(bytes: Uint8Array): Promise<void> {
  const [{ splitClaims }, { parseBundle }] = await Promise.all([
    import('../../domain/claims/claims-file.ts'),
    import('../../domain/claims/bundle.ts'),
  ]);
  for (const line of splitClaims(bytes)) parseBundle(line);
}

async function checkSignature(bytes: Uint8Array): Promise<void> {
  const { parseBundle } = await import('../../domain/claims/bundle.ts');
  parseBundle(bytes, LIMITS.signatureBytes);
}
