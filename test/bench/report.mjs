// What a bench says: figures, the bounds they are held to, and whether they keep them.

/** All that was reported, for the table at the end. */
export const results = [];

/**
 * Prints a row of figures.
 *
 * @param bounds figure → bound, as in `{ ratio: '>= 0.9' }`
 */
export function report(name, figures, bounds = {}) {
  const verdict = judge(figures, bounds);
  results.push({ name, ...figures, verdict });
  console.log(`${name}: ${JSON.stringify(figures)} ${verdict}`);
}

/** `ratio >= 0.9 met`; empty without bounds. */
export function judge(figures, bounds) {
  return Object.entries(bounds)
    .map(([figure, bound]) => `${figure} ${bound} ${isMet(figures[figure], bound) ? 'met' : 'MISSED'}`)
    .join(', ');
}

function isMet(value, bound) {
  const [, comparison, limit] = /^(<=|<|>=)\s*([\d.]+)$/.exec(bound) ?? [];
  if (comparison === undefined) throw new Error(`"${bound}" is no bound`);
  if (comparison === '>=') return value >= Number(limit);
  return comparison === '<' ? value < Number(limit) : value <= Number(limit);
}
