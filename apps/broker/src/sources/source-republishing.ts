import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LogReader, type NewEvent, type StoredEvent } from '@hookcast/log';
import { uuidv7 } from '@hookcast/protocol';
import { callerNamespace } from '../auth/namespace.js';
import { EventsService } from '../events/events.service.js';
import { Problem } from '../http/problem.js';
import { RUNTIME, type Runtime } from '../runtime.js';
import type { RepublishedEvent } from './reception-response.js';
import { SourceHistory } from './source-history.js';

/** Sends what came to a source into the bus once more. */
@Injectable()
export class SourceRepublishing {
  constructor(
    private readonly history: SourceHistory,
    private readonly reader: LogReader,
    private readonly events: EventsService,
    @Inject(RUNTIME) private readonly runtime: Runtime,
  ) {}

  /**
   * Publishes the events of a request again, as new events: every subscription gets them, like the first time.
   *
   * @throws Problem reception-not-found or reception-without-event
   */
  async republish(name: string, id: string, idempotencyKey?: string): Promise<RepublishedEvent[]> {
    const reception = await this.history.reception(name, id);
    const copies: RepublishedEvent[] = [];
    for (const eventId of reception.eventIds) {
      const [stored] = await this.reader.find(eventId, callerNamespace());
      if (stored) copies.push(await this.publishCopy(stored, idempotencyKey));
    }
    if (copies.length === 0) throw new Problem('reception-without-event');
    this.runtime.log.info({ source: name, receptionId: id, events: copies.length }, 'source.republished');
    return copies;
  }

  private async publishCopy(stored: StoredEvent, idempotencyKey: string | undefined): Promise<RepublishedEvent> {
    const copy = copyOf(stored, copyId(stored.id, idempotencyKey));
    const [appended] = await this.events.store({ namespace: callerNamespace(), name: stored.topic }, [copy]);
    if (!appended) throw new Error('One event gives one position.');
    return { id: appended.id, topic: stored.topic, position: appended.position, copyOf: stored.id };
  }
}

/** Another one each time, unless the caller says by a key that it is the same request again. */
function copyId(eventId: string, idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return uuidv7();
  return `copy-${createHash('sha256').update(`${idempotencyKey}\n${eventId}`).digest('base64url')}`;
}

/** The same content under a new id; `copyof` says whose. Neither delay nor expiry is repeated. */
function copyOf(stored: StoredEvent, id: string): NewEvent {
  const { type, source, subject, key, contentType, attributes, data } = stored;
  return {
    id,
    type,
    source,
    data,
    attributes: { ...attributes, extensions: { ...attributes.extensions, copyof: stored.id } },
    ...(subject !== undefined && { subject }),
    ...(key !== undefined && { key }),
    ...(contentType !== undefined && { contentType }),
  };
}
