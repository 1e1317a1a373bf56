import { join } from 'node:path';
import { readAll, type Source } from '../../domain/base/source.ts';
import { objectPaths, pointerOfLink, type Pointer } from '../../domain/formats/pointer.ts';
import type { OpenFile } from '../../domain/ports/files.ts';
import { scanContent, unsealedChange } from './hook-findings.ts';
import type { Candidate, HookFinding, HookPorts, Judged } from './hook-types.ts';

const LINK_BYTES = 4096;

/** Null for a link that is no pointer: what it leads to is not committed. */
export async function linkPointer(blob: Source): Promise<Pointer | null> {
  return blob.size > LINK_BYTES ? null : pointerOfLink(Buffer.from(await readAll(blob)).toString('utf8'));
}

/** Of a pointer the object is judged that it stands for; one that is not here is undecided, unless it is what was sealed. */
export async function checkPointer(pointer: Pointer | null, candidate: Candidate, ports: HookPorts): Promise<Judged> {
  if (pointer === null) return { unchanged: false, findings: [] };
  const { sealed } = candidate;
  const location = await objectOf(pointer, ports);
  const object = location === null ? null : await openObject(location, pointer, candidate, ports);
  const sha256 = pointer.sha256 ?? object?.sha256 ?? null;
  const unchanged = sealed !== null && sealed.sha256 === sha256;
  const findings = [
    ...(sealed === null || unchanged ? [] : [unsealedChange(candidate, sealed, shownPointer(pointer))]),
    ...(object?.findings ?? (unchanged ? [] : [absent(pointer, candidate)])),
  ];
  return { unchanged, findings, isPointer: true };
}

async function objectOf(pointer: Pointer, { files, git }: HookPorts): Promise<string | null> {
  const stores = await git.stores().catch(() => null);
  if (stores === null) return null;
  for (const store of stores[pointer.kind])
    for (const path of objectPaths(pointer)) {
      const location = join(store, path);
      if ((await files.kindOf(location)) === 'file') return location;
    }
  return null;
}

async function openObject(
  location: string,
  pointer: Pointer,
  { shown }: Candidate,
  ports: HookPorts,
): Promise<{ readonly sha256: string | null; readonly findings: readonly HookFinding[] }> {
  const file = await ports.files.open(location);
  try {
    const sha256 = await sha256Of(location, file, ports);
    const isOther = pointer.sha256 !== null && sha256 !== pointer.sha256;
    return { sha256, findings: isOther ? [other(pointer, shown, sha256)] : await scanContent(shown, file) };
  } finally {
    await file.close();
  }
}

/** Remembered from this very state of the object, or hashed. */
async function sha256Of(location: string, file: OpenFile, ports: HookPorts): Promise<string | null> {
  const cache = await ports.cache();
  const known = await cache.digests(location, file.stamp);
  if (known?.sha256 !== undefined) return known.sha256;
  const [result] = await (
    await ports.hasher()
  ).hash([{ location, sizeBytes: file.size, stamp: file.stamp }], { algorithms: ['sha256'] });
  if (result?.digests.sha256 === undefined) return null;
  await cache.remember(location, file.stamp, result.digests);
  return result.digests.sha256;
}

const TOOLS = { lfs: ['Git LFS', 'git lfs pull'], annex: ['git-annex', 'git annex get'] } as const;

function absent(pointer: Pointer, { shown }: Candidate): HookFinding {
  const [tool, command] = TOOLS[pointer.kind];
  return {
    code: 'lfs-pointer',
    level: 'error',
    subject: shown,
    message: `${shown} is a ${tool} pointer, and what it points to is not on this machine: it was not examined`,
    facts: { pointer: shownPointer(pointer) },
    hint: `\`${command} ${shown}\` fetches it`,
  };
}

function other(pointer: Pointer, shown: string, found: string | null): HookFinding {
  return {
    code: 'digest-mismatch',
    level: 'error',
    subject: shown,
    message: `what ${TOOLS[pointer.kind][0]} keeps for ${shown} is not what the pointer names`,
    facts: { pointer: shownPointer(pointer), found: `sha256:${found ?? 'unknown'}` },
    hint: `\`git ${pointer.kind} fsck\` says more`,
  };
}

function shownPointer(pointer: Pointer): string {
  return pointer.kind === 'lfs' ? `sha256:${pointer.sha256}` : pointer.key;
}
