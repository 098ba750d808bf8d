import { isEventId, isTopicName } from '@hookcast/protocol';
import { sha256 } from './encoding.js';
import { type ReceivedItem } from './reception.js';

/** The CloudEvents attributes of an item, for the log. */
export interface SourceEvent {
  /** `<source name>:<dedupe key>`, or a digest of it where that is no event id. */
  readonly id: string;
  /** `/sources/<sender>/<source name>` */
  readonly source: string;
  /** `<sender>.<event type>` */
  readonly type: string;
  readonly subject?: string;
  /** RFC 3339. */
  readonly time?: string;
  readonly datacontenttype: string;
  readonly data: Buffer;
}

const keptOfName = 80;
/** Most texts: their letters need not be looked up one by one. */
const plain = /^[\x20-\x7e]*$/;

/** Turns a received item into the event to store: equal items give equal ids, whichever process takes them in. */
export function toSourceEvent(
  item: ReceivedItem,
  source: { readonly name: string; readonly sender: string },
): SourceEvent {
  return {
    id: eventIdOf(source.name, item.dedupeKey),
    source: `/sources/${source.sender}/${source.name}`,
    type: `${source.sender}.${printable(item.eventType)}`,
    ...(item.subject !== undefined && { subject: printable(item.subject) }),
    ...(item.time && { time: item.time.toISOString() }),
    datacontenttype: printable(item.contentType),
    data: item.data,
  };
}

/** CloudEvents allows neither control characters nor halves of surrogate pairs, and Postgres stores no NUL. */
function printable(text: string): string {
  return plain.test(text) ? text : text.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\uFFFD');
}

function eventIdOf(name: string, dedupeKey: string): string {
  const id = `${name}:${dedupeKey}`;
  return isEventId(id) ? id : `${name.slice(0, keptOfName)}:~${sha256(id).toString('base64url')}`;
}

/**
 * The topic for an item by a source's template, in which `{type}` stands for the event type and `{sender}` for the
 * sender: `github.{type}` gives `github.issues.opened`. What a topic name cannot hold is rewritten: `orders/create` →
 * `orders.create`, `Push Hook` → `push-hook`, `/deploy` → `deploy`.
 *
 * @returns undefined when the result is no topic name
 */
export function topicFor(template: string, sender: string, eventType: string): string | undefined {
  const topic = template.replaceAll('{sender}', sender).replaceAll('{type}', segments(eventType));
  return isTopicName(topic) ? topic : undefined;
}

function segments(eventType: string): string {
  return eventType
    .toLowerCase()
    .replaceAll(/[/:]/g, '.')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .split('.')
    .filter((segment) => segment !== '')
    .join('.');
}
