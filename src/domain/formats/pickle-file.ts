import { readPickles, type Pickle } from './pickle/index.ts';
import { contentOf } from './pickle-tensors.ts';
import { note } from './problem.ts';
import { startTally } from './tensors.ts';
import { isDcpMetadata, readDcpMetadata } from './torch-dcp-index.ts';
import type { Findings, MetadataItem, NamedSource, Problem } from './types.ts';

const IMPORTS = 64;

/** A pickle's protocol and the names it would import, as metadata. */
export function pickleMetadata(pickle: Pickle): MetadataItem[] {
  const names = pickle.globals.map(({ module, name }) => `${module ?? '?'}.${name ?? '?'}`);
  const imports = {
    key: 'imports',
    value: names.slice(0, IMPORTS),
    place: 'pickle:GLOBAL',
    ...(names.length > IMPORTS ? { length: names.length } : {}),
  };
  return [{ key: 'protocol', value: pickle.protocol, place: 'pickle:PROTO' }, ...(names.length === 0 ? [] : [imports])];
}

/** What the pickle reader noticed, in the words of a report. */
export function pickleProblems(pickle: Pickle, subject?: string): Problem[] {
  return pickle.problems.map(({ code, message, offset }) => ({
    code: code === 'truncated' || code === 'limit' ? code : 'malformed',
    message,
    offset,
    ...(subject === undefined ? {} : { subject }),
  }));
}

/**
 * A plain pickle (also joblib without compression): arrays and tensors it describes. Attributes of arbitrary objects are
 * not parameters by a format's word, so their sum stays unknown.
 */
export async function readPickleFile({ source, path }: NamedSource): Promise<Findings> {
  const { streams, trailing } = await readPickles(source);
  const problems = streams.flatMap((stream) => pickleProblems(stream));
  if (trailing !== null)
    note(problems, {
      code: 'trailing',
      message: `${trailing.length} bytes after the last STOP`,
      offset: trailing.offset,
    });
  if (streams.length > 1)
    note(problems, {
      code: 'trailing',
      message: `${streams.length} pickles one after another`,
      offset: streams[1]?.start ?? 0,
    });
  const root = streams[0]?.value;
  if (root !== undefined && isDcpMetadata(root)) {
    const { problems: found = [], metadata = [], ...rest } = readDcpMetadata(root);
    return {
      ...rest,
      metadata: [...streams.slice(0, 1).flatMap(pickleMetadata), ...metadata],
      problems: [...problems, ...found],
    };
  }
  const tally = startTally({ known: () => false });
  const contents = streams.map(({ value }) => contentOf(value));
  for (const { tensors } of contents) for (const { info } of tensors) tally.add(info);
  const metadata = [
    ...(streams[0] === undefined ? [] : pickleMetadata(streams[0])),
    ...contents.flatMap((content) => content.metadata),
  ];
  const found = contents.some(({ tensors }) => tensors.length > 0) ? tally.finish() : {};
  const joblib =
    /\.joblib$/i.test(path) ||
    streams.some(({ globals }) => globals.some(({ module }) => module === 'joblib.numpy_pickle'));
  return { format: joblib ? 'joblib' : 'pickle', metadata, problems, ...found };
}
