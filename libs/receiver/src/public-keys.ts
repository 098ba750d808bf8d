import { performance } from 'node:perf_hooks';
import { createVerifier } from '@hookcast/protocol';
import { tell } from './tell.js';
import { brokerBase, isObject, requestBroker, type ApiResult } from './broker-request.js';

/** Where public keys come from that are not known from the start. */
export interface PublicKeySource {
  /** `whpk_…`; the same array until they change; empty while none is known. */
  publicKeys(): readonly string[];
  /** Told when a signature matched none of them: there may be a new one. */
  refresh(): void;
}

export interface PublicKeysOptions {
  /** The broker, such as `http://127.0.0.1:8080`. Keys come from there and from no address that a request names. */
  url: string;
  /** The namespace whose events are received: only its keys are accepted. @default 'default' */
  namespace?: string | undefined;
  /** Told when the broker could not be asked. @default console */
  log?: { warn(line: string): void } | undefined;
  /** Milliseconds, of a clock that is never set back. @default performance.now */
  now?: (() => number) | undefined;
}

export type PublicKeysRound = { kind: 'fetched'; keys: number } | Exclude<ApiResult<never>, { kind: 'ok' }>;

/** The public keys of a broker. It is asked when keys are needed: nothing has to be started or stopped. */
export interface PublicKeys extends PublicKeySource {
  /** Asks the broker now. */
  runOnce(): Promise<PublicKeysRound>;
}

/** Keys that are older are fetched again while they are used, so that one that is withdrawn is forgotten. */
const maxAgeMs = 300_000;
/** At most this often is the broker asked on account of requests, which anybody can send. */
const refreshIntervalMs = 10_000;
/** The same while no key is known. */
const firstIntervalMs = 1_000;
/** More are not looked at: each may cost a check of every request. */
const mostKeys = 10;
const defaultNamespace = 'default';

/**
 * The Ed25519 keys that a broker publishes at `/.well-known/hookcast-keys.json`: fetched at once, kept, and fetched again
 * when a signature matches none of them and every five minutes of use. While the broker cannot be asked the known ones
 * hold; while none is known every request is answered 503.
 *
 * @example
 * const receiver = createReceiver({ publicKeys: createPublicKeys({ url: 'http://127.0.0.1:8080' }), on });
 *
 * @throws {TypeError} when the URL is none
 */
export function createPublicKeys(options: PublicKeysOptions): PublicKeys {
  const keys = new BrokerPublicKeys(options);
  keys.refresh();
  return keys;
}

class BrokerPublicKeys implements PublicKeys {
  private readonly url: string;
  private readonly namespace: string;
  private known: readonly string[] = [];
  private isAsking = false;
  private fetchedAt = Number.NEGATIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: PublicKeysOptions) {
    this.namespace = options.namespace ?? defaultNamespace;
    const query = this.namespace === defaultNamespace ? '' : `?namespace=${encodeURIComponent(this.namespace)}`;
    this.url = `${brokerBase(options.url)}/.well-known/hookcast-keys.json${query}`;
  }

  publicKeys(): readonly string[] {
    if (this.now() - this.fetchedAt > maxAgeMs) this.refresh();
    return this.known;
  }

  refresh(): void {
    const interval = this.known.length === 0 ? firstIntervalMs : refreshIntervalMs;
    if (!this.isAsking && this.now() - this.askedAt >= interval) void this.runOnce();
  }

  async runOnce(): Promise<PublicKeysRound> {
    this.isAsking = true;
    this.askedAt = this.now();
    const result = keysOf(await requestBroker(this.url), this.namespace);
    this.isAsking = false;
    if (result.kind !== 'ok') {
      const { log = console } = this.options;
      tell(() => log.warn(`The public keys of the broker were not fetched: ${result.detail}`));
      return result;
    }
    this.fetchedAt = this.now();
    if (result.value.join() !== this.known.join()) this.known = result.value;
    return { kind: 'fetched', keys: this.known.length };
  }

  private now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}

/** A key that is not said to be of the namespace is of `default`: so a broker that knows no namespaces has it. */
function keysOf(result: ApiResult<unknown>, namespace: string): ApiResult<string[]> {
  if (result.kind !== 'ok') return result;
  const list = isObject(result.value) ? result.value['keys'] : undefined;
  if (!Array.isArray(list)) return { kind: 'unavailable', detail: `${typeof list} stands where keys should` };
  const own = list.filter(isObject).filter((key) => (key['namespace'] ?? defaultNamespace) === namespace);
  return {
    kind: 'ok',
    value: own
      .map(({ publicKey }) => publicKey)
      .filter(isPublicKey)
      .slice(0, mostKeys),
  };
}

function isPublicKey(text: unknown): text is string {
  try {
    if (typeof text === 'string') createVerifier({ publicKeys: [text] });
    return typeof text === 'string';
  } catch {
    return false;
  }
}
