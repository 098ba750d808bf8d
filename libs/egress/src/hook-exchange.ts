import type { Dispatcher } from 'undici';
import type { HookAccess } from './hook-access.js';
import type { AddressRule } from './egress-policy.js';
import { codeOf, exchangeFailure, unreachable, type ConnectFailure, type FailureClass } from './failure.js';
import type { HookTls } from './tls-identity.js';

/** What became of a request. Values only: no endpoint, however broken, makes a promise reject. */
export type HookResponse = HookAnswer | HookFailure;

export interface HookAnswer {
  readonly kind: 'answered';
  readonly status: number;
  /** Lower-case names; a repeated header is an array. */
  readonly headers: Record<string, string | string[] | undefined>;
  /** The first `storedResponseBytes` of the body, never decoded. */
  readonly body: Buffer;
  readonly durationMs: number;
  /** Present when the body was cut short, too long or too slow. The status line counts nevertheless. */
  readonly bodyError?: string;
}

export interface HookFailure {
  readonly kind: 'failed';
  readonly error: FailureClass;
  /** May be shown to the owner of the hook: tells nothing about addresses that are not public. */
  readonly detail: string;
  /** Rule, address or error code behind it. For logs only. */
  readonly log: string;
  /** The egress rule, for `blocked`. For logs and the audit trail only. */
  readonly rule?: AddressRule;
  readonly durationMs: number;
  /** Whether bytes of the request may have reached the hook. When false it has certainly not seen the request. */
  readonly requestSent: boolean;
  /** Whether any byte of an answer arrived. */
  readonly answerStarted: boolean;
  /**
   * Whether the connection had carried a request before. `reset` on a reused connection, with the request sent and no
   * answer started, is the keep-alive race: the hook closed an idle connection while the request was on its way. It
   * has almost certainly not been handled, but nobody can know.
   */
  readonly reusedSocket: boolean;
}

export interface HookRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  /** One deadline in milliseconds over waiting, lookup, connect, TLS, sending, headers and body. */
  readonly timeoutMs: number;
  /** @default POST */
  readonly method?: 'POST' | 'OPTIONS' | 'GET';
  readonly signal?: AbortSignal;
  /** Bytes of the answer's body to keep, up to what is read at all. @default the client's storedResponseBytes */
  readonly storedResponseBytes?: number;
  /** Own TLS material; connections are shared only between requests with the same. */
  readonly tls?: HookTls;
  /** Fetches the Authorization value of this request. */
  readonly access?: HookAccess;
}

export interface ResponseLimits {
  readonly maxResponseBytes: number;
  readonly storedResponseBytes: number;
}

/** Where an exchange waits for a connection. */
export interface ExchangeQueue {
  remove(exchange: HookExchange): void;
}

/** What an exchange runs on. */
export interface ExchangeCarrier {
  /** The answer is complete. */
  completed(): void;
  /** The connection closed before a byte of the request was written. */
  notSent(): void;
  /** The request ended badly; the connection is of no further use. */
  failed(): void;
}

/** Informational answers (1xx) that are read past before the hook is taken to be flooding. */
const maxInformational = 8;
const maxHeaders = 128;
const noBody = Buffer.alloc(0);
const noHeaders: readonly Buffer[] = [];

/**
 * One request and its answer: undici's handler, the deadline, the limits and the verdict in one object, because this is
 * the hot path and every further object would be allocated thousands of times a second.
 */
export class HookExchange implements Dispatcher.DispatchHandler {
  queue: ExchangeQueue | undefined;
  carrier: ExchangeCarrier | undefined;
  reusedSocket = false;
  #settled = false;
  #sent = false;
  #answerStarted = false;
  #abort: ((error?: Error) => void) | undefined;
  #status = 0;
  #informational = 0;
  #rawHeaders: readonly Buffer[] = noHeaders;
  #chunks: Buffer[] | undefined;
  #stored = 0;
  #read = 0;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: (() => void) | undefined;

  constructor(
    readonly request: HookRequest,
    /** Path and query of the URL. */
    readonly path: string,
    private readonly limits: ResponseLimits,
    private readonly resolve: (response: HookResponse) => void,
  ) {
    this.#timer = setTimeout(expireSoon, request.timeoutMs, this);
    if (request.signal !== undefined) this.#stopListening = onAbort(request.signal, this);
  }

  /** Ends the exchange because no connection could be opened. */
  refuse(failure: ConnectFailure): void {
    this.#fail(failure.error, failure.detail, failure.log, failure.rule);
  }

  /** Ends the exchange from our side. An answer whose status line has arrived stays an answer. */
  cancel(error: 'timeout' | 'aborted', detail: string): void {
    if (this.#settled) return;
    if (this.#status > 0) this.#answer(detail);
    else if (this.carrier !== undefined)
      this.#fail(error, detail, `${detail} The request was ${this.#sent ? '' : 'not '}sent.`);
    else this.#fail(error, error === 'timeout' ? unreachable : detail, `${detail} No connection was at hand.`);
    this.queue?.remove(this);
    this.#abort?.();
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#settled) return abort();
    this.#abort = abort;
    this.#sent = true;
  }

  onResponseStarted(): void {
    this.#answerStarted = true;
  }

  onHeaders(status: number, rawHeaders: Buffer[]): boolean {
    if (status < 200) {
      this.#informational++;
      if (this.#informational > maxInformational)
        this.#protocolError(`more than ${maxInformational} informational answers`);
      return true;
    }
    if (rawHeaders.length > maxHeaders * 2) {
      this.#protocolError(`more than ${maxHeaders} headers`);
      return true;
    }
    this.#status = status;
    this.#rawHeaders = rawHeaders;
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#settled) return true;
    this.#read += chunk.length;
    this.#store(chunk);
    if (this.#read > this.limits.maxResponseBytes) {
      this.#answer(`The body is longer than ${this.limits.maxResponseBytes} bytes.`);
      this.#abort?.();
    }
    return true;
  }

  onComplete(): void {
    // The connection first: the caller's next request may come as soon as this one has its answer.
    this.carrier?.completed();
    this.#answer();
  }

  onError(error: Error): void {
    const carrier = this.carrier;
    const failure = exchangeFailure(error);
    if (!this.#settled && !this.#sent && failure === 'reset') return carrier?.notSent();
    if (this.#status > 0) this.#answer(`The body was cut short (${codeOf(error)}).`);
    this.#fail(failure, texts[failure], `${codeOf(error)}: ${error.message}`);
    carrier?.failed();
  }

  /** The deadline has come. */
  expire(): void {
    this.cancel('timeout', `No answer within ${this.request.timeoutMs} ms.`);
  }

  #protocolError(what: string): void {
    this.#fail('protocol', `The hook does not speak HTTP properly: ${what}.`, what);
    this.#abort?.();
  }

  #store(chunk: Buffer): void {
    const { storedResponseBytes = this.limits.storedResponseBytes } = this.request;
    const space = storedResponseBytes - this.#stored;
    if (space <= 0) return;
    // A copy, since the chunk is a view into the connection's read buffer and would keep all of it alive.
    const part = Buffer.from(chunk.subarray(0, space));
    this.#stored += part.length;
    (this.#chunks ??= []).push(part);
  }

  #answer(bodyError?: string): void {
    if (this.#settled) return;
    const headers = headerRecord(this.#rawHeaders);
    const durationMs = performance.now() - this.#startedAt;
    const answer = { kind: 'answered', status: this.#status, headers, body: this.#body(), durationMs } as const;
    this.#settle(bodyError === undefined ? answer : { ...answer, bodyError });
  }

  #body(): Buffer {
    const chunks = this.#chunks;
    if (chunks === undefined) return noBody;
    return chunks.length === 1 ? (chunks[0] ?? noBody) : Buffer.concat(chunks);
  }

  #fail(error: FailureClass, detail: string, log: string, rule?: AddressRule): void {
    if (this.#settled) return;
    const durationMs = performance.now() - this.#startedAt;
    const { reusedSocket } = this;
    const flags = { requestSent: this.#sent, answerStarted: this.#answerStarted, reusedSocket };
    this.#settle({ kind: 'failed', error, detail, log, durationMs, ...flags, ...(rule && { rule }) });
  }

  #settle(response: HookResponse): void {
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.resolve(response);
  }
}

const texts: Record<FailureClass, string> = {
  timeout: 'The connection timed out.',
  dns: 'The host name of the hook could not be resolved.',
  refused: 'The connection was refused.',
  reset: 'The hook closed the connection before it answered.',
  tls: 'The TLS connection failed.',
  blocked: unreachable,
  token: 'No access token could be had for the hook.',
  protocol: 'The hook does not speak HTTP properly.',
  aborted: 'The request was aborted.',
  other: 'The request failed.',
};

/** Not at once: an answer that lies in the kernel while a busy event loop lets the timer fire late still counts. */
function expireSoon(exchange: HookExchange): void {
  setImmediate(() => exchange.expire());
}

function onAbort(signal: AbortSignal, exchange: HookExchange): () => void {
  const listener = (): void => exchange.cancel('aborted', 'The request was aborted.');
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** A null prototype, so that a header called `__proto__` is just a header. */
function headerRecord(raw: readonly Buffer[]): HookAnswer['headers'] {
  const record: HookAnswer['headers'] = Object.create(null);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]?.toString('latin1').toLowerCase() ?? '';
    const value = raw[index + 1]?.toString('latin1') ?? '';
    const earlier = record[name];
    if (earlier === undefined) record[name] = value;
    else record[name] = Array.isArray(earlier) ? [...earlier, value] : [earlier, value];
  }
  return record;
}
