/** What is beyond the bound shares these labels. No name begins with an underscore. */
const others = { namespace: '_other', name: '_other' };

/**
 * Bounds the number of series: the first so many have their own, in the order given, and all others share one. By age
 * and not by size, so that a series does not come and go.
 *
 * @param all the oldest first
 */
export function boundedLabels(
  all: readonly { id: number; namespace: string; name: string }[],
  most: number,
): (id: number) => { namespace: string; name: string } | undefined {
  const labels = new Map(
    all.map(({ id, namespace, name }, index) => [id, index < most ? { namespace, name } : others] as const),
  );
  return (id) => labels.get(id);
}
