import { compilePolicy, type EgressPolicy } from './egress-policy.js';
import { Connector } from './connector.js';
import { ConnectFailure } from './failure.js';
import { postWithAccess } from './hook-access.js';
import { TargetBook, type HookTarget } from './hook-target.js';
import { HookExchange, type HookRequest, type HookResponse } from './hook-exchange.js';
import { OriginPool, type IdleBudget } from './origin-pool.js';
import { OwnServices } from './own-services.js';
import { readProxy, type ForwardProxy } from './proxy-tunnel.js';
import { refuseHeaders } from './request-headers.js';
import { SystemResolver, type Resolver } from './resolver.js';
import { secureContextFor, tlsKey, type HookTls } from './tls-identity.js';
import { addressRefused, checkUrl, hostOf, portOf, type UrlCheck } from './url-check.js';

export interface HookClientOptions {
  readonly policy: EgressPolicy;
  /** @default 64 */
  readonly connectionsPerOrigin?: number;
  /** Origins with connections at the same time; the idle one used longest ago makes room. @default 1024 */
  readonly maxOrigins?: number;
  /** Idle connections over all origins. @default 512 */
  readonly maxIdleConnections?: number;
  /** Milliseconds for a name lookup. @default 3000 */
  readonly dnsTimeoutMs?: number;
  /** Milliseconds for TCP, proxy and TLS together. @default 5000 */
  readonly connectTimeoutMs?: number;
  /** Milliseconds that an idle connection is kept; a hook's own `Keep-Alive: timeout=` counts up to 30 s. @default 4000 */
  readonly keepAliveMs?: number;
  /** Milliseconds after which a connection is replaced. @default 300000 */
  readonly maxConnectionAgeMs?: number;
  /** Bytes of an answer's headers. @default 16384 */
  readonly maxHeaderBytes?: number;
  /** Bytes of an answer's body that are read. @default 65536 */
  readonly maxResponseBytes?: number;
  /** Bytes of it that are kept. @default 8192 */
  readonly storedResponseBytes?: number;
  /** @default a {@link SystemResolver} */
  readonly resolver?: Resolver;
  readonly proxy?: ForwardProxy;
  /** TLS material for requests that bring none of their own. */
  readonly tls?: HookTls;
}

export interface HookClientCounts {
  origins: number;
  open: number;
  opening: number;
  idle: number;
  waiting: number;
  inFlight: number;
}

const defaults = {
  connectionsPerOrigin: 64,
  maxOrigins: 1024,
  maxIdleConnections: 512,
  dnsTimeoutMs: 3000,
  connectTimeoutMs: 5000,
  keepAliveMs: 4000,
  maxConnectionAgeMs: 300_000,
  maxHeaderBytes: 16_384,
  maxResponseBytes: 65_536,
  storedResponseBytes: 8192,
};

/**
 * Sends requests to hooks: HTTP/1.1, no redirects, no cookies, no decoding, addresses judged before every connect.
 * Whatever a hook does, the result is a value.
 */
export class HookClient {
  readonly #options: HookClientOptions & typeof defaults;
  readonly #connector: Connector;
  readonly #idleBudget: IdleBudget;
  readonly #pools = new Map<string, OriginPool>();
  readonly #targets: TargetBook;
  #inFlight = 0;
  #sequence = 0;
  #closed = false;
  readonly #drained: (() => void)[] = [];

  /** @throws Error when the policy or the proxy URL is malformed */
  constructor(options: HookClientOptions) {
    this.#options = { ...defaults, ...options };
    this.#idleBudget = { used: 0, limit: this.#options.maxIdleConnections };
    this.#targets = new TargetBook(options.policy);
    const resolver = options.resolver ?? new SystemResolver();
    this.#connector = new Connector({
      policy: compilePolicy(options.policy),
      resolver,
      ownServices: new OwnServices(options.policy.deny ?? [], resolver),
      dnsTimeoutMs: this.#options.dnsTimeoutMs,
      connectTimeoutMs: this.#options.connectTimeoutMs,
      proxy: options.proxy && readProxy(options.proxy),
    });
  }

  /**
   * Sends one request and waits for its answer, at most `timeoutMs` in all. Never rejects. Never sends a request twice:
   * one that may have reached the hook and got no answer ends as `failed`, with `requestSent` and `reusedSocket` for
   * the caller's decision.
   */
  post(request: HookRequest): Promise<HookResponse> {
    const { access } = request;
    if (access !== undefined) return postWithAccess((plain) => this.post(plain), { ...request, access });
    this.#inFlight++;
    return new Promise<HookResponse>((resolve) => {
      const target = this.#prepare(request);
      const path = target instanceof ConnectFailure ? '' : target.path;
      const exchange = new HookExchange(request, path, this.#options, (response) => {
        resolve(response);
        this.#ended();
      });
      if (target instanceof ConnectFailure) exchange.refuse(target);
      else this.#submit(exchange, target);
    });
  }

  /**
   * Whether a hook URL may be called as things stand, with a name lookup and without a connection: for registration.
   * `post` judges again at every connect, so a later change of the name is covered there.
   */
  async check(text: string): Promise<UrlCheck | { readonly kind: 'unresolved'; readonly detail: string }> {
    const check = checkUrl(text, this.#options.policy);
    if (check.kind === 'refused' || this.#options.proxy?.resolve === 'proxy') return check;
    const judged = await this.#connector.judge(hostOf(check.url), portOf(check.url)).catch(connectFailure);
    if (!(judged instanceof ConnectFailure)) return check;
    if (judged.rule === undefined) return { kind: 'unresolved', detail: judged.detail };
    return { kind: 'refused', rule: judged.rule, detail: addressRefused };
  }

  get counts(): HookClientCounts {
    const counts = { origins: this.#pools.size, open: 0, opening: 0, idle: 0, waiting: 0, inFlight: this.#inFlight };
    for (const pool of this.#pools.values()) {
      const { open, opening, idle, waiting } = pool.counts;
      counts.open += open;
      counts.opening += opening;
      counts.idle += idle;
      counts.waiting += waiting;
    }
    return counts;
  }

  /** Takes no more requests, waits for those under way, then closes the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
    await this.destroy();
  }

  /** Ends every request with `aborted` and every connection. */
  async destroy(): Promise<void> {
    this.#closed = true;
    for (const pool of this.#pools.values()) pool.destroy();
    this.#connector.destroy();
    this.#pools.clear();
  }

  #submit(exchange: HookExchange, target: HookTarget): void {
    const pool = this.#poolOf(target, exchange.request.tls ?? this.#options.tls);
    if (pool instanceof ConnectFailure) return exchange.refuse(pool);
    pool.lastUsed = ++this.#sequence;
    pool.submit(exchange);
  }

  #ended(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  #prepare(request: HookRequest): HookTarget | ConnectFailure {
    if (this.#closed) return new ConnectFailure('aborted', 'The client was closed.', 'client closed');
    if (request.signal?.aborted === true)
      return new ConnectFailure('aborted', 'The request was aborted.', 'aborted before it began');
    return refuseHeaders(request.headers) ?? this.#targets.read(request.url);
  }

  #poolOf(target: HookTarget, tls: HookTls | undefined): OriginPool | ConnectFailure {
    const key = target.secure ? `${target.origin} ${tlsKey(tls)}` : target.origin;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    if (this.#pools.size >= this.#options.maxOrigins && !this.#evictOne())
      return new ConnectFailure('other', 'Too many hooks are being called at the same time.', 'every origin is busy');
    const pool = this.#createPool(key, target, tls);
    if (!(pool instanceof ConnectFailure)) this.#pools.set(key, pool);
    return pool;
  }

  #createPool(key: string, target: HookTarget, tls: HookTls | undefined): OriginPool | ConnectFailure {
    const options = this.#options;
    const secure = target.secure ? secureContextFor(tls) : undefined;
    if (secure instanceof ConnectFailure) return secure;
    const pool = new OriginPool({
      origin: target.origin,
      connections: options.connectionsPerOrigin,
      keepAliveMs: options.keepAliveMs,
      maxAgeMs: options.maxConnectionAgeMs,
      maxHeaderBytes: options.maxHeaderBytes,
      maxWireBytes: 8 * options.maxResponseBytes + options.maxHeaderBytes,
      connect: async () => this.#connector.open({ host: target.host, port: target.port, secure }),
      idleBudget: this.#idleBudget,
      onEmpty: () => {
        if (this.#pools.get(key) === pool) this.#pools.delete(key);
      },
    });
    return pool;
  }

  /** Closes the quiet pool that was used longest ago. False when all are at work. */
  #evictOne(): boolean {
    let oldest: [string, OriginPool] | undefined;
    for (const entry of this.#pools)
      if (entry[1].quiet && (oldest === undefined || entry[1].lastUsed < oldest[1].lastUsed)) oldest = entry;
    if (oldest === undefined) return false;
    this.#pools.delete(oldest[0]);
    oldest[1].destroy();
    return true;
  }
}

/** Passes a bug on. */
function connectFailure(error: unknown): ConnectFailure {
  if (error instanceof ConnectFailure) return error;
  throw error;
}
