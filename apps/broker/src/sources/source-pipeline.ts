import { Injectable } from '@nestjs/common';
import type { EventAttributes, NewEvent } from '@hookcast/log';
import { busExtensions } from '@hookcast/protocol';
import {
  receive,
  topicFor,
  toSourceEvent,
  type Accepted,
  type RawRequest,
  type ReceivedItem,
  type Reception,
} from '@hookcast/sources';
import { isReserved } from '../announcements/operational-topics.js';
import { EventsService } from '../events/events.service.js';
import type { TopicName } from '../topics/topic-directory.js';
import { seenKey, SeenKeys } from './seen-keys.js';
import type { SeenKey } from './seen-keys-store.js';
import { SenderCertificates } from './sender-certificates.js';
import type { OpenSource, SourceEntry } from './source-directory.js';
import { accepted, failure, refusal, type Outcome } from './source-outcome.js';
import { fallbackTopic } from './source-settings.js';

interface TopicEvent {
  topic: string;
  event: NewEvent;
}

/** Verifies a request in its sender's style, stores what it holds, and says what to answer. */
@Injectable()
export class SourcePipeline {
  constructor(
    private readonly events: EventsService,
    private readonly seen: SeenKeys,
    private readonly certificates: SenderCertificates,
  ) {}

  /** @throws what storing throws: the caller's answer is a 503 then */
  async take(
    source: OpenSource,
    entry: SourceEntry,
    request: RawRequest,
    { at: now, hops }: { at: Date; hops: number },
  ): Promise<Outcome> {
    const reception = source.needsCertificate
      ? await this.receiveWithCertificate(entry, request, now)
      : receive(request, entry.config, now);
    if (reception === 'certificate-unavailable') return failure(reception);
    switch (reception.kind) {
      case 'refused':
        return refusal(reception);
      case 'handshake': {
        const { response, followUp } = reception;
        return { verdict: 'handshake', answer: response, eventIds: [], ...(followUp && { followUp }) };
      }
      case 'accepted':
        return this.store(source, reception, hops);
    }
  }

  /** Verification cannot wait, so a certificate that is not at hand is fetched and the request verified again. */
  private async receiveWithCertificate(
    { config }: SourceEntry,
    request: RawRequest,
    now: Date,
  ): Promise<Reception | 'certificate-unavailable'> {
    const asked: string[] = [];
    const certificate = (url: string) => {
      asked.push(url);
      return this.certificates.at(url);
    };
    const reception = receive(request, { ...config, certificate }, now);
    const [url] = asked;
    const isMissing = reception.kind === 'refused' && reception.reason === 'certificate-unavailable';
    if (!isMissing || url === undefined || this.certificates.at(url) !== undefined) return reception;
    if ((await this.certificates.fetch(url)) === undefined) return 'certificate-unavailable';
    return receive(request, { ...config, certificate: (name) => this.certificates.at(name) }, now);
  }

  private async store(source: OpenSource, reception: Accepted, hops: number): Promise<Outcome> {
    const { id: sourceId } = source.row;
    const [first] = reception.items;
    const all = withoutRepeats(reception.items.map((item) => toTopicEvent(source, item, hops)));
    const keys = all.map(({ event }) => seenKey(sourceId, event.id));
    const fresh = await this.freshOf(keys);
    const appended = await this.appendAll(
      source.row.namespace,
      all.filter((_, index) => fresh[index]),
    );
    this.seen.remember(keys.filter((_, index) => fresh[index]));
    const { response, followUp } = reception;
    return accepted(response, {
      verdict: all.length > 0 && !appended ? 'duplicate' : 'accepted',
      eventIds: all.map(({ event }) => event.id),
      ...(first && { deliveryId: first.deliveryId, eventType: first.eventType }),
      ...(followUp && { followUp }),
    });
  }

  private async freshOf(keys: readonly SeenKey[]): Promise<boolean[]> {
    const [only] = keys;
    if (only !== undefined && keys.length === 1) return [!(await this.seen.isKnown(only))];
    return Promise.all(keys.map(async (key) => !(await this.seen.isKnown(key))));
  }

  /** All topics at once, so that they share the log's flushes. True when anything was new. */
  private async appendAll(namespace: string, events: readonly TopicEvent[]): Promise<boolean> {
    // Nearly every request: no lists of lists for it.
    const [only] = events;
    if (only === undefined) return false;
    if (events.length === 1) return this.append({ namespace, name: only.topic }, [only.event]);
    const topics = [...new Set(events.map(({ topic }) => topic))];
    const results = await Promise.all(
      topics.map(async (topic) =>
        this.append(
          { namespace, name: topic },
          events.filter((one) => one.topic === topic).map(({ event }) => event),
        ),
      ),
    );
    return results.includes(true);
  }

  /**
   * The log refuses an id that it holds with other bytes. For a publisher that is a mistake; a sender that sends the
   * same delivery again may well write it differently, so here it is a duplicate like any other.
   */
  private async append(topic: TopicName, events: readonly NewEvent[]): Promise<boolean> {
    let left = events;
    while (left.length > 0) {
      const result = await this.events.append(topic, left);
      switch (result.kind) {
        case 'appended':
          return result.events.some(({ duplicate }) => !duplicate);
        case 'conflict': {
          const others = left.filter(({ id }) => !result.ids.includes(id));
          if (others.length === left.length)
            throw new Error(`Topic ${topic.name} names conflicts that were not asked for.`);
          left = others;
          break;
        }
        case 'unavailable':
          throw new StoreUnavailable(result.reason);
        case 'unknown-topic':
          throw new StoreUnavailable(`topic ${topic.name} is gone`);
      }
    }
    return false;
  }
}

/** The log cannot take events now. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** A batch may name one delivery twice; the log would refuse the whole of it. */
function withoutRepeats(events: readonly TopicEvent[]): TopicEvent[] {
  return events.length < 2
    ? [...events]
    : [...new Map(events.toReversed().map((one) => [one.event.id, one])).values()].toReversed();
}

function toTopicEvent({ row }: OpenSource, item: ReceivedItem, hops: number): TopicEvent {
  const event = toSourceEvent(item, row);
  const named = topicFor(row.topic, row.sender, item.eventType);
  // A sender's word must not make an event look like the broker's.
  const isUsable = named !== undefined && !isReserved(named);
  const topic = isUsable ? named : fallbackTopic(row.topic, row.sender);
  // Checked when the source was saved.
  if (topic === undefined) throw new Error(`Source ${row.name} has no usable topic.`);
  const { id, type, source, subject, time, datacontenttype, data } = event;
  return {
    topic,
    event: {
      id,
      type,
      source,
      data,
      contentType: datacontenttype,
      attributes: attributesOf(time, hops),
      ...(subject !== undefined && { subject }),
    },
  };
}

function attributesOf(time: string | undefined, hops: number): EventAttributes {
  const attributes: EventAttributes = time === undefined ? {} : { time };
  if (hops > 0) attributes.extensions = { [busExtensions.hops]: String(hops) };
  return attributes;
}
