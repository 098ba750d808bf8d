import type { EventContext } from './event-context.js';

type Place = Pick<EventContext, 'key' | 'subscription'>;

/** Which events of a batch wait for one before them that failed, as the broker will have them wait. */
export class HeldLine {
  private readonly keys = new Set<string>();
  private isWholeHeld = false;

  /** @param isStrict whether the subscription of an event has one line for all its keys */
  constructor(private readonly isStrict: (place: Place) => boolean) {}

  /** Everything behind this event in its line comes again with it. */
  hold(place: Place): void {
    if (place.key !== undefined) this.keys.add(place.key);
    this.isWholeHeld ||= this.isStrict(place);
  }

  isHeld({ key }: Place): boolean {
    return this.isWholeHeld || (key !== undefined && this.keys.has(key));
  }
}
