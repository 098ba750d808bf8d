/** Where an event stands in the log. */
export interface LogPlace {
  streamId: number;
  seq: number;
}

/** Of `hookcast-positions` and of `hookcast-attempts`. Web servers take headers of 8 KiB, some of them for all together. */
export const maxListBytes = 4_096;

/**
 * The value of `hookcast-positions`: the positions of all events of a batch, in its order. `3:17` begins, and `+1` is as
 * much further in the same stream, `+1*23` so many times: `3:17+1*23+2,5:1`.
 *
 * @returns undefined when it would be too long for a header
 */
export function formatPositions(places: readonly LogPlace[]): string | undefined {
  let text = '';
  let gap = 0;
  let times = 0;
  let before: LogPlace | undefined;
  const endRun = () => {
    if (times > 0) text += `+${repeated(gap, times)}`;
    times = 0;
  };
  for (const place of places) {
    const step = before?.streamId === place.streamId ? place.seq - before.seq : 0;
    if (step !== gap || step <= 0) endRun();
    if (step > 0) times += 1;
    else text += `${text === '' ? '' : ','}${place.streamId}:${place.seq}`;
    gap = step;
    before = place;
  }
  endRun();
  return bounded(text);
}

/**
 * The value of `hookcast-attempts`: the numbers of the attempts of all events of a batch, in its order, with `2*40` for
 * forty times 2.
 *
 * @returns undefined when it would be too long for a header
 */
export function formatAttempts(attempts: readonly number[]): string | undefined {
  const items: string[] = [];
  for (let at = 0; at < attempts.length;) {
    const start = at;
    const number = attempts[start] ?? 0;
    while (attempts[at] === number) at += 1;
    items.push(repeated(number, at - start));
  }
  return bounded(items.join(','));
}

const repeated = (number: number, times: number): string => (times === 1 ? `${number}` : `${number}*${times}`);

const bounded = (text: string): string | undefined => (text.length > maxListBytes ? undefined : text);

const positionItem = /^(\d{1,15}):(\d{1,16})((?:\+\d{1,16}(?:\*\d{1,6})?)*)$/;

/**
 * Reads `hookcast-positions`.
 *
 * @param count events in the batch; the header is not signed, so no more than them is made of it
 * @returns undefined unless it tells of exactly so many
 */
export function parsePositions(text: string, count: number): string[] | undefined {
  const positions: string[] = [];
  for (const item of itemsOf(text)) {
    const [, stream, first, steps = ''] = positionItem.exec(item) ?? [];
    if (stream === undefined) return undefined;
    let seq = Number(first);
    positions.push(`${stream}:${seq}`);
    for (const [, gap, times = '1'] of steps.matchAll(/\+(\d+)(?:\*(\d+))?/g)) {
      if (Number(times) > count - positions.length) return undefined;
      for (let n = Number(times); n > 0; n -= 1) positions.push(`${stream}:${(seq += Number(gap))}`);
    }
  }
  return positions.length === count ? positions : undefined;
}

/** Reads `hookcast-attempts`, in the same way. */
export function parseAttempts(text: string, count: number): number[] | undefined {
  const attempts: number[] = [];
  for (const item of itemsOf(text)) {
    const [, number, times = '1'] = /^(\d{1,6})(?:\*(\d{1,6}))?$/.exec(item) ?? [];
    if (number === undefined || Number(times) > count - attempts.length) return undefined;
    for (let n = Number(times); n > 0; n -= 1) attempts.push(Number(number));
  }
  return attempts.length === count ? attempts : undefined;
}

const itemsOf = (text: string): string[] => (text.length > maxListBytes ? [] : text.split(','));
