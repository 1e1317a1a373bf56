import { elementsOf } from '../formats/tensors.ts';

/** Consecutive rows of a matrix. */
export interface Band {
  readonly first: number;
  readonly rows: number;
}

/** What is read of two tensors to see whether they are alike: the same rows and columns of both. */
export interface Sample {
  /** Elements of a row. */
  readonly columns: number;
  /** Of these, the first that are looked at. */
  readonly used: number;
  readonly bands: readonly Band[];
  /** True if that is all of both. */
  readonly whole: boolean;
}

const BANDS = 8;
const BAND_ROWS = 16;
const MOST_COLUMNS = 1024;
/** Of a vector, or of a matrix's row before it is cut. */
const MOST_ELEMENTS = 1 << 16;

/** All but the last dimension are rows; a vector is one row. */
export function rowsAndColumns(shape: readonly number[]): readonly [rows: number, columns: number] {
  return [elementsOf(shape.slice(0, -1)), shape.at(-1) ?? 1];
}

/**
 * Eight bands of sixteen rows, spread evenly over the rows that both have, and the first 1,024 columns: at most 128 Ki elements
 * whatever the tensors' size. Rows may be fewer on one side: a vocabulary that was cut or that grew.
 * @returns null where the two have nothing to compare: other columns, or no elements.
 */
export function sampleOf(a: readonly number[], b: readonly number[]): Sample | null {
  const [[ownRows, columns], [otherRows, otherColumns]] = [rowsAndColumns(a), rowsAndColumns(b)];
  const rows = Math.min(ownRows, otherRows);
  if (columns !== otherColumns || rows * columns === 0) return null;
  const used = Math.min(columns, rows === 1 ? MOST_ELEMENTS : MOST_COLUMNS);
  const bands = bandsOf(rows);
  const looked = bands.reduce((sum, band) => sum + band.rows, 0);
  return { columns, used, bands, whole: looked === ownRows && looked === otherRows && used === columns };
}

function bandsOf(rows: number): readonly Band[] {
  if (rows <= BANDS * BAND_ROWS) return [{ first: 0, rows }];
  const room = rows - BAND_ROWS;
  return Array.from({ length: BANDS }, (_, band) => ({
    first: Math.floor((room * band) / (BANDS - 1)),
    rows: BAND_ROWS,
  }));
}

export function sampledRows({ bands }: Sample): number {
  return bands.reduce((sum, { rows }) => sum + rows, 0);
}
