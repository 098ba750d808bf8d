import type { PendingPublish } from './pending-publish.js';

export interface BatchLimits {
  maxEvents: number;
  /** Of the request's body. */
  maxBytes: number;
}

/** Gathers the calls whose events go into one request. */
export class BatchDraft {
  readonly calls: PendingPublish[] = [];
  private readonly ids = new Set<string>();
  private bytes = '[]'.length;

  constructor(private readonly limits: BatchLimits) {}

  /** Adds the call, or returns false when it belongs into a later request. The first one always fits. */
  take(call: PendingPublish): boolean {
    if (this.calls.length > 0 && !this.fits(call)) return false;
    this.calls.push(call);
    this.bytes += sizeOf(call);
    for (const { id } of call.events) this.ids.add(id);
    return true;
  }

  private fits(call: PendingPublish): boolean {
    const [event] = call.events;
    // A publishBatch() travels alone: a request is stored whole or not at all, and so must each batch be.
    const isAlone = call.events.length > 1 || (this.calls[0]?.events.length ?? 0) > 1;
    // Two events of one id in a request would be refused together, and the first is not to blame.
    if (isAlone || event === undefined || this.ids.has(event.id)) return false;
    return this.calls.length < this.limits.maxEvents && this.bytes + sizeOf(call) <= this.limits.maxBytes;
  }
}

/** Bytes in the body, with a comma for each event. */
const sizeOf = ({ bytes, events }: PendingPublish): number => bytes + events.length;
