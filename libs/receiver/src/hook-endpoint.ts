import type { HeaderValues, VerificationKeys } from '@hookcast/protocol';
import type { DeliveredEvent, EventContext } from './event-context.js';
import { EventHandlers, type EventHandler, type HandlerEntry } from './event-handlers.js';
import { answerHandshake, type HandshakeOptions } from './handshake.js';
import { HandlingSlots } from './handling-slots.js';
import { comesAgain, HandlerVerdict, handledOf, type Handled } from './handler-verdict.js';
import { answerBatch, answerOne, answerRefusal, methodNotAllowed, type HookAnswer } from './hook-answer.js';
import type { Refusal } from './hook-request-error.js';
import { atHops } from './hop-count.js';
import { Keyring, type SecretSource } from './keyring.js';
import { openRequest } from './open-request.js';

export interface ReceiverOptions {
  /** Handlers by topic or pattern (`orders.*`, `payments.**`). Every handler that matches an event runs. */
  on?: Readonly<Record<string, EventHandler | readonly EventHandler[]>> | undefined;
  /** The same as a list, for code that finds its handlers. */
  handlers?: readonly HandlerEntry[] | undefined;
  /** `whsec_…`; several while one rotates. */
  secrets?: readonly string[] | undefined;
  /** `whpk_…` */
  publicKeys?: readonly string[] | undefined;
  /** Where secrets come from that are not given: a `createRegistration()`. Until it knows some, requests get 503. */
  registration?: SecretSource | undefined;
  /** How far the timestamp of a request may be from the clock. @default 300 */
  toleranceSeconds?: number | undefined;
  /** @default 8 MiB */
  maxBodyBytes?: number | undefined;
  /**
   * What happens to an event that no handler matches: `retry` answers 404, so that the broker keeps it until a version of
   * the service that handles it is running; `accept` settles it.
   *
   * @default 'retry'
   */
  unhandled?: 'retry' | 'accept' | undefined;
  handshake?: HandshakeOptions | undefined;
  /**
   * Events that are handled at once, over all requests; the others wait in line, and are answered `retry` when they have
   * waited for 10 s: the broker would give up on them soon.
   *
   * @default Infinity
   */
  concurrency?: number | undefined;
  /** Told what a handler threw, unless it is a verdict. The sender only sees 500. @default console.error */
  onError?: ((error: unknown, context: EventContext) => void) | undefined;
  /** Told why a request was refused. The sender only sees the status. @default console.warn */
  onRefused?: ((refusal: Pick<Refusal, 'reason' | 'detail'>) => void) | undefined;
}

export interface HookRequest {
  method: string;
  /** Names in lower case. */
  headers: HeaderValues;
  /** The bytes as they came. */
  body: Buffer;
}

/** Below the 15 s that the broker waits for an answer by default. */
const maxWaitMs = 10_000;

/** What the handlers of every kind of server share. */
export class HookEndpoint {
  readonly maxBodyBytes: number;
  private readonly handlers: EventHandlers;
  private readonly keyring: Keyring;
  private readonly slots: HandlingSlots;

  constructor(private readonly options: ReceiverOptions) {
    this.maxBodyBytes = options.maxBodyBytes ?? 8 * 1024 * 1024;
    this.slots = new HandlingSlots(options.concurrency ?? Infinity, maxWaitMs);
    this.handlers = new EventHandlers([...entriesOf(options), ...(options.handlers ?? [])]);
    const keys = keysOf(options);
    if (keys === undefined && options.registration === undefined) {
      throw new TypeError('A receiver needs secrets, publicKeys or a registration: nothing else proves who sends.');
    }
    this.keyring = new Keyring(keys ?? {}, options.registration);
  }

  async handle({ method, headers, body }: HookRequest): Promise<HookAnswer> {
    if (method === 'OPTIONS') return answerHandshake(headers, this.options.handshake);
    if (method !== 'POST') return methodNotAllowed();
    const { toleranceSeconds = 300 } = this.options;
    const opened = openRequest({ headers, body }, this.keyring, { toleranceSeconds });
    if (opened.kind === 'refused') return this.refuse(opened);
    const handled = await this.handleInOrder(opened.events);
    const [only] = handled;
    return opened.isBatch || only === undefined ? answerBatch(handled) : answerOne(only.handled);
  }

  refuse(refusal: Refusal): HookAnswer {
    const { onRefused = logRefusal } = this.options;
    tell(() => onRefused(refusal));
    return answerRefusal(refusal.reason);
  }

  /** One after the other: the order of a batch is that of the log. */
  private async handleInOrder(events: readonly DeliveredEvent[]): Promise<{ id: string; handled: Handled }[]> {
    const results: { id: string; handled: Handled }[] = [];
    const heldKeys = new Set<string>();
    for (const event of events) {
      const { id, key } = event.context;
      const isHeld = key !== undefined && heldKeys.has(key);
      const handled = isHeld ? held : await this.inSlot(event);
      if (key !== undefined && comesAgain(handled)) heldKeys.add(key);
      results.push({ id, handled });
    }
    return results;
  }

  private async inSlot(event: DeliveredEvent): Promise<Handled> {
    const handled = await this.slots.run(async () => this.run(event));
    return handled === 'full' ? held : handled;
  }

  /** Lets every handler finish, so that the failure of one does not cut another short. */
  private async run({ data, context }: DeliveredEvent): Promise<Handled> {
    const matching = this.handlers.of(context);
    if (matching.length === 0) return { kind: this.options.unhandled === 'accept' ? 'done' : 'unhandled' };
    const results = await Promise.allSettled(
      matching.map(async ({ handle }) => atHops(context.hops, async () => handle(data, context))),
    );
    const thrown: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    const { onError = logError } = this.options;
    for (const reason of thrown) if (!(reason instanceof HandlerVerdict)) tell(() => onError(reason, context));
    return handledOf(thrown);
  }
}

const held: Handled = { kind: 'held' };

function entriesOf({ on = {} }: ReceiverOptions): HandlerEntry[] {
  return Object.entries(on).flatMap(([pattern, handlers]) => [handlers].flat().map((handle) => ({ pattern, handle })));
}

function keysOf({ secrets = [], publicKeys = [] }: ReceiverOptions): VerificationKeys | undefined {
  return secrets.length + publicKeys.length > 0 ? { secrets, publicKeys } : undefined;
}

/** A log that fails must not decide over an event. */
function tell(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    console.error('A listener of the receiver failed:', error);
  }
}

function logError(error: unknown, { id, topic, attempt }: EventContext): void {
  console.error(`A handler failed on event ${id} of ${topic}, attempt ${attempt}:`, error);
}

function logRefusal({ reason, detail }: Pick<Refusal, 'reason' | 'detail'>): void {
  console.warn(`A hook request was refused (${reason}): ${detail}`);
}
