import { isIP, isIPv4, connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { parseAddress, unmap } from './address.js';
import { judgeAddress, type CompiledPolicy } from './egress-policy.js';
import { ConnectFailure, blocked, codeOf, tcpFailure, tlsFailure, unreachable } from './failure.js';
import type { OwnServices } from './own-services.js';
import { openTunnel, type Proxy } from './proxy-tunnel.js';
import { isLocalhost, type Resolver } from './resolver.js';
import { opened } from './socket-open.js';

export interface ConnectTarget {
  /** Name or address, without brackets or trailing dot. */
  readonly host: string;
  readonly port: number;
  /** Present for https. */
  readonly secure: SecureContext | undefined;
}

export interface ConnectorOptions {
  readonly policy: CompiledPolicy;
  readonly resolver: Resolver;
  readonly ownServices: OwnServices;
  /** Milliseconds for the lookup. */
  readonly dnsTimeoutMs: number;
  /** Milliseconds for TCP, proxy and TLS together. */
  readonly connectTimeoutMs: number;
  readonly proxy: Proxy | undefined;
}

interface Judged {
  /** The only addresses that may be connected to; all of them passed. */
  readonly addresses: readonly string[];
  readonly open: 'public' | 'by-rule';
}

/**
 * Opens sockets to hooks, and nothing else in the program does. The addresses are judged and then pinned: the socket
 * connects to exactly those, so a name that answers differently a moment later changes nothing. After the connect the
 * peer is judged once more, which also covers literals, for which Node never asks a lookup function.
 */
export class Connector {
  readonly #sockets = new Set<Socket>();
  #destroyed = false;

  constructor(private readonly options: ConnectorOptions) {}

  /** @throws ConnectFailure whenever the target must not or cannot be reached */
  async open(target: ConnectTarget): Promise<Socket> {
    const proxy = this.options.proxy;
    if (proxy?.resolvesNames === true && isIP(target.host) === 0) return this.#openThrough(proxy, target.host, target);
    const judged = await this.judge(target.host, target.port);
    const until = performance.now() + this.options.connectTimeoutMs;
    if (proxy !== undefined) return this.#openThrough(proxy, judged.addresses[0] ?? target.host, target);
    const socket = await this.#openTcp(target, judged, until);
    this.#judgePeer(socket, target, judged);
    return this.#secured(socket, target, until);
  }

  /** Destroys every socket, open or opening; nothing opens afterwards. */
  destroy(): void {
    this.#destroyed = true;
    for (const socket of this.#sockets) socket.destroy(new Error('hook client destroyed'));
  }

  /**
   * Resolves and judges. A single bad answer refuses the name: its owner mixes, so the next answer may be all bad.
   * `localhost` is the exception, since no name server answers it: of its two addresses those allowed are used.
   */
  async judge(host: string, port: number): Promise<Judged> {
    const found = isIP(host) === 0 ? await this.#resolve(host) : [host];
    const forbidden = await this.options.ownServices.addresses();
    const verdicts = found.map((address) => ({
      address,
      verdict: judgeAddress({ address, port, host }, this.options.policy, forbidden),
    }));
    const allowed = verdicts.filter(({ verdict }) => verdict.kind === 'allowed');
    const bad = verdicts.find(({ verdict }) => verdict.kind === 'refused');
    if (bad?.verdict.kind === 'refused' && !(isLocalhost(host) && allowed.length > 0))
      throw blocked(bad.verdict.rule, `${host}:${port} (${bad.address})`);
    const isPublic = allowed.every(({ verdict }) => verdict.kind === 'allowed' && verdict.open === 'public');
    return { addresses: allowed.map(({ address }) => address), open: isPublic ? 'public' : 'by-rule' };
  }

  /** An own time limit, since a resolver may be injected, and since c-ares doubles its own with every try. */
  async #resolve(host: string): Promise<readonly string[]> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const failure = new ConnectFailure(
        'dns',
        'The host name of the hook was not resolved in time.',
        `lookup of ${host}: no answer`,
      );
      timer = setTimeout(() => reject(failure), this.options.dnsTimeoutMs);
    });
    try {
      const found = await Promise.race([this.options.resolver.resolve(host), timeout]);
      if (found.length === 0) throw noAddress(host);
      return found.toSorted((left, right) => Number(isIPv4(right)) - Number(isIPv4(left)));
    } catch (error) {
      throw error instanceof ConnectFailure
        ? error
        : new ConnectFailure('dns', noAddress(host).detail, `lookup of ${host}: ${codeOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #openTcp(target: ConnectTarget, { addresses, open }: Judged, until: number): Promise<Socket> {
    const [first = ''] = addresses;
    const socket = this.#track(
      connectTcp({
        ...socketOptions,
        port: target.port,
        host: addresses.length === 1 ? first : target.host,
        ...(addresses.length === 1 ? {} : { lookup: pinned(addresses) }),
      }),
    );
    await opened(socket, 'connect', until - performance.now(), (cause) =>
      tcpFailure(cause, { label: label(target), open }),
    );
    return socket;
  }

  /** Belt and braces: what the kernel says it is connected to must be one of the judged addresses. */
  #judgePeer(socket: Socket, target: ConnectTarget, judged: Judged): void {
    const peer = canonical(socket.remoteAddress ?? '');
    if (peer !== '' && judged.addresses.some((address) => canonical(address) === peer)) return;
    socket.destroy();
    throw blocked('peer', `${label(target)}: the peer is ${socket.remoteAddress ?? 'gone'}`);
  }

  async #openThrough(proxy: Proxy, host: string, target: ConnectTarget): Promise<Socket> {
    const until = performance.now() + this.options.connectTimeoutMs;
    const addresses = isIP(proxy.host) === 0 ? await this.#resolve(proxy.host) : [proxy.host];
    const socket = await this.#openTcp({ ...proxy, secure: undefined }, { addresses, open: 'by-rule' }, until);
    await openTunnel(socket, { host, port: target.port }, proxy, until - performance.now());
    return this.#secured(socket, target, until);
  }

  async #secured(socket: Socket, target: ConnectTarget, until: number): Promise<Socket> {
    if (target.secure === undefined) return socket;
    const secured = this.#track(
      connectTls({
        socket,
        secureContext: target.secure,
        // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment has no effect.
        rejectUnauthorized: true,
        ALPNProtocols: ['http/1.1'],
        ...(isIP(target.host) === 0 ? { servername: target.host } : { host: target.host }),
      }),
    );
    const failure = (cause: unknown): ConnectFailure =>
      codeOf(cause) === 'ETIMEDOUT'
        ? new ConnectFailure('timeout', unreachable, `TLS with ${label(target)}: no answer`)
        : tlsFailure(cause, label(target));
    await opened(secured, 'secureConnect', until - performance.now(), failure);
    return secured;
  }

  #track(socket: Socket): Socket {
    // Somebody must listen for as long as the socket lives, or a late error would end the process.
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#destroyed) socket.destroy();
    return socket;
  }
}

const socketOptions = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: 250,
} as const;

const label = (target: ConnectTarget): string => `${target.host}:${target.port}`;

const noAddress = (host: string): ConnectFailure =>
  new ConnectFailure('dns', 'The host name of the hook has no address.', `lookup of ${host}: no address`);

function canonical(address: string): string {
  const bytes = parseAddress(address);
  return bytes === undefined ? '' : unmap(bytes).join('.');
}

/** Answers every lookup with the judged list. Node asks for one or for all addresses, depending on its settings. */
function pinned(addresses: readonly string[]): LookupFunction {
  const list = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    if (options.all === true) return callback(null, list);
    const [first] = list;
    callback(null, first?.address ?? '', first?.family);
  };
}
