/**
 * A limit that somebody has set. NaN, the usual result of an unset variable, compares with nothing and would be no limit.
 *
 * @throws {RangeError} when it is no number of at least `least`
 */
export function optionLimit(name: string, value: number, least: number): number {
  if (typeof value === 'number' && value >= least) return value;
  throw new RangeError(`${name} must be a number of at least ${least}, not ${String(value)}`);
}
