import type { Socket } from 'node:net';
import { Client } from 'undici';
import { connectionGone } from './failure.js';
import type { ExchangeCarrier, HookExchange } from './hook-exchange.js';

export interface ConnectionOptions {
  /** Scheme, host and port, as the Host header names them. */
  readonly origin: string;
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
  /** Bytes on the wire per answer, whatever they are: body, chunk sizes, trailers, endless reason phrases. */
  readonly maxWireBytes: number;
}

/** Who is told what becomes of a connection. */
export interface ConnectionOwner {
  free(connection: HookConnection): void;
  closed(connection: HookConnection): void;
  /** The connection closed before `exchange` was written to it. */
  notSent(exchange: HookExchange): void;
}

/**
 * One open socket with undici's HTTP/1.1 on it. undici's own pool is not used: it ties a request to a connection before
 * that is open, cannot take a queued request back at its deadline, and loses track of clients whose connect failed.
 */
export class HookConnection implements ExchangeCarrier {
  readonly #client: Client;
  readonly openedAt = performance.now();
  #exchange: HookExchange | undefined;
  readonly #unused: NodeJS.Timeout;
  #exchanges = 0;
  #reads = 0;
  #bytesBefore = 0;

  constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
    private readonly pool: ConnectionOwner,
  ) {
    socket.once('close', () => pool.closed(this));
    socket.on('readable', () => this.#limitWireBytes());
    // undici closes idle connections, but knows only those that it has used.
    this.#unused = setTimeout(() => this.destroy(), options.keepAliveMs).unref();
    let handedOver = false;
    this.#client = new Client(options.origin, {
      connect: (_target, callback) => {
        if (handedOver) return callback(connectionGone, null);
        handedOver = true;
        // Later, because undici does not write when its connector answers at once.
        process.nextTick(callback, null, socket);
      },
      pipelining: 1,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: 30_000,
      keepAliveTimeoutThreshold: 1000,
      // The exchange has the one deadline; undici's are idle timers, which a dripping answer never trips.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: options.maxHeaderBytes,
    });
  }

  /** Whether another exchange may use it: undrained request bytes would go out in front of the next request. */
  get reusable(): boolean {
    return !this.socket.destroyed && this.socket.writableLength === 0;
  }

  run(exchange: HookExchange): void {
    this.#exchange = exchange;
    exchange.carrier = this;
    exchange.reusedSocket = this.#exchanges > 0;
    if (this.#exchanges === 0) clearTimeout(this.#unused);
    this.#exchanges++;
    this.#reads = 0;
    const { method = 'POST', headers, body } = exchange.request;
    this.#client.dispatch({ path: exchange.path, method, headers, body }, exchange);
  }

  completed(): void {
    this.#exchange = undefined;
    this.pool.free(this);
  }

  notSent(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange !== undefined) this.pool.notSent(exchange);
  }

  failed(): void {
    this.destroy();
  }

  /**
   * With an error on purpose: undici takes a close without one in the middle of an answer that ends with the connection
   * for its regular end, and would then fail an assertion that nobody can catch.
   */
  destroy(): void {
    this.socket.destroy(new Error('hook connection closed'));
  }

  cancel(detail: string): void {
    this.#exchange?.cancel('aborted', detail);
  }

  /** Asking the socket costs more than all else here, so only answers that come in many pieces are counted. */
  #limitWireBytes(): void {
    this.#reads++;
    if (this.#reads % uncountedReads !== 0) return;
    const { bytesRead } = this.socket;
    if (this.#reads === uncountedReads) this.#bytesBefore = bytesRead;
    if (bytesRead - this.#bytesBefore <= this.options.maxWireBytes) return;
    this.socket.destroy(Object.assign(new Error('too many bytes'), { code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' }));
  }
}

/** Reads of at most 64 KiB each. */
const uncountedReads = 16;
