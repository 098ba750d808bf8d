import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { networkLiteral, parseAddress, unmap, type Network } from './address.js';
import type { ForbiddenAddress, OwnService } from './egress-policy.js';
import type { Resolver } from './resolver.js';

/** How long a resolved list is used before names and interfaces are looked at again. */
const refreshMs = 10_000;

/**
 * The addresses behind the broker's own services. Names are resolved like hook names are, and again every ten seconds,
 * since a database may move; a name that does not resolve keeps its last addresses, and without any it forbids its
 * port on every non-public address rather than none.
 */
export class OwnServices {
  #current: Promise<readonly ForbiddenAddress[]> | undefined;
  #resolvedAt = -Infinity;
  readonly #last = new Map<string, readonly string[]>();

  constructor(
    private readonly services: readonly OwnService[],
    private readonly resolver: Resolver,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The first call waits for the names; later ones get the last list at once while a fresh one is fetched. */
  async addresses(): Promise<readonly ForbiddenAddress[]> {
    if (this.#current === undefined) {
      this.#resolvedAt = this.now();
      this.#current = this.#resolve();
    } else if (this.now() - this.#resolvedAt > refreshMs) {
      this.#resolvedAt = this.now();
      void this.#refresh();
    }
    return this.#current;
  }

  async #refresh(): Promise<void> {
    const fresh = await this.#resolve();
    this.#current = Promise.resolve(fresh);
  }

  async #resolve(): Promise<readonly ForbiddenAddress[]> {
    const lists = await Promise.all(this.services.map(async (service) => this.#resolveOne(service)));
    return lists.flat();
  }

  async #resolveOne({ host, port }: OwnService): Promise<ForbiddenAddress[]> {
    const networks = await this.#networksOf(host.toLowerCase().replace(/^\[|\]$/g, ''));
    return networks.length === 0 ? [{ network: undefined, port }] : networks.map((own) => ({ network: own, port }));
  }

  async #networksOf(host: string): Promise<Network[]> {
    if (isIP(host) !== 0) return networksOfLiteral(host);
    const found = await this.resolver.resolve(host).catch(() => this.#last.get(host) ?? []);
    this.#last.set(host, found);
    return found.flatMap((address) => single(address));
  }
}

/** What a service that listens on the address answers on: for an unspecified one, every address of this machine. */
export function networksOfLiteral(host: string): Network[] {
  if (host !== '0.0.0.0' && host !== '::') return single(host);
  const interfaces = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  return [
    networkLiteral('127.0.0.0/8'),
    networkLiteral('::1/128'),
    ...interfaces.flatMap((address) => single(address)),
  ];
}

function single(address: string): Network[] {
  const parsed = parseAddress(address);
  if (parsed === undefined) return [];
  const bytes = unmap(parsed);
  return [{ bytes, prefix: bytes.length * 8 }];
}
