const DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/;
const TIME = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?$/;
const ZONE = /(?:(Z)|([+-])([0-9]{2}):?([0-9]{2})?)$/;

/** Days since 1970-01-01 as `2024-01-02`; years beyond 0000–9999 with their sign and at least six digits. */
export function dateOfDays(days: number): string {
  const { year, month, day } = civil(days);
  const digits = String(Math.abs(year)).padStart(year < 0 || year > 9999 ? 6 : 4, '0');
  return `${year < 0 ? '-' : year > 9999 ? '+' : ''}${digits}-${two(month)}-${two(day)}`;
}

/** Nanoseconds since midnight as `03:04:05.5`: a fraction without trailing zeros, none where it is zero. */
export function timeOfNanos(nanos: bigint): string {
  const seconds = Number(nanos / 1_000_000_000n);
  const fraction = String(nanos % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':');
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

/** Nanoseconds since the epoch as RFC 3339; with `zone` it is an instant, in UTC. */
export function timestampOfNanos(nanos: bigint, zone: boolean): string {
  const day = 86_400_000_000_000n;
  const rest = ((nanos % day) + day) % day;
  return `${dateOfDays(Number((nanos - rest) / day))}T${timeOfNanos(rest)}${zone ? 'Z' : ''}`;
}

/** A date as written, if it is one. */
export function canonicalDate(text: string): string | null {
  const days = daysOf(text);
  return days === null ? null : dateOfDays(days);
}

export function canonicalTime(text: string): string | null {
  const nanos = nanosOf(text);
  return nanos === null ? null : timeOfNanos(nanos);
}

/** `T` or a space between date and time. An instant needs its zone, a timestamp has none. */
export function canonicalTimestamp(text: string, instant: boolean): string | null {
  const days = daysOf(text.slice(0, 10));
  if (days === null || !/^[T ]$/.test(text.slice(10, 11))) return null;
  const zone = ZONE.exec(text.slice(11));
  if ((zone !== null) !== instant) return null;
  const nanos = nanosOf(text.slice(11, zone === null ? undefined : 11 + zone.index));
  const offset = zone === null ? 0n : offsetOf(zone);
  if (nanos === null || offset === null) return null;
  return timestampOfNanos(BigInt(days) * 86_400_000_000_000n + nanos - offset, instant);
}

function offsetOf([, utc, sign, hours = '0', minutes = '0']: RegExpExecArray): bigint | null {
  if (utc !== undefined) return 0n;
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  const seconds = BigInt(Number(hours) * 3600 + Number(minutes) * 60);
  return (sign === '-' ? -seconds : seconds) * 1_000_000_000n;
}

function daysOf(text: string): number | null {
  const [, year, month, day] = (DATE.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return null;
  const days = daysOfCivil(year, month, day);
  const back = civil(days);
  return month >= 1 && month <= 12 && back.day === day && back.month === month ? days : null;
}

function nanosOf(text: string): bigint | null {
  const [, hour, minute, second, fraction = ''] = TIME.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Days ↔ proleptic Gregorian calendar, by Howard Hinnant's `civil_from_days` and `days_from_civil`. */
function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const part = Math.floor((5 * ofYear + 2) / 153);
  const month = part < 10 ? part + 3 : part - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * part + 2) / 5) + 1,
  };
}

function daysOfCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const ofEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + ofYear;
  return era * 146_097 + ofEra - 719_468;
}
