import { isJsonObject, type Json } from '../base/json.ts';
import { dtypeOfName } from './named-dtypes.ts';
import { numpyDtype } from './numpy.ts';
import { note } from './problem.ts';
import { elementsOf, startTally } from './tensors.ts';
import type { Dtype, Findings, MetadataItem, Problem } from './types.ts';

/** The description of one array: `.zarray` of zarr 2, `zarr.json` of zarr 3. */
export function isZarrArray(value: Json): boolean {
  if (!isJsonObject(value) || !Array.isArray(value['shape'])) return false;
  return value['zarr_format'] === 2 ? 'chunks' in value : value['zarr_format'] === 3 && value['node_type'] === 'array';
}

const OPTIMIZER = /(^|[./])(opt_state|optimizer|opt)([./]|$)/;

/**
 * An array is named by its folder; its chunks are files of their own, compressed as a rule.
 * @see https://zarr-specs.readthedocs.io
 */
export function zarrFindings(value: Json, path: string, problems: Problem[]): Findings {
  const stated = isJsonObject(value) ? value : {};
  const shape = Array.isArray(stated['shape'])
    ? (stated['shape'] as readonly Json[]).slice(0, 64).map((size) => (typeof size === 'number' ? size : -1))
    : [-1];
  const type = stated['zarr_format'] === 2 ? stated['dtype'] : stated['data_type'];
  const dtype = typeof type === 'string' ? (dtypeOfName(type) ?? numpyDtype(type).dtype) : 'unknown';
  const name = path.split('/').at(-2) ?? '';
  if (Number.isNaN(elementsOf(shape)))
    note(problems, { code: 'overflow', message: 'its dimensions are impossible', subject: name });
  const tally = startTally({ known: () => problems.length === 0 });
  tally.add({ name, dtype, shape, ...(OPTIMIZER.test(name) ? { uncounted: 'optimizer' as const } : {}) });
  const { tensors, parameters = isPlain(dtype) || OPTIMIZER.test(name) ? 0 : undefined } = tally.finish();
  const version = stated['zarr_format'] === 2 ? '2' : '3';
  return {
    format: 'zarr',
    kind: 'weights',
    version,
    tensors,
    problems,
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function isPlain(dtype: Dtype): boolean {
  return /^(BOOL|[IU]\d+|STRING)$/.test(dtype);
}

/** `_METADATA` of an Orbax checkpoint: the tree of what was saved. */
export function isOrbaxTree(value: Json): boolean {
  return isJsonObject(value) && isJsonObject(value['tree_metadata']) && 'use_ocdbt' in value;
}

/** Names and shapes of the arrays; their types stand with the arrays themselves. @see orbax/checkpoint/_src/metadata/tree.py */
export function orbaxFindings(value: Json): Findings {
  const tree = isJsonObject(value) && isJsonObject(value['tree_metadata']) ? value['tree_metadata'] : {};
  const tally = startTally({ known: () => false });
  for (const entry of Object.values(tree)) {
    const [keys, about] = isJsonObject(entry) ? [entry['key_metadata'], entry['value_metadata']] : [];
    const sizes = isJsonObject(about) ? about['write_shape'] : undefined;
    if (!Array.isArray(keys) || !Array.isArray(sizes)) continue;
    const name = (keys as readonly Json[]).map((key) => (isJsonObject(key) ? textOf(key['key']) : '?')).join('.');
    const shape = (sizes as readonly Json[]).map((size) => (typeof size === 'number' ? size : -1));
    tally.add({ name: name.slice(0, 4096), dtype: 'unknown', shape });
  }
  const metadata = ['use_ocdbt', 'use_zarr3'].flatMap((key): MetadataItem[] => {
    const stated = isJsonObject(value) ? value[key] : undefined;
    return typeof stated === 'boolean' ? [{ key, value: stated, place: `json:/${key}` }] : [];
  });
  return { format: 'orbax', metadata, ...tally.finish() };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '?';
}
