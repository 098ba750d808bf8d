import {
  busExtensions,
  formatStructured,
  formatStructuredJson,
  isEventId,
  isTopicName,
  uuidv7,
  type CloudEvent,
} from '@hookcast/protocol';
import { encodeData } from './event-data.js';
import { PublishError } from './publish-error.js';

/** A length of time as the publish API writes it: `500ms`, `30s`, `5m`, `2h`, `1d`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** What may be said of an event besides its topic and data. */
export interface EventOptions {
  /**
   * Names the event for ever, so that it is stored once however often it is published: 1 to 128 visible ASCII
   * characters. The same id with other content is refused (`conflict`).
   *
   * @default a new UUIDv7
   */
  id?: string | undefined;
  /** A URI reference that says who publishes. @default the publisher's `source` */
  source?: string | undefined;
  /** @default the topic */
  type?: string | undefined;
  subject?: string | undefined;
  /** The ordering key: events of one key stand in one stream, in the order `publish()` was called. */
  key?: string | undefined;
  /**
   * When it happened.
   *
   * @default the time of the call; none when `id` is given, since publishing that id again must give the same bytes
   */
  time?: Date | string | undefined;
  /** An absolute URI. */
  dataschema?: string | undefined;
  /**
   * The media type of `data`.
   *
   * @default `application/octet-stream` for bytes, `application/json` for everything else
   */
  contentType?: string | undefined;
  /** CloudEvents extension attributes: lower-case letters and digits in the name. */
  extensions?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** W3C trace context, handed to every hook. */
  traceparent?: string | undefined;
  tracestate?: string | undefined;
  /** Not delivered before this much time has passed, counted from the call by this machine's clock. */
  delay?: Duration | undefined;
  /** Not delivered before; excludes `delay`. */
  deliverAt?: Date | string | undefined;
  /** Dead-lettered as `expired` when not delivered by then. */
  expiresAt?: Date | string | undefined;
}

/** An event ready to be sent: everything that a later attempt needs, and nothing that could change in between. */
export interface OutgoingEvent {
  topic: string;
  id: string;
  key: string | undefined;
  /** In the CloudEvents JSON format. */
  body: Buffer;
}

/** What an event takes from its publisher rather than from the call. */
export interface EventOrigin {
  source: string;
  /** Unix time in milliseconds. */
  now: number;
  /** Hooks that lie behind the event: those of the one whose handler publishes it. @default 0 */
  hops?: number;
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationText = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;
const extensionName = /^[a-z0-9]{1,64}$/;

/** Attributes that have an option or a meaning of their own and so cannot be given as an extension. */
const takenNames: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'dataschema',
  'datacontenttype',
  'data',
]);

/**
 * Builds the event of one `publish()` call.
 *
 * @throws {PublishError} `invalid-event` when the arguments make none
 */
export function outgoingEvent(topic: string, data: unknown, options: EventOptions, origin: EventOrigin): OutgoingEvent {
  if (!isTopicName(topic)) throw invalid(`${JSON.stringify(topic)} is not a topic name.`);
  const id = options.id ?? uuidv7(origin.now);
  if (!isEventId(id)) throw invalid('An event id is 1 to 128 visible ASCII characters without space.');
  const { json, ...encoded } = encodeData(data, options.contentType);
  const event: CloudEvent = {
    id,
    source: options.source ?? origin.source,
    type: options.type ?? topic,
    ...optionalAttributes(options, origin.now),
    extensions: { ...givenExtensions(options), ...busAttributes(options, origin) },
    ...scalarsOf(options),
    ...encoded,
  };
  const body = json === undefined ? formatStructured(event) : formatStructuredJson(event, json);
  return { topic, id, key: options.key, body };
}

function optionalAttributes(
  { id, time, subject, dataschema }: EventOptions,
  now: number,
): Pick<CloudEvent, 'time' | 'subject' | 'dataschema'> {
  const attributes: Pick<CloudEvent, 'time' | 'subject' | 'dataschema'> = {};
  if (time !== undefined) attributes.time = timeText(time, 'time');
  else if (id === undefined) attributes.time = new Date(now).toISOString();
  if (subject !== undefined) attributes.subject = subject;
  if (dataschema !== undefined) attributes.dataschema = dataschema;
  return attributes;
}

function givenExtensions({ extensions = {} }: EventOptions): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const name in extensions) {
    if (!extensionName.test(name) || takenNames.has(name)) throw invalid(`"${name}" cannot name an extension.`);
    checked[name] = String(extensions[name]);
  }
  return checked;
}

/** Extensions that the CloudEvents type system has as an Integer (of 32 bits) or Boolean; other numbers are text. */
function scalarsOf({ extensions = {} }: EventOptions): Pick<CloudEvent, 'scalars'> {
  const scalars = Object.keys(extensions).filter((name) => isScalar(extensions[name]));
  return scalars.length > 0 ? { scalars } : {};
}

const isScalar = (value: unknown): boolean =>
  typeof value === 'boolean' || (typeof value === 'number' && (value | 0) === value);

/** The extension attributes that the bus acts on. */
function busAttributes(options: EventOptions, { now, hops = 0 }: EventOrigin): Record<string, string> {
  const attributes: Record<string, string> = {};
  const { orderingKey, traceParent, traceState } = busExtensions;
  const deliverAt = deliveryTime(options, now);
  if (options.key !== undefined) attributes[orderingKey] = options.key;
  if (options.traceparent !== undefined) attributes[traceParent] = options.traceparent;
  if (options.tracestate !== undefined) attributes[traceState] = options.tracestate;
  if (hops > 0) attributes[busExtensions.hops] = String(hops);
  if (deliverAt !== undefined) attributes[busExtensions.deliverAt] = deliverAt;
  if (options.expiresAt !== undefined) attributes[busExtensions.expiresAt] = timeText(options.expiresAt, 'expiresAt');
  return attributes;
}

function deliveryTime({ delay, deliverAt }: EventOptions, now: number): string | undefined {
  if (delay === undefined) return deliverAt === undefined ? undefined : timeText(deliverAt, 'deliverAt');
  if (deliverAt !== undefined) throw invalid('delay and deliverAt exclude each other.');
  return new Date(now + durationMs(delay)).toISOString();
}

function durationMs(delay: string): number {
  const [, amount, unit] = durationText.exec(delay) ?? [];
  if (amount === undefined || !isUnit(unit))
    throw invalid(`delay is a text like "30s" or "5m", not ${JSON.stringify(delay)}.`);
  return Math.round(Number(amount) * unitMs[unit]);
}

const isUnit = (text: string | undefined): text is keyof typeof unitMs =>
  text !== undefined && Object.hasOwn(unitMs, text);

function timeText(time: Date | string, option: string): string {
  if (typeof time === 'string') return time;
  if (Number.isNaN(time.getTime())) throw invalid(`${option} is not a valid Date.`);
  return time.toISOString();
}

const invalid = (message: string): PublishError => new PublishError('invalid-event', message);
