const STATED = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/i;

/**
 * When that is, in milliseconds; NaN for what is no date that exists, or no form of RFC 3339. Without a zone it is UTC: `Date.parse`
 * takes the reader's own, and two machines would decide differently.
 */
export function instantOf(text: string): number {
  const [, day, minutes = '00:00', seconds = ':00', fraction = '', zone = 'Z'] = STATED.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return Number.NaN;
  const offset = zone.toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  return Date.parse(`${day}T${minutes}${seconds}${fraction.slice(0, 10)}${offset}`);
}

/** JavaScript takes 30 February for 1 March. */
function isDay(day: string): boolean {
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}
