import type { HeaderValues, VerificationKeys } from '@hookcast/protocol';
import type { DeliveredEvent, EventContext } from './event-context.js';
import { EventHandlers, type EventHandler, type HandlerEntry } from './event-handlers.js';
import { answerHandshake, type HandshakeOptions } from './handshake.js';
import {
  answerBatch,
  answerOne,
  answerRefusal,
  methodNotAllowed,
  type Handled,
  type HookAnswer,
} from './hook-answer.js';
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
  /** Told what a handler threw. The sender only sees 500. @default console.error */
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

/** What the handlers of every kind of server share. */
export class HookEndpoint {
  readonly maxBodyBytes: number;
  private readonly handlers: EventHandlers;
  private readonly keyring: Keyring;

  constructor(private readonly options: ReceiverOptions) {
    this.maxBodyBytes = options.maxBodyBytes ?? 8 * 1024 * 1024;
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
    const handled: { id: string; handled: Handled }[] = [];
    // One after the other: the order of a batch is that of the log.
    for (const event of opened.events) handled.push({ id: event.context.id, handled: await this.run(event) });
    const [only] = handled;
    return opened.isBatch || only === undefined ? answerBatch(handled) : answerOne(only.handled);
  }

  refuse(refusal: Refusal): HookAnswer {
    const { onRefused = logRefusal } = this.options;
    tell(() => onRefused(refusal));
    return answerRefusal(refusal.reason);
  }

  /** Lets every handler finish, so that the failure of one does not cut another short. */
  private async run({ data, context }: DeliveredEvent): Promise<Handled> {
    const matching = this.handlers.of(context);
    if (matching.length === 0) return this.options.unhandled === 'accept' ? 'done' : 'unhandled';
    const results = await Promise.allSettled(
      matching.map(async ({ handle }) => atHops(context.hops, async () => handle(data, context))),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    const { onError = logError } = this.options;
    for (const { reason } of failures) tell(() => onError(reason, context));
    return failures.length > 0 ? 'failed' : 'done';
  }
}

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
