/** One event as the publishers know it. */
export interface Attempted {
  id: string;
  key?: string;
  /** Fingerprint of its bytes. */
  sha: string;
  /** False when the outcome is unknown: the event may be stored or not. */
  isAcknowledged: boolean;
}

/** One request as a hook received it. */
export interface Delivery {
  id: string;
  sha: string;
  /** True, or why its signature does not verify. */
  verified: true | string;
  /** `<stream>:<seq>` */
  position: string;
  /** Status that the hook answered with. */
  status: number;
}

export interface Report {
  attempted: number;
  acknowledged: number;
  /** Events that the hook took. */
  delivered: number;
  /** Acknowledged, and neither taken by the hook nor accounted for in another way. */
  lost: string[];
  /** Never published. */
  unexpected: string[];
  /** Taken again after the hook had taken them. */
  duplicated: number;
  /** Of unknown outcome, and there after all. */
  recovered: number;
  /** Other bytes than those published. */
  corrupted: string[];
  unverified: string[];
  /** Taken before an earlier event of the same key and stream was taken for the first time. */
  disordered: string[];
}

/**
 * Holds what one subscription received against what was published, in the manner of Jepsen's total-queue.
 *
 * @param accounted ids that need not arrive, because their delivery ended otherwise in plain sight (dead letters)
 */
export function check(
  attempted: readonly Attempted[],
  deliveries: readonly Delivery[],
  accounted: ReadonlySet<string> = new Set(),
): Report {
  const known = new Map(attempted.map((event) => [event.id, event]));
  const taken = deliveries.filter(({ status }) => status >= 200 && status < 300);
  const takenIds = new Set(taken.map(({ id }) => id));
  const acknowledged = attempted.filter(({ isAcknowledged }) => isAcknowledged);
  const ids = (those: readonly { id: string }[]) => [...new Set(those.map(({ id }) => id))];
  return {
    attempted: attempted.length,
    acknowledged: acknowledged.length,
    delivered: takenIds.size,
    lost: ids(acknowledged.filter(({ id }) => !takenIds.has(id) && !accounted.has(id))),
    unexpected: ids(deliveries.filter(({ id }) => !known.has(id))),
    duplicated: taken.length - takenIds.size,
    recovered: attempted.filter(({ id, isAcknowledged }) => !isAcknowledged && takenIds.has(id)).length,
    corrupted: ids(deliveries.filter(({ id, sha }) => known.has(id) && known.get(id)?.sha !== sha)),
    unverified: ids(deliveries.filter(({ verified }) => verified !== true)),
    disordered: disorderOf(taken, known),
  };
}

function disorderOf(taken: readonly Delivery[], known: ReadonlyMap<string, Attempted>): string[] {
  const seen = new Set<string>();
  const highest = new Map<string, number>();
  const disordered: string[] = [];
  for (const { id, position } of taken) {
    const key = known.get(id)?.key;
    if (key === undefined || seen.has(id)) continue;
    seen.add(id);
    const [stream, seq] = position.split(':');
    const line = `${stream}/${key}`;
    if (Number(seq) < (highest.get(line) ?? 0)) disordered.push(id);
    else highest.set(line, Number(seq));
  }
  return disordered;
}
