import { sha256 } from './encoding.js';
import { type Part } from './extract.js';
import { parseJson, type Inbound } from './inbound.js';
import { sliceElements } from './json-elements.js';
import { type ReceivedItem } from './reception.js';
import { type EventRules, type Sender } from './sender.js';

const defaultHashSeconds = 60;

/** The events in a verified request; undefined when its body is not what the sender sends. */
export function itemsOf(sender: Sender, request: Inbound, now: Date): ReceivedItem[] | undefined {
  const parts = sender.split ? sender.split(request) : partsOf(sender, request);
  return parts?.map((part) => itemOf(sender.event, part, now));
}

function partsOf(sender: Sender, request: Inbound): Part[] {
  const elements = sender.batch === undefined ? undefined : batchElements(sender.batch, request);
  if (elements === undefined) return [wholePart(request)];
  return elements.map((data, index) => jsonPart(request, data, index));
}

/** The elements' bytes, or undefined when the body holds no such array. */
export function batchElements(path: string, request: Inbound): Buffer[] | undefined {
  if (request.document === undefined || request.isForm) return undefined;
  return sliceElements(request.body, path === '' ? [] : path.split('/'));
}

function wholePart(request: Inbound): Part {
  const value = request.document;
  const guessed = value === undefined ? 'application/octet-stream' : 'application/json';
  const contentType = request.headerText('content-type') ?? guessed;
  return { request, value, data: request.body, contentType, index: 0 };
}

export function jsonPart(request: Inbound, data: Buffer, index: number): Part {
  return { request, value: parseJson(data), data, contentType: 'application/json', index };
}

function itemOf(rules: EventRules, part: Part, now: Date): ReceivedItem {
  const identity = identityOf(rules, part, now);
  const within = rules.within?.(part);
  const time = rules.time?.(part);
  const subject = rules.subject?.(part);
  return {
    ...identity,
    dedupeKey: within === undefined ? identity.deliveryId : `${identity.deliveryId}:${within}`,
    eventType: rules.type(part) ?? 'unknown',
    contentType: part.contentType,
    data: part.data,
    ...(time && { time }),
    ...(subject !== undefined && { subject }),
  };
}

function identityOf(rules: EventRules, part: Part, now: Date): Pick<ReceivedItem, 'deliveryId' | 'dedupe'> {
  const id = rules.id?.(part);
  if (id !== undefined) return { deliveryId: id, dedupe: 'id' };
  const composite = rules.composite?.(part);
  if (composite !== undefined) return { deliveryId: composite, dedupe: 'composite' };
  return { deliveryId: hashId(part.data, rules.hashSeconds ?? defaultHashSeconds, now), dedupe: 'hash' };
}

/**
 * Equal bytes later on may well be another event ("account 7 changed"), so the id also says in which window they came.
 * A retry on the other side of a window's border is published twice; the reverse error would lose an event.
 */
function hashId(data: Buffer, windowSeconds: number, now: Date): string {
  const digest = sha256(data).toString('hex').slice(0, 40);
  return windowSeconds === 0 ? digest : `${digest}.${Math.floor(now.getTime() / 1000 / windowSeconds)}`;
}

/** A short digest of the bytes, to tell apart parts whose fields agree. */
export function shortHash(part: Part): string {
  return sha256(part.data).toString('hex').slice(0, 16);
}
