import { isDeepStrictEqual } from 'node:util';
import type { Source } from '@hookcast/database';
import {
  senders,
  topicFor,
  validateSource,
  type SchemeInfo,
  type SenderInfo,
  type SourceConfig,
} from '@hookcast/sources';
import { isReserved } from '../announcements/operational-topics.js';
import type { FieldError } from '../http/problem.js';
import type { PutSourceRequest } from './source.dto.js';

/** A source as somebody wants it to be, without its secrets. */
export type SourceSettings = Pick<
  Source,
  'sender' | 'scheme' | 'topic' | 'enabled' | 'publicKeys' | 'callbackUrl' | 'options'
>;

const knownSenders = new Map(senders().map((sender) => [sender.name, sender]));

export function senderInfo(name: string): SenderInfo | undefined {
  return knownSenders.get(name);
}

export function schemeInfo({ sender, scheme }: Pick<Source, 'sender' | 'scheme'>): SchemeInfo | undefined {
  const schemes = knownSenders.get(sender)?.schemes;
  return scheme === null ? schemes?.[0] : schemes?.find(({ name }) => name === scheme);
}

/** A PUT replaces: what is left out gets its default. */
export function settingsOf(request: PutSourceRequest): SourceSettings {
  return {
    sender: request.sender,
    scheme: request.scheme ?? null,
    topic: request.topic ?? `${request.sender}.{type}`,
    enabled: request.enabled ?? true,
    publicKeys: request.publicKeys ?? (request.publicKey === undefined ? [] : [request.publicKey]),
    callbackUrl: request.callbackUrl ?? null,
    options: Object.fromEntries(Object.entries(request.options ?? {}).map(([name, value]) => [name, String(value)])),
  };
}

export function secretsOf(request: PutSourceRequest): string[] | undefined {
  return request.secrets ?? (request.secret === undefined ? undefined : [request.secret]);
}

export function hasSettings(source: Source, settings: SourceSettings): boolean {
  const { sender, scheme, topic, enabled, publicKeys, callbackUrl, options } = source;
  return isDeepStrictEqual({ sender, scheme, topic, enabled, publicKeys, callbackUrl, options }, settings);
}

/** What `@hookcast/sources` checks requests with. `handedOut` is our URL, which a sender knows unless told otherwise. */
export function configOf(
  settings: Pick<Source, 'sender' | 'scheme' | 'publicKeys' | 'callbackUrl' | 'options'>,
  secrets: readonly string[],
  handedOut: string,
): SourceConfig {
  return {
    sender: settings.sender,
    secrets,
    publicKeys: settings.publicKeys,
    callbackUrl: settings.callbackUrl ?? handedOut,
    params: settings.options,
    ...(settings.scheme !== null && { scheme: settings.scheme }),
  };
}

/** Everything that is wrong with a request, with pointers into its body. `config` is what it comes to. */
export function settingsErrors(
  request: PutSourceRequest,
  settings: SourceSettings,
  config: SourceConfig,
): FieldError[] {
  return [
    ...both(request, 'secret', 'secrets'),
    ...both(request, 'publicKey', 'publicKeys'),
    ...topicErrors(settings),
    ...pendingErrors(settings),
    ...validateSource(config)
      .filter(({ pointer }) => !(settings.sender === 'websub' && pointer === '/params/topic'))
      .map(({ pointer, detail }) => ({ pointer: pointerInto(request, pointer), detail })),
  ];
}

function both(request: PutSourceRequest, one: 'secret' | 'publicKey', several: 'secrets' | 'publicKeys'): FieldError[] {
  if (request[one] === undefined || request[several] === undefined) return [];
  return [{ pointer: `/${one}`, detail: `cannot be combined with ${several}` }];
}

/** Every event needs a topic, also one whose type makes none: that one is published as `unknown`. */
function topicErrors({ topic, sender }: SourceSettings): FieldError[] {
  if (isReserved(topic))
    return [{ pointer: '/topic', detail: 'must not begin with "hookcast.", which is for the broker' }];
  if (fallbackTopic(topic, sender) !== undefined) return [];
  return [{ pointer: '/topic', detail: 'must be a topic name, in which {type} and {sender} may stand' }];
}

export function fallbackTopic(template: string, sender: string): string | undefined {
  return topicFor(template, sender, 'unknown');
}

/** Says that a request of ours waits for a hub, which only the broker can know. */
function pendingErrors({ sender, options }: SourceSettings): FieldError[] {
  if (sender !== 'websub' || options['pending'] === undefined) return [];
  return [{ pointer: '/options/pending', detail: 'is set by the broker' }];
}

function pointerInto(request: PutSourceRequest, pointer: string): string {
  if (pointer.startsWith('/params')) return pointer.replace('/params', '/options');
  if (request.secret !== undefined && pointer === '/secrets/0') return '/secret';
  return request.publicKey !== undefined && pointer === '/publicKeys/0' ? '/publicKey' : pointer;
}
