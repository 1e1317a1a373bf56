import { calleeName, isNode, lookup, type PickleObject, type PickleValue } from './values.ts';

/** What follows a joblib array wrapper in the stream. `length` in bytes, without padding. */
export interface ArrayData {
  readonly length: number;
  /** A pad count and padding come first (joblib ≥ 1.1). */
  readonly padded: boolean;
  /** An array of objects: a pickle follows instead of numbers. */
  readonly pickled: boolean;
}

/**
 * How much data follows `NumpyArrayWrapper`'s BUILD; null if its state does not say.
 * @see https://github.com/joblib/joblib/blob/main/joblib/numpy_pickle.py `NumpyArrayWrapper.read_array`
 */
export function arrayData(wrapper: PickleObject | undefined): ArrayData | null {
  const state = wrapper?.state;
  const shape = lookup(state, 'shape');
  const dtype = lookup(state, 'dtype');
  if (!isNode(shape) || shape.kind !== 'tuple') return null;
  if (holdsObjects(dtype, 0)) return { length: 0, padded: false, pickled: true };
  const width = itemSize(dtype);
  const count = shape.items.reduce<number>(
    (product, size) => product * (typeof size === 'number' && size >= 0 ? size : Number.NaN),
    1,
  );
  if (width === null || !Number.isSafeInteger(count * width)) return null;
  const alignment = lookup(state, 'numpy_array_alignment_bytes');
  return { length: count * width, padded: alignment !== undefined && alignment !== null, pickled: false };
}

/** `numpy.dtype('f8', False, True)` with its state; the item size is in the type code. */
function typeCode(dtype: PickleValue | undefined): string | null {
  if (!isNode(dtype) || dtype.kind !== 'object' || !(calleeName(dtype) ?? '').endsWith('dtype')) return null;
  const [code] = dtype.args;
  return typeof code === 'string' ? code.replace(/^[<>=|]/, '') : null;
}

function itemSize(dtype: PickleValue | undefined): number | null {
  const match = /^([biufcmMSUVa?])(\d{1,9})?$/.exec(typeCode(dtype) ?? '');
  if (match === null) return null;
  if (match[1] === '?') return 1;
  if (match[2] === undefined) return match[1] === 'b' || match[1] === 'B' ? 1 : null;
  return Number(match[2]) * (match[1] === 'U' ? 4 : 1);
}

/** Texts of any length (NumPy 2), which lie elsewhere than in the array: joblib pickles them as it does objects. */
function isTextDtype(dtype: PickleValue | undefined): boolean {
  return /^numpy\._?core\._internal\._convert_to_stringdtype_kwargs$/.test(calleeName(dtype) ?? '');
}

function holdsObjects(dtype: PickleValue | undefined, depth: number): boolean {
  if (typeCode(dtype)?.startsWith('O') === true || isTextDtype(dtype)) return true;
  if (!isNode(dtype) || dtype.kind !== 'object' || depth > 8) return false;
  const fields = isNode(dtype.state) && dtype.state.kind === 'tuple' ? dtype.state.items[4] : undefined;
  if (!isNode(fields) || fields.kind !== 'dict') return false;
  return fields.entries.some(
    ([, field]) => isNode(field) && field.kind === 'tuple' && holdsObjects(field.items[0], depth + 1),
  );
}
