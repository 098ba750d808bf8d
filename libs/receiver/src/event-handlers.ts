import { compilePattern } from '@hookcast/protocol';
import type { EventContext } from './event-context.js';

/**
 * Reacts to one event. The event is settled when it returns and tried again when it throws, so it may see an event more
 * than once; `context.id` stays the same.
 */
export type EventHandler = Reaction['react'];

interface Reaction {
  /**
   * A method, so that a handler may name the type it expects its data to be of.
   *
   * @param data the value of JSON data, the bytes of other data
   */
  react(data: unknown, context: EventContext): unknown;
}

/**
 * Handlers by topic or pattern (`orders.*`, `payments.**`). Those of a topic in `HookcastTopics` take the data it has there;
 * those of other topics, and of patterns, any.
 */
export type EventHandlerMap = Readonly<Record<string, EventHandler | readonly EventHandler[]>> & {
  readonly [T in keyof HookcastTopics]?: TopicHandler<T> | readonly TopicHandler<T>[];
};

/** A handler of a topic in `HookcastTopics`. */
export type TopicHandler<T extends keyof HookcastTopics> = (data: HookcastTopics[T], context: EventContext) => unknown;

export interface HandlerEntry {
  /** A topic, or a pattern: `*` is one segment, `**` at the end one or more. */
  pattern: string;
  /** Called only for deliveries of this subscription, when they say which they are of. */
  subscription?: string | undefined;
  handle: EventHandler;
}

/** Finds the handlers of an event. */
export class EventHandlers {
  private readonly entries: readonly (HandlerEntry & { matches: (topic: string) => boolean })[];
  private readonly subscriptions: ReadonlySet<string | undefined>;

  /** @throws {RangeError} when a pattern is none */
  constructor(entries: readonly HandlerEntry[]) {
    this.entries = entries.map((entry) => ({ ...entry, matches: compilePattern(entry.pattern) }));
    this.subscriptions = new Set(entries.map(({ subscription }) => subscription));
  }

  /**
   * Every handler whose pattern matches the topic. When one of our subscriptions delivers, only its own: an event that two
   * of them match comes twice, and must not be handled four times.
   */
  of({ topic, subscription }: Pick<EventContext, 'topic' | 'subscription'>): HandlerEntry[] {
    const isOurs = subscription !== undefined && this.subscriptions.has(subscription);
    return this.entries.filter((entry) => entry.matches(topic) && (!isOurs || entry.subscription === subscription));
  }
}
