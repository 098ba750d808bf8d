const digits = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `12,345`. */
export function count(value: number): string {
  return digits.format(value);
}

/** `1 event`, `12,345 events`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `0.3`, `12`, `1,200`: as exact as it matters. */
export function rate(perSecond: number): string {
  return perSecond < 10 ? oneDigit.format(perSecond) : digits.format(perSecond);
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(value: number): string {
  let [left, unit] = [value, 0];
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return `${left < 10 && unit > 0 ? oneDigit.format(left) : digits.format(left)} ${units[unit] ?? ''}`;
}

/** A share of 0 to 1. What is not all is never shown as 100 %. */
export function percent(share: number): string {
  const shown = Math.floor(share * 1000) / 10;
  return `${oneDigit.format(shown)} %`;
}

/** `850 ms`, `12 s`, `3 min`, `5 h 20 min`, `2 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${digits.format(ms)} ms`;
  if (ms < 10_000) return `${oneDigit.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 || hours >= 10 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}
