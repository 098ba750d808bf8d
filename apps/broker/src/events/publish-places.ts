import type { IncomingHttpHeaders } from 'node:http';
import { contentModeOf, type CloudEvent } from '@hookcast/protocol';

/** Where a publish request says what: JSON pointers into its body, or `/<name>` for a header or parameter. */
export interface PublishPlaces {
  /** The id of the event at that place. */
  id(index: number): string;
  /** From when on the event at that place may be delivered. */
  deliverAt(index: number): string;
}

/** For events that were made here: no request says anything. */
export const noPlaces: PublishPlaces = { id: () => '/id', deliverAt: () => '/deliverat' };

/** The places of a request that was read into these events. */
export function placesOf(headers: IncomingHttpHeaders, events: readonly CloudEvent[]): PublishPlaces {
  const mode = contentModeOf(headers['content-type']);
  const key = headers['idempotency-key'];
  // In a batch it is one event among many that is told of, whatever its id was made of.
  const isKey = (index: number) => mode !== 'batch' && key !== undefined && events[index]?.id === key;
  const prefixOf = (index: number) => ({ binary: '/ce-', structured: '/', batch: `/${index}/` })[mode];
  return {
    id: (index) => (isKey(index) ? '/idempotency-key' : `${prefixOf(index)}id`),
    // An event without a time of its own has that of `?delay=`.
    deliverAt: (index) =>
      events[index]?.extensions['deliverat'] === undefined ? '/delay' : `${prefixOf(index)}deliverat`,
  };
}
