import { TAG } from '../records/batch.ts';
import { EncodedReader } from '../records/decode.ts';
import { ofDouble } from '../records/number.ts';

/** What a column holds in every record, in the words of `datasets`. */
export type Feature =
  | { readonly dtype: 'null' | 'bool' | 'safe' | 'int64' | 'float64' | 'string' }
  | { readonly list: Feature }
  | { readonly fields: ReadonlyMap<string, Feature> }
  /** No type of `datasets` holds all values as they are. */
  | { readonly why: string };

const INT64 = 2n ** 63n;

/** The feature that one encoded value has. `safe` are integers that binary64 holds as well. */
export function featureOf(reader: EncodedReader): Feature {
  const tag = reader.tag();
  if (tag === TAG.null) return { dtype: 'null' };
  if (tag === TAG.false || tag === TAG.true) return { dtype: 'bool' };
  if (tag === TAG.number) return numberFeature(reader.text());
  if (tag === TAG.list) return listFeature(reader);
  if (tag === TAG.struct) return structFeature(reader);
  if (tag !== TAG.text) return { why: 'dates, times, bytes or maps' };
  reader.text();
  return { dtype: 'string' };
}

function listFeature(reader: EncodedReader): Feature {
  let item: Feature = { dtype: 'null' };
  for (let count = reader.length(); count > 0; count -= 1) item = joinFeatures(item, featureOf(reader));
  return 'why' in item ? item : { list: item };
}

function structFeature(reader: EncodedReader): Feature {
  const fields = new Map<string, Feature>();
  for (let count = reader.length(); count > 0; count -= 1) fields.set(reader.text(), featureOf(reader));
  const [foreign] = [...fields.values()].filter((each) => 'why' in each);
  return foreign ?? { fields };
}

function numberFeature(text: string): Feature {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) {
    const integer = BigInt(text);
    if (integer >= INT64 || integer < -INT64) return { why: 'integers of more than 64 bits' };
    return { dtype: Number.isSafeInteger(value) ? 'safe' : 'int64' };
  }
  return ofDouble(value) === text ? { dtype: 'float64' } : { why: 'numbers that binary64 does not hold' };
}

/** What holds the values of both. */
export function joinFeatures(a: Feature, b: Feature): Feature {
  if ('why' in a || isNull(b)) return a;
  if ('why' in b || isNull(a)) return b;
  if ('list' in a && 'list' in b) {
    const item = joinFeatures(a.list, b.list);
    return 'why' in item ? item : { list: item };
  }
  if ('fields' in a && 'fields' in b) return joinFields(a.fields, b.fields);
  if ('dtype' in a && 'dtype' in b) return joinScalars(a.dtype, b.dtype);
  return { why: 'values of several kinds' };
}

function joinFields(a: ReadonlyMap<string, Feature>, b: ReadonlyMap<string, Feature>): Feature {
  const fields = new Map(a);
  for (const [name, feature] of b) {
    const joined = joinFeatures(fields.get(name) ?? { dtype: 'null' }, feature);
    if ('why' in joined) return joined;
    fields.set(name, joined);
  }
  return { fields };
}

type Scalar = Extract<Feature, { readonly dtype: unknown }>['dtype'];

function joinScalars(a: Scalar, b: Scalar): Feature {
  if (a === b) return { dtype: a };
  const both = new Set([a, b]);
  if (both.has('safe') && both.has('int64')) return { dtype: 'int64' };
  if (both.has('safe') && both.has('float64')) return { dtype: 'float64' };
  if (both.has('int64') && both.has('float64')) return { why: 'integers that binary64 does not hold, and fractions' };
  return { why: 'values of several kinds' };
}

function isNull(feature: Feature): boolean {
  return 'dtype' in feature && feature.dtype === 'null';
}
