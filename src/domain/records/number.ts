/** Exponents further from zero than this are nothing anybody means (docs/datasets.md). */
const MAX_EXPONENT = 1_000_000;
const NUMBER = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/**
 * One text for each exact decimal value: RFC 8785's layout, never rounded. `1.0` and `10e-1` are `1`; `-0` is `0`.
 * @param token a number as RFC 8259 writes it. Null for anything else, or an exponent beyond ±1,000,000.
 */
export function canonicalNumber(token: string): string | null {
  const [, sign, whole, fraction = '', power = '0'] = NUMBER.exec(token) ?? [];
  if (whole === undefined) return null;
  const exponent = Number(power);
  if (Math.abs(exponent) > MAX_EXPONENT) return null;
  const all = whole + fraction;
  const lead = leadingZeros(all);
  if (lead === all.length) return '0';
  let end = all.length;
  while (all.charCodeAt(end - 1) === 0x30) end -= 1;
  return `${sign}${layout(all.slice(lead, end), whole.length - lead + exponent)}`;
}

function leadingZeros(digits: string): number {
  let count = 0;
  while (digits.charCodeAt(count) === 0x30) count += 1;
  return count;
}

/** 0.`digits` × 10^`point`, laid out as ECMAScript does (RFC 8785, 3.2.2.3). */
export function layout(digits: string, point: number): string {
  const count = digits.length;
  if (count <= point && point <= 21) return digits.padEnd(point, '0');
  if (point > 0 && point <= 21) return `${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -6 && point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  const fraction = count > 1 ? `.${digits.slice(1)}` : '';
  return `${digits.slice(0, 1)}${fraction}e${point > 0 ? '+' : '-'}${Math.abs(point - 1)}`;
}

/** A binary64 value by the shortest decimal that reads back to it; `nan`, `inf`, `-inf` for what is no number. */
export function ofDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return canonicalNumber(String(value)) ?? '0';
}

/** A binary32 value by the shortest decimal that reads back to it as binary32: `0.1`, not `0.10000000149011612`. */
export function ofFloat(value: number): string {
  for (let digits = 1; Number.isFinite(value) && digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return ofDouble(short);
  }
  return ofDouble(value);
}
