import type { HeaderValues, VerificationKeys } from '@hookcast/protocol';
import { DeclaredSubscriptions } from './declared-subscriptions.js';
import type { DeliveredEvent, EventContext } from './event-context.js';
import { EventHandlers, type EventHandlerMap, type HandlerEntry } from './event-handlers.js';
import { answerHandshake, type HandshakeOptions } from './handshake.js';
import { HeldLine } from './held-line.js';
import { HandlingSlots } from './handling-slots.js';
import { comesAgain, handledOf, isVerdict, type Handled } from './handler-verdict.js';
import { answerBatch, answerOne, answerRefusal, methodNotAllowed, type HookAnswer } from './hook-answer.js';
import type { Refusal } from './hook-request-error.js';
import { atHops } from './hop-count.js';
import { Keyring, type SecretSource } from './keyring.js';
import { openRequest } from './open-request.js';
import { optionLimit } from './option-limit.js';
import { tell } from './tell.js';
import type { PublicKeySource } from './public-keys.js';

export interface ReceiverOptions {
  /** Handlers by topic or pattern (`orders.*`, `payments.**`). Every handler that matches an event runs. */
  on?: EventHandlerMap | undefined;
  /** The same as a list, for code that finds its handlers. */
  handlers?: readonly HandlerEntry[] | undefined;
  /** `whsec_…`; several while one rotates. */
  secrets?: readonly string[] | undefined;
  /** `whpk_…`, or where they come from: `createPublicKeys({ url })` fetches them from the broker. */
  publicKeys?: readonly string[] | PublicKeySource | undefined;
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
  /**
   * `strict` when the subscriptions that deliver here are: behind a failed event of a batch nothing is handled any more.
   * Otherwise only later events of its key wait. Subscriptions of a registration say it themselves.
   */
  ordering?: 'none' | 'key' | 'strict' | undefined;
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
  private readonly toleranceSeconds: number;
  private readonly handlers: EventHandlers;
  private readonly keyring: Keyring;
  private readonly slots: HandlingSlots;
  private readonly declared: DeclaredSubscriptions;

  constructor(private readonly options: ReceiverOptions) {
    this.maxBodyBytes = optionLimit('maxBodyBytes', options.maxBodyBytes ?? 8 * 1024 * 1024, 1);
    this.toleranceSeconds = optionLimit('toleranceSeconds', options.toleranceSeconds ?? 300, 0);
    this.slots = new HandlingSlots(options.concurrency ?? Infinity, maxWaitMs);
    this.handlers = new EventHandlers([...entriesOf(options), ...(options.handlers ?? [])]);
    this.declared = new DeclaredSubscriptions(options.registration?.declared ?? [], options.ordering === 'strict');
    const keys = keysOf(options);
    const source = sourceOf(options);
    if (keys === undefined && source === undefined) {
      throw new TypeError('A receiver needs secrets, publicKeys or a registration: nothing else proves who sends.');
    }
    this.keyring = new Keyring(keys ?? {}, source);
  }

  async handle({ method, headers, body }: HookRequest): Promise<HookAnswer> {
    if (method === 'OPTIONS') return answerHandshake(headers, this.options.handshake);
    if (method !== 'POST') return methodNotAllowed();
    const { toleranceSeconds } = this;
    const opened = openRequest({ headers, body }, this.keyring, { toleranceSeconds });
    if (opened.kind === 'refused') return this.refuse(opened);
    const [first] = opened.events;
    const refusal = first && this.declared.refusalOf(first.context);
    if (refusal !== undefined) return this.refuse(refusal);
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
    const line = new HeldLine((context) => this.declared.isStrict(context));
    for (const event of events) {
      const handled = line.isHeld(event.context) ? held : await this.inSlot(event);
      if (comesAgain(handled)) line.hold(event.context);
      results.push({ id: event.context.id, handled });
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
      matching.map(async ({ handle, subscription }) => {
        const scoped = { ...context, dedupeScope: subscription ?? this.declared.scopeOf(context) };
        return atHops(context.hops, async () => handle(data, scoped));
      }),
    );
    const thrown: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    const { onError = logError } = this.options;
    for (const reason of thrown) if (!isVerdict(reason)) tell(() => onError(reason, context));
    return handledOf(thrown);
  }
}

const held: Handled = { kind: 'held' };

function entriesOf({ on = {} }: ReceiverOptions): HandlerEntry[] {
  return Object.entries(on).flatMap(([pattern, handlers]) => [handlers].flat().map((handle) => ({ pattern, handle })));
}

function keysOf({ secrets = [], publicKeys = [] }: ReceiverOptions): VerificationKeys | undefined {
  const given = isKeySource(publicKeys) ? [] : publicKeys;
  return secrets.length + given.length > 0 ? { secrets, publicKeys: given } : undefined;
}

function sourceOf({ registration, publicKeys = [] }: ReceiverOptions): SecretSource | undefined {
  if (!isKeySource(publicKeys)) return registration;
  return {
    declared: registration?.declared,
    secretsOf: (subscription) => registration?.secretsOf(subscription) ?? noSecrets,
    publicKeysOf: () => publicKeys.publicKeys(),
    refresh: () => {
      registration?.refresh();
      publicKeys.refresh();
    },
  };
}

const isKeySource = (keys: readonly string[] | PublicKeySource): keys is PublicKeySource => 'refresh' in keys;

/** One array, since verifiers are kept by it. */
const noSecrets: readonly string[] = [];

function logError(error: unknown, { id, topic, attempt }: EventContext): void {
  console.error(`A handler failed on event ${id} of ${topic}, attempt ${attempt}:`, error);
}

function logRefusal({ reason, detail }: Pick<Refusal, 'reason' | 'detail'>): void {
  console.warn(`A hook request was refused (${reason}): ${detail}`);
}
