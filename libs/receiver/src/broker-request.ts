import { isHttpUrl } from './subscription-declaration.js';

export type ApiResult<T> =
  | { kind: 'ok'; value: T }
  /** The broker said no. */
  | { kind: 'refused'; status: number; code: string | undefined; detail: string }
  /** It cannot say anything at the moment. */
  | { kind: 'unavailable'; detail: string };

const timeoutMs = 10_000;

/** The address of a broker without the slashes at its end. @throws {TypeError} when it is none */
export function brokerBase(url: string): string {
  if (!isHttpUrl(url)) throw new TypeError(`broker.url is no http or https URL: "${url}"`);
  return url.replace(/\/+$/, '');
}

export interface BrokerRequest {
  /** @default 'GET' */
  method?: string | undefined;
  apiKey?: string | undefined;
  body?: object | undefined;
}

/** One request to the broker, which goes nowhere else: redirects are not followed. Never rejects. */
export async function requestBroker(
  url: string,
  { method = 'GET', apiKey, body }: BrokerRequest = {},
): Promise<ApiResult<unknown>> {
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
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

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
