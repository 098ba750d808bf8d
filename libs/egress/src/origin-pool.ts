import type { Socket } from 'node:net';
import { ConnectFailure, codeOf, connectionGone } from './failure.js';
import { HookConnection, type ConnectionOptions, type ConnectionOwner } from './hook-connection.js';
import type { ExchangeQueue, HookExchange } from './hook-exchange.js';

/** Idle connections over all pools: each costs a file descriptor here and at the hook. */
export interface IdleBudget {
  used: number;
  readonly limit: number;
}

export interface PoolOptions extends ConnectionOptions {
  /** Connections at most, open and opening. */
  readonly connections: number;
  /** Milliseconds after which a connection is not used again, so that a moved name is followed even under load. */
  readonly maxAgeMs: number;
  readonly connect: () => Promise<Socket>;
  readonly idleBudget: IdleBudget;
  readonly onEmpty: () => void;
}

/**
 * The connections to one origin under one TLS identity. A request is handed to a connection only when that is open and
 * idle, takes whichever is free first, and can leave the queue at its deadline.
 */
export class OriginPool implements ConnectionOwner, ExchangeQueue {
  readonly #open = new Set<HookConnection>();
  /** A stack: the connection used last is the least likely to have been closed by the hook. */
  readonly #idle: HookConnection[] = [];
  readonly #waiting = new Set<HookExchange>();
  #opening = 0;
  #destroyed = false;
  /** Until then the pool makes do with the connections it has. */
  #contentUntil = -Infinity;
  /** Sequence number of the last request, for the choice of the pool to evict. */
  lastUsed = 0;

  constructor(private readonly options: PoolOptions) {}

  get counts(): { open: number; idle: number; waiting: number; opening: number } {
    return { open: this.#open.size, idle: this.#idle.length, waiting: this.#waiting.size, opening: this.#opening };
  }

  /** Only idle connections are left. */
  get quiet(): boolean {
    return this.#waiting.size === 0 && this.#opening === 0 && this.#idle.length === this.#open.size;
  }

  submit(exchange: HookExchange): void {
    const connection = this.#takeIdle();
    if (connection !== undefined) return connection.run(exchange);
    this.#waiting.add(exchange);
    exchange.queue = this;
    this.#openMore();
  }

  remove(exchange: HookExchange): void {
    this.#waiting.delete(exchange);
    exchange.queue = undefined;
    this.#reportEmpty();
  }

  free(connection: HookConnection): void {
    const expired = performance.now() - connection.openedAt > this.options.maxAgeMs;
    const wanted = this.#waiting.size > 0;
    if (wanted) this.#openMore();
    const { used, limit } = this.options.idleBudget;
    if (expired || !connection.reusable || (used >= limit && !wanted)) return connection.destroy();
    this.#keep(connection);
    // Later, because undici closes the socket only after this call when the answer said so.
    if (wanted) queueMicrotask(() => this.#serveWaiting());
  }

  notSent(exchange: HookExchange): void {
    // A fresh connection that dies before its first request is a refusal; only with a used one it is a race.
    if (!exchange.reusedSocket || this.#destroyed) return exchange.refuse(connectionGone);
    exchange.carrier = undefined;
    exchange.reusedSocket = false;
    this.submit(exchange);
  }

  closed(connection: HookConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index !== -1) {
      this.#idle.splice(index, 1);
      this.options.idleBudget.used--;
    }
    this.#openMore();
    // Later, because a request on it that was not written yet comes back after this call.
    queueMicrotask(() => this.#reportEmpty());
  }

  /** Ends every request with `aborted` and destroys the connections. */
  destroy(): void {
    this.#destroyed = true;
    for (const exchange of this.#waiting) exchange.cancel('aborted', closedText);
    for (const connection of this.#open) {
      connection.cancel(closedText);
      connection.destroy();
    }
  }

  #keep(connection: HookConnection): void {
    this.#idle.push(connection);
    this.options.idleBudget.used++;
  }

  #takeIdle(): HookConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      this.options.idleBudget.used--;
      if (connection.reusable) return connection;
    }
    return undefined;
  }

  #serveWaiting(): void {
    for (const exchange of this.#waiting) {
      const connection = this.#takeIdle();
      if (connection === undefined) return;
      this.#waiting.delete(exchange);
      exchange.queue = undefined;
      connection.run(exchange);
    }
  }

  #openMore(): void {
    while (this.#mayOpen()) {
      this.#opening++;
      void this.#openOne();
    }
  }

  #mayOpen(): boolean {
    if (this.#destroyed || this.#opening >= this.#waiting.size) return false;
    if (this.#open.size > 0 && performance.now() < this.#contentUntil) return false;
    return this.#open.size + this.#opening < this.options.connections;
  }

  async #openOne(): Promise<void> {
    try {
      const socket = await this.options.connect();
      this.#opening--;
      this.#adopt(socket);
    } catch (error) {
      this.#opening--;
      this.#refuse(error);
    }
    this.#openMore();
    this.#reportEmpty();
  }

  #adopt(socket: Socket): void {
    if (this.#destroyed || socket.destroyed) {
      socket.destroy();
      return this.#refuse(connectionGone);
    }
    const connection = new HookConnection(socket, this.options, this);
    this.#open.add(connection);
    this.#keep(connection);
    this.#serveWaiting();
  }

  /**
   * While other connections serve the origin, a failed attempt only says that it takes no more: those who wait keep
   * waiting for one of them. Otherwise it ends the request that has waited longest, and the others get attempts of
   * their own, except that a forbidden or unknown name is the same for all of them.
   */
  #refuse(error: unknown): void {
    const failure =
      error instanceof ConnectFailure
        ? error
        : new ConnectFailure('other', 'The request failed.', `connect: ${codeOf(error)}`);
    if (this.#open.size > 0 && failure.error !== 'blocked') {
      this.#contentUntil = performance.now() + contentMs;
      setTimeout(() => this.#openMore(), contentMs + 1).unref();
      return;
    }
    const all = failure.error === 'blocked' || failure.error === 'dns';
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.refuse(failure);
      if (!all) return;
    }
  }

  #reportEmpty(): void {
    if (this.#open.size === 0 && this.#waiting.size === 0 && this.#opening === 0) this.options.onEmpty();
  }
}

/** Milliseconds without another attempt after an origin with live connections refused one. */
const contentMs = 1000;
const closedText = 'The client was closed.';
