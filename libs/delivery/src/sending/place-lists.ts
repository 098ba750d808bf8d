import { maxListBytes, type LogPlace } from '@hookcast/protocol';

/**
 * How long `hookcast-positions` and `hookcast-attempts` of a batch become at most, event by event: as if no two steps
 * were alike. A batch ends where one of them would not fit into a header.
 */
export class PlaceLists {
  private positionBytes = 0;
  private attemptBytes = 0;
  /** The last event of each stream; in the request those of one stream stand together. */
  private readonly lastSeqs = new Map<number, number>();

  hasRoomFor(place: LogPlace, attempt: number): boolean {
    return (
      this.positionBytes + this.positionCost(place) <= maxListBytes &&
      this.attemptBytes + attemptCost(attempt) <= maxListBytes
    );
  }

  add(place: LogPlace, attempt: number): void {
    this.positionBytes += this.positionCost(place);
    this.attemptBytes += attemptCost(attempt);
    this.lastSeqs.set(place.streamId, place.seq);
  }

  /** `+<step>`, or `,<stream>:<seq>` where the list starts anew. */
  private positionCost({ streamId, seq }: LogPlace): number {
    const last = this.lastSeqs.get(streamId);
    if (last !== undefined && seq > last) return 1 + digitsOf(seq - last);
    return 2 + digitsOf(streamId) + digitsOf(seq);
  }
}

/** With its comma. */
const attemptCost = (attempt: number): number => 1 + digitsOf(attempt);

function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; value >= power; power *= 10) digits += 1;
  return digits;
}
