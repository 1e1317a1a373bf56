const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units as disks and registries count them: `988 MB`, `4.98 GB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${UNITS[power]}`;
}

/** `1 step`, `2 steps`: a number and what it counts. @param several default `what` with an s. */
export function counted(count: number, what: string, several = `${what}s`): string {
  return `${grouped(count)} ${count === 1 ? what : several}`;
}

/** `1,281,167`: a whole number. `toLocaleString` says the same, and loads tables of all languages for it: 20 ms. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A share of one, to three digits. */
export function percent(share: number): string {
  return `${(share * 100).toPrecision(3)} %`;
}
