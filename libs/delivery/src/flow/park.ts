/**
 * Why and until when nothing is sent for a subscription. It is stored with one cursor, so that a takeover and a restart
 * know it. Times are unix milliseconds.
 */
export interface Park {
  /** `retry-after`: the hook asked for quiet; `failing`: nothing but failures that speak of the endpoint. */
  readonly reason: 'retry-after' | 'failing';
  readonly until: number;
  /** Begin of the outage. */
  readonly since: number;
  /** Probes that failed in it. */
  readonly probes: number;
  /** `<class>: <detail>` of the last failure. */
  readonly error: string;
}

/** Both hold: to the later end, and the endpoint is down if one of them says so. */
export function bothParks(known: Park | undefined, park: Park): Park {
  if (known === undefined) return park;
  if (known.reason === park.reason) return known.until < park.until ? park : known;
  const down = known.reason === 'failing' ? known : park;
  return { ...down, until: Math.max(known.until, park.until) };
}
