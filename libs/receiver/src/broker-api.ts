import { parseSecret } from '@hookcast/protocol';
import { planFrom, type RegistrationPlan } from './registration-plan.js';
import { isHttpUrl, type SubscriptionDeclaration } from './subscription-declaration.js';

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
  /** Undefined when the key may not see it. */
  secret: string | undefined;
}

export type ApiResult<T> =
  | { kind: 'ok'; value: T }
  /** The broker said no. */
  | { kind: 'refused'; status: number; code: string | undefined; detail: string }
  /** It cannot say anything at the moment. */
  | { kind: 'unavailable'; detail: string };

const timeoutMs = 10_000;

/** The part of the broker's HTTP API that a receiving service needs. */
export class BrokerApi {
  private readonly base: string;

  /** @throws {TypeError} when the options cannot be right */
  constructor(private readonly options: BrokerOptions) {
    if (!isHttpUrl(options.url)) throw new TypeError(`broker.url is no http or https URL: "${options.url}"`);
    if (!options.apiKey) throw new TypeError('broker.apiKey is missing');
    this.base = options.url.replace(/\/+$/, '');
  }

  async declare({ service, ...declaration }: ServiceDeclaration): Promise<ApiResult<RegisteredSubscription[]>> {
    const result = await this.request('PUT', `/v1/services/${service}`, declaration);
    return result.kind === 'ok' ? { kind: 'ok', value: subscriptionsOf(result.value) } : result;
  }

  /** What `declare` would change, without changing it. */
  async plan({ service, ...declaration }: ServiceDeclaration): Promise<ApiResult<RegistrationPlan>> {
    const result = await this.request('PUT', `/v1/services/${service}?dryRun=true`, declaration);
    return result.kind === 'ok' ? { kind: 'ok', value: planFrom(service, result.value) } : result;
  }

  async heartbeat(service: string): Promise<ApiResult<unknown>> {
    return this.request('POST', `/v1/services/${service}/heartbeat`);
  }

  private async request(method: string, path: string, body?: object): Promise<ApiResult<unknown>> {
    try {
      const response = await fetch(`${this.base}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.options.apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      });
      return resultOf(response.status, await response.text());
    } catch (error) {
      return { kind: 'unavailable', detail: describe(error) };
    }
  }
}

function resultOf(status: number, text: string): ApiResult<unknown> {
  const json = parseJson(text);
  if (status >= 200 && status < 300) return { kind: 'ok', value: json };
  const detail = `the broker answered ${status}${wordsOf(json)}`;
  const isPassing = status >= 500 || status === 408 || status === 429;
  if (isPassing) return { kind: 'unavailable', detail };
  return { kind: 'refused', status, code: isObject(json) ? String(json['code']) : undefined, detail };
}

/** A problem in one line, with every fault it lists. */
function wordsOf(problem: unknown): string {
  if (!isObject(problem)) return '';
  const errors = Array.isArray(problem['errors']) ? problem['errors'].filter(isObject) : [];
  const faults = errors.map(({ pointer, detail }) => `${String(pointer)} ${String(detail)}`).join('; ');
  const words = [problem['code'], problem['detail'] ?? problem['title'], faults];
  return words.flatMap((word) => (typeof word === 'string' && word !== '' ? [`: ${word}`] : [])).join('');
}

function subscriptionsOf(answer: unknown): RegisteredSubscription[] {
  const list = isObject(answer) && Array.isArray(answer['subscriptions']) ? answer['subscriptions'] : [];
  return list
    .filter(isObject)
    .flatMap(({ name, secret }) => (typeof name === 'string' ? [{ name, secret: sharedSecret(secret) }] : []));
}

/** Undefined for anything that cannot verify, such as a hint in place of the secret. */
function sharedSecret(value: unknown): string | undefined {
  try {
    return typeof value === 'string' && parseSecret(value).kind === 'hmac' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** fetch() hides why a connection failed in the cause of its error. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message || cause.name}` : error.message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
