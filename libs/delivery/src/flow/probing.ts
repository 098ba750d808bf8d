import type { Park } from './park.js';
import type { StreamCursor } from '../reading/owned-stream.js';
import type { RoundRobin } from '../sending/round-robin.js';
import type { Sender } from '../sending/sender.js';
import type { StreamReader } from '../reading/stream-reader.js';

/** Events that were given back and are kept in memory, beyond which no probe takes a new one. */
const mostReturned = 256;

export interface ProbeSources {
  reader: Pick<StreamReader, 'consider'>;
  line: RoundRobin<Sender>;
}

/**
 * Offers a delivery to probe an endpoint with. Every second probe is made with an event that was not tried yet, since
 * those that were may be at fault themselves; the others with what is in memory, the oldest first; when there is nothing
 * in memory, as after a restart, the oldest event that waits is read.
 */
export function offerProbe(sender: Sender, { reader, line }: ProbeSources): void {
  const oldest = oldestPending(sender);
  const isFresh = oldest !== undefined && isOdd(sender.flow.park);
  for (const cursor of sender.cursors) cursor.prefersFresh = isFresh && cursor.givenBack < mostReturned;
  // Retries take every second turn too: in step with these probes, they would leave none for a new event.
  sender.prefersFirstTries = isFresh;
  const isWanted = isFresh || !sender.hasSomething;
  // What is read comes into the line by itself.
  if (oldest !== undefined && isWanted && isReading(oldest, reader)) return;
  offerAll(sender, line);
}

const isOdd = (park: Park | undefined): boolean => park !== undefined && park.probes % 2 === 1;

/** Asks for the event, and is true while it is on its way. */
function isReading(cursor: StreamCursor, reader: ProbeSources['reader']): boolean {
  const feed = cursor.feed ?? cursor.stream.follow(cursor);
  reader.consider(cursor);
  return !cursor.hasNew && (feed.isReading || feed.queued);
}

function offerAll(sender: Sender, line: RoundRobin<Sender>): void {
  for (const cursor of sender.cursors) if (cursor.hasNext) cursor.eventsArrived();
  line.add(sender);
}

/** The cursor whose next event, one that was not taken yet, is the oldest. */
function oldestPending(sender: Sender): StreamCursor | undefined {
  let oldest: StreamCursor | undefined;
  for (const cursor of sender.cursors) {
    const { stream, place } = cursor;
    const isBehind = cursor.maySend && stream.hasBehind(place.seq);
    if (isBehind && (oldest === undefined || place.at < oldest.place.at)) oldest = cursor;
  }
  return oldest;
}
