import { WeighmarkError } from '../../domain/base/errors.ts';
import { NAMED } from '../../domain/records/derivation.ts';
import { ALIKE, NEAR, NearIndex, signatureOf } from '../../domain/records/near.ts';
import { eachRecord } from './each-record.ts';
import { placeOf, withDatasets, type IndexedDataset } from './indexed.ts';
import type { DataPorts } from './locate.ts';

/** Signatures that are held in memory, about two kilobytes each. */
const MAX_SIGNATURES = 250_000;

interface Place {
  readonly path: string;
  readonly record: number;
}

/** What resembles what, estimated: a sign to look at, which decides nothing. */
export interface Nearness {
  readonly method: string;
  readonly atLeast: number;
  readonly columns: readonly string[] | null;
  /** Records of the first that were compared, and how many of the other they were held against. */
  readonly compared: readonly [number, number];
  /** Records without words in these columns, in both. */
  readonly withoutText: number;
  /** Records of the first that resemble one of the other; equal ones are among them. */
  readonly records: number;
  readonly named: readonly { readonly place: Place; readonly resembles: Place; readonly estimate: number }[];
}

/** Records of one dataset that resemble one of another, such as training data that repeats a test's question in other words. */
export async function findNear(
  paths: readonly [string, string],
  columns: readonly string[] | null,
  ports: DataPorts,
): Promise<Nearness> {
  return withDatasets(paths, ports, async ([left, right]) => {
    if (left === undefined || right === undefined) throw new WeighmarkError('internal', 'two datasets were asked for');
    const index = new NearIndex();
    let [compared, without, records]: [number, number, number] = [0, 0, 0];
    for await (const { position, signature } of signatures(right, columns, ports)) {
      if (signature === null) without += 1;
      else index.add(position, signature);
      if (index.size > MAX_SIGNATURES) throw tooMany();
    }
    const named: Nearness['named'][number][] = [];
    for await (const { position, signature } of signatures(left, columns, ports)) {
      if (signature === null) without += 1;
      else compared += 1;
      const near = signature === null ? null : index.nearest(signature);
      if (near === null) continue;
      records += 1;
      if (named.length === NAMED) continue;
      const [place, resembles] = [placeOf(left.roots, position), placeOf(right.roots, near.position)];
      named.push({ place, resembles, estimate: near.estimate });
    }
    const counts = { compared: [compared, index.size] as const, withoutText: without, records };
    return { method: NEAR, atLeast: ALIKE, columns, ...counts, named };
  });
}

async function* signatures(of: IndexedDataset, columns: readonly string[] | null, ports: DataPorts) {
  for await (const { position, encoding } of eachRecord(of, ports))
    yield { position, signature: signatureOf(encoding, columns) };
}

function tooMany(): WeighmarkError {
  return new WeighmarkError('limit-exceeded', `more than ${MAX_SIGNATURES} records to hold others against`, {
    hint: 'name the smaller dataset, such as the test data, with `--against`',
  });
}
