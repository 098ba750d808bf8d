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
  /** When the request came, unix milliseconds. */
  began: number;
  /** When its answer was sent, unix milliseconds. */
  at: number;
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
  /** Taken again after the hook had taken them, and had been heard. */
  duplicated: number;
  /** Positions that were taken again although nothing happened in between to whoever had sent them. */
  doubled: string[];
  /** Positions sent once more after the database was seen to know of their delivery. */
  resent: string[];
  /** Of unknown outcome, and there after all. */
  recovered: number;
  /** Other bytes than those published. */
  corrupted: string[];
  unverified: string[];
  /** Sent, whatever the hook said to it, before an earlier event of the same key and stream was taken or given up. */
  disordered: string[];
}

/** Whoever had sent a request that ended in this time may not have lived to write its result. Unix milliseconds. */
export interface Harmed {
  from: number;
  until: number;
}

export interface Account {
  /** Ids that need not arrive, because their delivery ended otherwise in plain sight (dead letters). */
  accounted?: ReadonlySet<string>;
  /** Positions whose delivery was in the database, and since when that is known, unix milliseconds. */
  settled?: ReadonlyMap<string, number>;
  /** Positions, one for each request whose answer never reached the broker in time: it had to send them again. */
  unheard?: readonly string[];
  /** When harm was done that lets deliveries be made again; left out: all the time. */
  harmed?: readonly Harmed[];
}

const allTheTime: readonly Harmed[] = [{ from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY }];

/**
 * Holds what one subscription received against what was published, in the manner of Jepsen's total-queue.
 */
export function check(
  attempted: readonly Attempted[],
  deliveries: readonly Delivery[],
  { accounted = new Set(), settled = new Map(), unheard = [], harmed = allTheTime }: Account = {},
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
    duplicated: duplicatesOf(taken, unheard),
    doubled: doubledOf(taken, unheard, harmed),
    resent: [
      ...new Set(
        deliveries
          .filter(({ position, began }) => began > (settled.get(position) ?? Number.POSITIVE_INFINITY))
          .map(({ position }) => position),
      ),
    ],
    recovered: attempted.filter(({ id, isAcknowledged }) => !isAcknowledged && takenIds.has(id)).length,
    corrupted: ids(deliveries.filter(({ id, sha }) => known.has(id) && known.get(id)?.sha !== sha)),
    unverified: ids(deliveries.filter(({ verified }) => verified !== true)),
    disordered: disorderOf(deliveries, known, accounted),
  };
}

function duplicatesOf(taken: readonly Delivery[], unheard: readonly string[]): number {
  const excused = countsOf(unheard);
  const times = countsOf(taken.map(({ position }) => position));
  return [...times].reduce((sum, [position, count]) => sum + Math.max(0, count - 1 - (excused.get(position) ?? 0)), 0);
}

/** Of two that follow each other, the first had not been answered long before the harm, and the second came after it. */
function doubledOf(taken: readonly Delivery[], unheard: readonly string[], harmed: readonly Harmed[]): string[] {
  const excused = countsOf(unheard);
  const last = new Map<string, Delivery>();
  const doubled: string[] = [];
  for (const delivery of taken.toSorted((a, b) => a.at - b.at)) {
    const { position, began } = delivery;
    const before = last.get(position);
    last.set(position, delivery);
    if (!before) continue;
    if (harmed.some(({ from, until }) => before.at >= from && before.began <= until && began >= from)) continue;
    const excuses = excused.get(position) ?? 0;
    excused.set(position, excuses - 1);
    if (excuses <= 0) doubled.push(position);
  }
  return doubled;
}

function countsOf(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Those of one key and stream: the last position that was sent, and those that the hook has refused so far. */
interface Line {
  highest: number;
  failing: Map<string, number>;
}

function disorderOf(
  deliveries: readonly Delivery[],
  known: ReadonlyMap<string, Attempted>,
  accounted: ReadonlySet<string>,
): string[] {
  const lines = new Map<string, Line>();
  const taken = new Set<string>();
  const seen = new Set<string>();
  const disordered = new Set<string>();
  for (const { id, position, status } of deliveries) {
    const key = known.get(id)?.key;
    if (key === undefined || taken.has(id)) continue;
    const [stream, seq] = position.split(':');
    const name = `${stream}/${key}`;
    const line = lines.get(name) ?? { highest: 0, failing: new Map<string, number>() };
    lines.set(name, line);
    const isOvertaken = !seen.has(id) && Number(seq) < line.highest;
    const overtakes = [...line.failing].some(([other, before]) => other !== id && before < Number(seq));
    if (isOvertaken || overtakes) disordered.add(id);
    line.highest = Math.max(line.highest, Number(seq));
    seen.add(id);
    if (status >= 200 && status < 300) {
      taken.add(id);
      line.failing.delete(id);
    } else if (!accounted.has(id)) line.failing.set(id, Number(seq));
  }
  return [...disordered];
}
