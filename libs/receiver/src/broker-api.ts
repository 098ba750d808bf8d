import { parseSecret } from '@hookcast/protocol';
import { brokerBase, isObject, requestBroker, type ApiResult } from './broker-request.js';
import { planFrom, type RegistrationPlan } from './registration-plan.js';
import type { SubscriptionDeclaration } from './subscription-declaration.js';

export interface BrokerOptions {
  /** Such as `http://127.0.0.1:8080`; a path in it is kept as a prefix. */
  url: string;
  /** A key with the scope `subscribe:<topic pattern>` for every pattern. Missing is an error at the start. */
  apiKey: string | undefined;
}

/** Everything a service wants to be delivered; what it does not list is removed. */
export interface ServiceDeclaration {
  service: string;
  /** Grows with every deploy: the broker refuses an older one than it knows. */
  revision?: number | undefined;
  subscriptions: readonly SubscriptionDeclaration[];
}

export interface RegisteredSubscription {
  name: string;
  url: string;
  /** Undefined when the key may not see it. */
  secret: string | undefined;
}

/** What the broker tells of a service. */
export interface RegisteredService {
  /** Where the API key belongs; undefined when the broker does not say. */
  namespace: string | undefined;
  subscriptions: RegisteredSubscription[];
}

/** The part of the broker's HTTP API that a receiving service needs. */
export class BrokerApi {
  private readonly base: string;

  /** @throws {TypeError} when the options cannot be right */
  constructor(private readonly options: BrokerOptions) {
    this.base = brokerBase(options.url);
    if (!options.apiKey) throw new TypeError('broker.apiKey is missing');
  }

  async declare({ service, ...declaration }: ServiceDeclaration): Promise<ApiResult<RegisteredService>> {
    const result = await this.request('PUT', `/v1/services/${service}`, declaration);
    return result.kind === 'ok' ? { kind: 'ok', value: serviceOf(result.value) } : result;
  }

  /** What `declare` would change, without changing it. */
  async plan({ service, ...declaration }: ServiceDeclaration): Promise<ApiResult<RegistrationPlan>> {
    const result = await this.dryRun(service, declaration);
    return result.kind === 'ok' ? { kind: 'ok', value: planFrom(service, result.value) } : result;
  }

  /** Those of the subscriptions that exist, as they are, whichever revision declared them. */
  async existing({
    service,
    subscriptions,
  }: Pick<ServiceDeclaration, 'service' | 'subscriptions'>): Promise<ApiResult<RegisteredService>> {
    const result = await this.dryRun(service, { subscriptions });
    return result.kind === 'ok' ? { kind: 'ok', value: serviceOf(result.value) } : result;
  }

  async heartbeat(service: string): Promise<ApiResult<unknown>> {
    return this.request('POST', `/v1/services/${service}/heartbeat`);
  }

  private async dryRun(service: string, declaration: object): Promise<ApiResult<unknown>> {
    return this.request('PUT', `/v1/services/${service}?dryRun=true`, declaration);
  }

  private async request(method: string, path: string, body?: object): Promise<ApiResult<unknown>> {
    return requestBroker(`${this.base}${path}`, { method, apiKey: this.options.apiKey, body });
  }
}

function serviceOf(answer: unknown): RegisteredService {
  const namespace = isObject(answer) ? answer['namespace'] : undefined;
  return {
    namespace: typeof namespace === 'string' ? namespace : undefined,
    subscriptions: subscriptionsOf(answer),
  };
}

function subscriptionsOf(answer: unknown): RegisteredSubscription[] {
  const list = isObject(answer) && Array.isArray(answer['subscriptions']) ? answer['subscriptions'] : [];
  return list
    .filter(isObject)
    .flatMap(({ name, url, secret }) =>
      typeof name === 'string' ? [{ name, url: String(url), secret: sharedSecret(secret) }] : [],
    );
}

/** Undefined for anything that cannot verify, such as a hint in place of the secret. */
function sharedSecret(value: unknown): string | undefined {
  try {
    return typeof value === 'string' && parseSecret(value).kind === 'hmac' ? value : undefined;
  } catch {
    return undefined;
  }
}
