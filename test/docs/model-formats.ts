import { readFileSync } from 'node:fs';
import { bytesSource } from '../../src/domain/base/source.ts';
import { readFormat } from '../../src/domain/formats/index.ts';
import { FORMATS, kindOf } from '../../src/domain/formats/names.ts';
import { placeOf } from '../../src/domain/formats/place.ts';
import { READERS } from '../../src/domain/formats/readers.ts';
import type { FormatId, FormatReport } from '../../src/domain/formats/types.ts';
import { TEXT_FORMATS } from '../../src/domain/formats/names.ts';
import { WRITTEN } from '../domain/formats/written.ts';
import { weighFolder } from '../domain/weights/weigh.ts';

interface Row {
  readonly format: FormatId;
  readonly writers: readonly string[];
  readonly tensors: boolean;
  readonly parameters: boolean;
  readonly metadata: boolean;
  readonly partial: boolean;
  readonly identity: boolean;
}

const CONTAINERS = ['containers', 'further', 'packed'].map((name) => `fixtures/weights/${name}`);

/** Formats that are read as members of a zip or tar, or by a reader of another name. */
const THROUGH: Readonly<Partial<Record<FormatId, string>>> = {
  'torch-zip': 'zip',
  torchscript: 'zip',
  'torch-export': 'zip',
  npz: 'zip',
  'keras-v3': 'zip',
  skops: 'zip',
  'mediapipe-task': 'zip',
  nemo: 'tar',
  joblib: 'pickle',
  'torch-dcp-index': 'pickle',
  'keras-index': 'json',
  orbax: 'json',
  paddle: 'json',
  spacy: 'json',
  zarr: 'json',
};

/** What a reader makes of the files their libraries wrote: the table of `docs/model-formats.md`. */
export async function modelFormatsTable(): Promise<string> {
  const reports = new Map<FormatId, { report: FormatReport; writer: string }[]>();
  for (const { path, writer } of WRITTEN) {
    const report = await readFormat({ path, source: bytesSource(readFileSync(`fixtures/formats/${path}`)) });
    reports.set(report.format, [...(reports.get(report.format) ?? []), { report, writer }]);
  }
  const weighed = new Set<string>();
  for (const folder of CONTAINERS)
    for (const { format, identity } of (await weighFolder(folder, false)).values())
      if (identity !== null) weighed.add(format);
  const lines = FORMATS.filter((format) => kindOf(format, '') === 'weights' || reports.has(format)).map((format) =>
    lineOf({ ...rowOf(format, reports.get(format) ?? []), identity: weighed.has(format) }),
  );
  return [
    '| format | tensors | parameters | metadata | scan | one tensor proven | weights identity | last held against |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function rowOf(format: FormatId, read: readonly { report: FormatReport; writer: string }[]): Omit<Row, 'identity'> {
  const some = (test: (report: FormatReport) => boolean): boolean => read.some(({ report }) => test(report));
  return {
    format,
    writers: [...new Set(read.map(({ writer }) => writer))],
    tensors: some(({ tensors }) => (tensors?.count ?? 0) > 0),
    parameters: some(({ parameters }) => parameters !== undefined),
    metadata: some(({ metadata }) => metadata.length > 0),
    partial: some(({ tensors }) => tensors?.items.some((tensor) => placeOf(format, tensor) !== null) === true),
  };
}

function lineOf({ format, writers, tensors, parameters, metadata, partial, identity }: Row): string {
  const [held, read] = [writers.length > 0, READERS[format] !== undefined || THROUGH[format] !== undefined];
  const cell = (value: boolean): string => (held ? (value ? 'yes' : '–') : read ? 'read' : '–');
  const scan = read || TEXT_FORMATS.has(format) ? 'structure' : 'by name and bytes';
  const cells = [format, cell(tensors), cell(parameters), cell(metadata), scan, cell(partial), identity ? 'yes' : '–'];
  return `| ${[...cells, writers.join(', ') || '–'].join(' | ')} |`;
}
