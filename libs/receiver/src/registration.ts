import { performance } from 'node:perf_hooks';
import {
  BrokerApi,
  type ApiResult,
  type BrokerOptions,
  type RegisteredSubscription,
  type ServiceDeclaration,
} from './broker-api.js';
import type { SecretSource } from './keyring.js';
import type { RegistrationPlan } from './registration-plan.js';
import { retryPause, type RetryPacing } from './retry-pause.js';
import { declarationErrors } from './subscription-declaration.js';

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
  /** The leases were renewed. */
  | { kind: 'renewed' }
  | Exclude<ApiResult<never>, { kind: 'ok' }>;

/** Keeps a service's subscriptions declared at the broker, and knows their secrets from its answer. */
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
  private secrets: ReadonlyMap<string, readonly string[]> = new Map();
  private everySecret: readonly string[] = [];
  private mustDeclare = true;
  private failures = 0;
  private isStarted = false;
  private isToldOutdated = false;
  private refreshedAt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RegistrationOptions) {
    const errors = declarationErrors(options.service, options.subscriptions);
    if (errors.length > 0) throw new TypeError(`Registration of ${options.service}: ${errors.join('; ')}`);
    this.api = new BrokerApi(options.broker);
    this.log = options.log ?? console;
    this.retry = options.retry ?? { baseMs: 500, maxMs: 30_000 };
    this.heartbeatMs = heartbeatInterval(options.subscriptions.map(({ leaseSeconds }) => leaseSeconds));
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

  secretsOf(subscription: string | undefined): readonly string[] {
    return (subscription === undefined ? undefined : this.secrets.get(subscription)) ?? this.everySecret;
  }

  refresh(): void {
    const now = performance.now();
    if (!this.isStarted || !this.isRegistered || now - this.refreshedAt < refreshIntervalMs) return;
    this.refreshedAt = now;
    this.mustDeclare = true;
    this.schedule(0);
  }

  private async declare(): Promise<RegistrationRound> {
    const { service, revision, subscriptions } = this.options;
    const result = await this.api.declare({ service, revision, subscriptions });
    // An instance of the deploy before that was registered goes on renewing leases until it is replaced.
    if (isOutdated(result)) this.mustDeclare = !this.isRegistered;
    if (result.kind !== 'ok') return result;
    this.learn(result.value);
    this.mustDeclare = false;
    this.isRegistered = true;
    return { kind: 'registered', subscriptions: subscriptions.length };
  }

  private learn(subscriptions: readonly RegisteredSubscription[]): void {
    const known = subscriptions.flatMap(({ name, secret }) =>
      secret === undefined ? [] : [[name, [secret]] as const],
    );
    this.secrets = new Map(known);
    this.everySecret = known.flatMap(([, secrets]) => secrets);
    const hidden = subscriptions.filter(({ secret }) => secret === undefined).map(({ name }) => name);
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
      case 'unavailable':
        return this.log.warn(`${what}, ${again}: ${round.detail}`);
      case 'refused':
        if (isOutdated(round)) return this.reportOutdated();
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

const isOutdated = (result: { kind: string; code?: string | undefined }): boolean =>
  result.kind === 'refused' && result.code === 'revision-outdated';

/** A third of the shortest lease, so that two heartbeats may get lost; undefined when nothing is leased. */
function heartbeatInterval(leases: readonly (number | null | undefined)[]): number | undefined {
  const seconds = leases.filter((lease) => typeof lease === 'number');
  return seconds.length === 0 ? undefined : (Math.min(...seconds) * 1000) / 3;
}

const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
