/** Variables of our prefix that others read: the SDKs, the examples and the tests, often in the same environment. */
const ofOthers = new Set([
  'HOOKCAST_API_KEY',
  'HOOKCAST_CONNECT',
  'HOOKCAST_KEY',
  'HOOKCAST_OUTAGE_SECONDS',
  'HOOKCAST_SECRET',
  'HOOKCAST_TRANSPORT',
  'HOOKCAST_URL',
]);

/** Variables that look like settings and are none, each with the setting that was probably meant. */
export function unknownSettings(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): { variable: string; nearest: string | null }[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('HOOKCAST_') && !known.includes(name) && !ofOthers.has(name))
    .map((variable) => ({ variable, nearest: nearestTo(variable, known) }));
}

/** The name that the fewest letters make of it; none when a third of its own letters would have to change. */
function nearestTo(name: string, known: readonly string[]): string | null {
  const prefix = 'HOOKCAST_'.length;
  const most = Math.ceil((name.length - prefix) / 3);
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ distance }) => distance <= most)
    .toSorted((a, b) => a.distance - b.distance);
  return best?.candidate ?? null;
}

/** Letters to add, leave out or replace (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + Number(from[i - 1] !== to[j - 1]);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
