import type { BusEvent } from '../api/event-model.js';

/** Positions a little before the heads of a topic: reading from there gives its newest events. */
export function shortlyBefore(headPositions: readonly string[], events: number): string {
  return headPositions
    .map((position) => {
      const [stream = '', seq = '0'] = position.split(':');
      return `${stream}:${Math.max(0, Number(seq) - events)}`;
    })
    .join(',');
}

/** The key that orders an event and places it in its partition. */
export function keyOfEvent({ attributes }: Pick<BusEvent, 'attributes'>): string | undefined {
  return attributes['partitionkey'];
}

/** A local time of a form as the API takes it; undefined where it is empty or no time. */
export function apiTime(local: string | undefined): string | undefined {
  if (local === undefined || local === '') return undefined;
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
