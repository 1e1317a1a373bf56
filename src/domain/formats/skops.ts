import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { collect } from './inflate.ts';
import { npyTensor, readNpyHeader } from './numpy.ts';
import { attempt, note } from './problem.ts';
import { startTally } from './tensors.ts';
import type { Findings, MetadataItem, NamedSource, Problem } from './types.ts';
import { memberSource, openMember } from './zip-member.ts';
import type { ZipArchive } from './zip.ts';

/** @see https://skops.readthedocs.io/en/stable/persistence.html; attributes of estimators are no parameters by its word. */
export async function readSkops({ source }: NamedSource, archive: ZipArchive): Promise<Findings> {
  const problems: Problem[] = [...archive.problems];
  const metadata: MetadataItem[] = [];
  const tally = startTally({ known: () => false });
  for (const entry of archive.entries) {
    await attempt(problems, async () => {
      if (entry.name === 'schema.json') {
        const limit = LIMITS.documentBytes;
        const bytes = await collect(openMember(source, entry, { maxBytes: limit }), limit);
        factsOf(parseStrictJson(bytes, { refuseCaseDuplicates: false, refuseUnsafeIntegers: false }), metadata);
      } else if (entry.name.endsWith('.npy')) {
        const header = await readNpyHeader(memberSource(source, entry));
        const base = entry.method === 0 ? { base: entry.dataStart } : {};
        const read = npyTensor(entry.name.slice(0, -4), header, { size: entry.size, location: entry.name, ...base });
        tally.add(read.tensor);
        note(problems, ...read.problems);
      }
    });
  }
  const version = metadata.find(({ key }) => key === '_skops_version')?.value;
  return {
    format: 'skops',
    metadata,
    problems,
    ...tally.finish(),
    ...(typeof version === 'string' ? { version } : {}),
  };
}

function factsOf(schema: Json, metadata: MetadataItem[]): void {
  if (!isJsonObject(schema)) return;
  for (const key of ['__module__', '__class__', '_skops_version', 'protocol']) {
    const value = schema[key];
    if (typeof value === 'string' || typeof value === 'number')
      metadata.push({
        key,
        value: typeof value === 'string' ? value.slice(0, 1000) : value,
        place: `zip:schema.json#/${key}`,
      });
  }
}
