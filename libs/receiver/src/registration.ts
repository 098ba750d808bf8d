import { performance } from 'node:perf_hooks';
import { BrokerApi, type BrokerOptions, type RegisteredService, type ServiceDeclaration } from './broker-api.js';
import type { ApiResult } from './broker-request.js';
import type { SecretSource } from './keyring.js';
import { createPublicKeys } from './public-keys.js';
import { RegisteredKeys } from './registered-keys.js';
import type { RegistrationPlan } from './registration-plan.js';
import { retryPause, type RetryPacing } from './retry-pause.js';
import { declarationErrors, type SubscriptionDeclaration } from './subscription-declaration.js';
import { tell } from './tell.js';

export interface RegistrationOptions extends ServiceDeclaration {
  broker: BrokerOptions;
  /** The wait after a first failure doubles from `baseMs` to `maxMs`, with jitter. @default { baseMs: 500, maxMs: 30_000 } */
  retry?: RetryPacing | undefined;
  /** @default console */
  log?: RegistrationLog | undefined;
}

export interface RegistrationLog {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

/** What one round did. */
export type RegistrationRound =
  | { kind: 'registered'; subscriptions: number }
  /**
   * A newer revision is declared and stays so. Of our subscriptions these have the same hook in it: their requests are
   * verified with what it has, until this instance is replaced.
   */
  | { kind: 'outdated'; subscriptions: number }
  /** The leases were renewed. */
  | { kind: 'renewed' }
  | Exclude<ApiResult<never>, { kind: 'ok' }>;

/**
 * Keeps a service's subscriptions declared at the broker, and knows their secrets from its answer. For subscriptions with
 * the signature `ed25519` or `both` it fetches the broker's public keys.
 */
export interface Registration extends SecretSource {
  /** Declares the subscriptions, again with backoff until the broker accepts them, and then keeps their leases alive. */
  start(): void;
  /** Declares the subscriptions, or renews their leases once they are declared. */
  runOnce(): Promise<RegistrationRound>;
  /** What declaring would change at the broker; changes nothing. */
  plan(): Promise<ApiResult<RegistrationPlan>>;
  stop(): void;
  /** True once the broker has accepted the declaration. */
  readonly isRegistered: boolean;
}

/**
 * Declares all subscriptions of a service when it starts, without keeping it from starting.
 *
 * @example
 * const registration = createRegistration({
 *   broker: { url: 'http://127.0.0.1:8080', apiKey },
 *   service: 'billing',
 *   subscriptions: [{ name: 'billing-orders', topics: ['orders.*'], url: 'http://billing:3000/hooks' }],
 * });
 * const receiver = createReceiver({ registration, on: { 'orders.*': bill } });
 * registration.start();
 *
 * @throws {TypeError} that names every option that cannot be right
 */
export function createRegistration(options: RegistrationOptions): Registration {
  return new ServiceRegistration(options);
}

/** At most this often do requests whose signature matches no secret make us ask for new ones: anybody can send those. */
const refreshIntervalMs = 10_000;

class ServiceRegistration implements Registration {
  isRegistered = false;
  private readonly api: BrokerApi;
  private readonly log: RegistrationLog;
  private readonly retry: RetryPacing;
  private readonly heartbeatMs: number | undefined;
  private readonly keys: RegisteredKeys;
  private mustDeclare = true;
  /** The broker has told us how our subscriptions stand, ours or a newer revision's. */
  private hasAnswered = false;
  private failures = 0;
  private isStarted = false;
  private isToldOutdated = false;
  private refreshedAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RegistrationOptions) {
    const errors = declarationErrors(options.service, options.subscriptions);
    if (errors.length > 0) throw new TypeError(`Registration of ${options.service}: ${errors.join('; ')}`);
    this.api = new BrokerApi(options.broker);
    this.log = quietLog(options.log ?? console);
    this.retry = options.retry ?? { baseMs: 500, maxMs: 30_000 };
    this.heartbeatMs = heartbeatInterval(options.subscriptions.map(({ leaseSeconds }) => leaseSeconds));
    const { url } = options.broker;
    this.keys = new RegisteredKeys(options.subscriptions, (namespace) =>
      createPublicKeys({ url, namespace, log: this.log }),
    );
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    void this.tick();
  }

  async runOnce(): Promise<RegistrationRound> {
    const round = this.mustDeclare ? await this.declare() : await this.renew();
    this.failures = round.kind === 'refused' || round.kind === 'unavailable' ? this.failures + 1 : 0;
    return round;
  }

  async plan(): Promise<ApiResult<RegistrationPlan>> {
    const { service, revision, subscriptions } = this.options;
    return this.api.plan({ service, revision, subscriptions });
  }

  stop(): void {
    this.isStarted = false;
    clearTimeout(this.timer);
  }

  get declared(): readonly SubscriptionDeclaration[] {
    return this.options.subscriptions;
  }

  secretsOf(subscription: string | undefined): readonly string[] {
    return this.keys.secretsOf(subscription);
  }

  publicKeysOf(subscription: string | undefined): readonly string[] {
    return this.keys.publicKeysOf(subscription);
  }

  refresh(): void {
    this.keys.refresh();
    const now = performance.now();
    if (!this.isStarted || !this.hasAnswered || now - this.refreshedAt < refreshIntervalMs) return;
    this.refreshedAt = now;
    this.mustDeclare = true;
    this.schedule(0);
  }

  private async declare(): Promise<RegistrationRound> {
    const { service, revision, subscriptions } = this.options;
    const result = await this.api.declare({ service, revision, subscriptions });
    if (isOutdated(result)) return this.joinNewer(result);
    if (result.kind !== 'ok') return result;
    this.learn(result.value);
    this.isRegistered = true;
    return { kind: 'registered', subscriptions: subscriptions.length };
  }

  /**
   * An instance of the deploy before gets deliveries until it is replaced, so it verifies with what the newer one has
   * declared, as far as that points to the same hook, and renews its leases.
   */
  private async joinNewer(refusal: RegistrationRound & { kind: 'refused' }): Promise<RegistrationRound> {
    const { service, subscriptions } = this.options;
    const existing = await this.api.existing({ service, subscriptions });
    const urls = new Map(subscriptions.map(({ name, url }) => [name, url]));
    const found = existing.kind === 'ok' ? existing.value : { namespace: undefined, subscriptions: [] };
    const ours = found.subscriptions.filter(({ name, url }) => urls.get(name) === url);
    if (ours.length > 0) {
      this.learn({ ...found, subscriptions: ours });
      return { kind: 'outdated', subscriptions: ours.length };
    }
    this.mustDeclare = !this.hasAnswered;
    return refusal;
  }

  private learn(registered: RegisteredService): void {
    this.mustDeclare = false;
    this.hasAnswered = true;
    const hidden = this.keys.learn(registered);
    if (hidden.length === 0) return;
    this.log.warn(`The key may not see the secret of ${hidden.join(', ')}: give the receiver \`secrets\` yourself`);
  }

  private async renew(): Promise<RegistrationRound> {
    const result = await this.api.heartbeat(this.options.service);
    if (result.kind === 'ok') return { kind: 'renewed' };
    // The broker does not know the service any more, so it has to be declared again.
    if (result.kind === 'refused') this.mustDeclare = true;
    return result;
  }

  private async tick(): Promise<void> {
    const wasDeclaring = this.mustDeclare;
    const round = await this.runOnce();
    if (!this.isStarted) return;
    const isFailure = round.kind === 'refused' || round.kind === 'unavailable';
    const waitMs = isFailure ? retryPause(this.failures, this.retry, Math.random()) : this.heartbeatMs;
    this.report(round, wasDeclaring, waitMs);
    if (waitMs !== undefined) this.schedule(waitMs);
  }

  private schedule(waitMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.tick(), waitMs).unref();
  }

  private report(round: RegistrationRound, wasDeclaring: boolean, waitMs: number | undefined): void {
    const { service, broker, subscriptions } = this.options;
    const again = `trying again in ${((waitMs ?? 0) / 1000).toFixed(1)} s`;
    const what = wasDeclaring
      ? `The subscriptions of ${service} are not registered`
      : `The leases of ${service} are not renewed`;
    switch (round.kind) {
      case 'registered':
        for (const { name, topics, url } of subscriptions)
          this.log.info(`Subscription ${name}: ${topics.join(', ')} → ${url}`);
        return this.log.info(
          `${service} is registered at ${broker.url} (${countOf(round.subscriptions, 'subscription')})`,
        );
      case 'renewed':
        return undefined;
      case 'outdated':
        return this.reportOutdated();
      case 'unavailable':
        return this.log.warn(`${what}, ${again}: ${round.detail}`);
      case 'refused':
        if (round.code === 'revision-outdated') return this.reportOutdated();
        return this.log.error(`${what}, ${again}: ${round.detail}`);
    }
  }

  /** Once: it stays so for as long as this instance runs, which is what a rolling deploy is like. */
  private reportOutdated(): void {
    if (this.isToldOutdated) return;
    this.isToldOutdated = true;
    const { service, revision } = this.options;
    this.log.warn(`A newer revision of ${service} than ${revision} is registered, and is left as it is`);
  }
}

const isOutdated = (result: ApiResult<unknown>): result is Extract<ApiResult<never>, { kind: 'refused' }> =>
  result.kind === 'refused' && result.code === 'revision-outdated';

/** A log that fails must not end the registration: nothing would renew the leases. */
const quietLog = (log: RegistrationLog): RegistrationLog => ({
  info: (line) => tell(() => log.info(line)),
  warn: (line) => tell(() => log.warn(line)),
  error: (line) => tell(() => log.error(line)),
});

/** A third of the shortest lease, so that two heartbeats may get lost; undefined when nothing is leased. */
function heartbeatInterval(leases: readonly (number | null | undefined)[]): number | undefined {
  const seconds = leases.filter((lease) => typeof lease === 'number');
  return seconds.length === 0 ? undefined : (Math.min(...seconds) * 1000) / 3;
}

const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
