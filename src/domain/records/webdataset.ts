import { WeighmarkError } from '../base/errors.ts';
import type { Source } from '../base/source.ts';
import { readTar, type TarEntry } from '../formats/tar.ts';
import type { Problem } from '../formats/types.ts';
import { badRow, unsupported } from './problem.ts';

/** Members of a tar that stand one after the other under one key. */
export interface Sample {
  readonly key: string;
  /** Of its first member's header, in bytes. */
  readonly offset: number;
  readonly members: readonly { readonly extension: string; readonly start: number; readonly size: number }[];
}

/**
 * The samples of a WebDataset tar. A member's key is its path up to the first dot of its last part, what follows is its
 * extension, in lower case, as the readers of the format have it.
 * @throws WeighmarkError `record-invalid` for what they, or tools that unpack, read in different ways.
 */
export async function readSamples(source: Source): Promise<readonly Sample[]> {
  const { entries, problems } = await archiveOf(source);
  const [problem] = problems;
  if (problem !== undefined) throw refused(problem);
  const samples: { key: string; offset: number; members: Sample['members'][number][] }[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    if (entry.type === 'directory' || hasNoDot(entry.name)) continue;
    const { key, extension } = nameOf(entry);
    const last = samples.at(-1);
    const member = { extension, start: entry.dataStart, size: entry.size };
    if (last?.key !== key) {
      samples.push({ key, offset: entry.offset, members: [member] });
      seen.clear();
    } else if (seen.has(extension)) throw badRow('a name stands twice in a sample', { byte: entry.offset });
    else last.members.push(member);
    seen.add(extension);
  }
  if (samples.length === 0 && entries.some(({ type }) => type !== 'directory'))
    throw badRow('no member has an extension: its readers pass over all of them', { byte: 0 });
  return samples;
}

/** Every reader passes over such a member (`README`): it is of no sample. */
function hasNoDot(name: string): boolean {
  return !name.slice(name.lastIndexOf('/') + 1).includes('.');
}

async function archiveOf(source: Source): ReturnType<typeof readTar> {
  try {
    return await readTar(source);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || error.code !== 'limit-exceeded') throw error;
    throw unsupported(`a tar file of this size: ${error.message}`);
  }
}

function refused({ message, offset = 0 }: Problem): WeighmarkError {
  return badRow(message, { byte: offset });
}

const NAME = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/s;

function nameOf({ name, offset, sparse, utf8 }: TarEntry): { readonly key: string; readonly extension: string } {
  const place = { byte: offset };
  if (!utf8) throw badRow('a member whose name is not UTF-8', place);
  if (sparse) throw badRow('a sparse member, whose bytes are not those that stand there', place);
  const [, key, extension] = NAME.exec(name) ?? [];
  if (key === undefined || extension === undefined)
    throw badRow('a member without a key or without an extension: its readers pass over it', place);
  const lower = extension.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (lower.startsWith('__')) throw badRow("a member whose extension is one of the readers' own", place);
  return { key, extension: lower };
}
