import { createHash } from 'node:crypto';
import type { AccessResult, HookAccess } from './hook-access.js';
import type { HookRequest, HookResponse } from './hook-exchange.js';

/** How a token is asked for: RFC 6749, section 4.4. */
export interface ClientCredentials {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
}

interface Token {
  readonly value: string;
  /** Milliseconds of the monotonic clock. */
  readonly until: number;
}

/** A token is replaced this long before its end, or after nine tenths of a shorter life. */
const marginMs = 30_000;
/** Assumed when the endpoint does not say. */
const defaultLifeSeconds = 300;
const maxLifeSeconds = 86_400;
const maxTokens = 10_000;
const fetchTimeoutMs = 10_000;
/** An endpoint that refused is not asked again by every delivery. */
const refusedMs = 1_000;

/**
 * Access tokens of hooks, fetched with the client's own rules about addresses, kept until shortly before they end, each
 * by one request at a time however many deliveries wait for it.
 */
export class AccessTokens {
  readonly #tokens = new Map<string, Token>();
  readonly #denials = new Map<string, { result: AccessResult; until: number }>();
  readonly #fetching = new Map<string, Promise<AccessResult>>();

  constructor(
    private readonly post: (request: HookRequest) => Promise<HookResponse>,
    private readonly userAgent: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  accessFor(credentials: ClientCredentials): HookAccess {
    const key = keyOf(credentials);
    return {
      authorization: (timeoutMs) => this.#at(key) ?? this.#fetchOnce(key, credentials, timeoutMs),
      refused: (value) => {
        if (this.#tokens.get(key)?.value === value) this.#tokens.delete(key);
      },
    };
  }

  #at(key: string): AccessResult | undefined {
    const token = this.#tokens.get(key);
    if (token !== undefined && token.until > this.now()) return { kind: 'granted', value: token.value };
    const denial = this.#denials.get(key);
    if (denial === undefined) return undefined;
    if (denial.until > this.now()) return denial.result;
    this.#denials.delete(key);
    return undefined;
  }

  async #fetchOnce(key: string, credentials: ClientCredentials, timeoutMs: number): Promise<AccessResult> {
    const fetching = this.#fetching.get(key) ?? this.#fetch(key, credentials).finally(() => this.#fetching.delete(key));
    this.#fetching.set(key, fetching);
    // Whoever has less time than the others must not wait longer for it.
    return within(fetching, timeoutMs);
  }

  async #fetch(key: string, credentials: ClientCredentials): Promise<AccessResult> {
    const began = this.now();
    const response = await this.post(tokenRequest(credentials, this.userAgent));
    const read = readToken(response);
    if (read.kind === 'denied') {
      if (this.#denials.size < maxTokens) this.#denials.set(key, { result: read, until: this.now() + refusedMs });
      return read;
    }
    const lifeMs = read.lifeSeconds * 1000;
    this.#keep(key, { value: read.value, until: began + lifeMs - Math.min(marginMs, lifeMs / 10) });
    return { kind: 'granted', value: read.value };
  }

  #keep(key: string, token: Token): void {
    const oldest = this.#tokens.size >= maxTokens ? this.#tokens.keys().next().value : undefined;
    if (oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(key, token);
  }
}

function keyOf({ tokenUrl, clientId, clientSecret, scope = '' }: ClientCredentials): string {
  return createHash('sha256')
    .update(JSON.stringify([tokenUrl, clientId, clientSecret, scope]))
    .digest('base64url');
}

function tokenRequest({ tokenUrl, clientId, clientSecret, scope }: ClientCredentials, userAgent: string): HookRequest {
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) });
  const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
  return {
    url: tokenUrl,
    headers: {
      'user-agent': userAgent,
      authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    body: Buffer.from(form.toString()),
    timeoutMs: fetchTimeoutMs,
  };
}

/** RFC 6749, section 2.3.1: encoded as a form field is before it becomes a user name. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

type TokenReading =
  { kind: 'granted'; value: string; lifeSeconds: number } | { kind: 'denied'; detail: string; log: string };

/** Error codes of RFC 6749, section 5.2: other texts of an endpoint are repeated nowhere, they may hold anything. */
const knownErrors =
  /^(?:invalid_request|invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope)$/;

/** Exported for its test. */
export function readToken(response: HookResponse): TokenReading {
  if (response.kind === 'failed') {
    return refusal(`The token endpoint could not be asked (${response.error}).`, `token endpoint: ${response.log}`);
  }
  const answer = jsonObject(response.body);
  if (response.status !== 200) {
    const { error } = answer;
    const code = typeof error === 'string' && knownErrors.test(error) ? ` (${error})` : '';
    return refusal(`The token endpoint answered ${response.status}${code}.`);
  }
  const { access_token: token, token_type: type, expires_in: life } = answer;
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,7000}$/.test(token))
    return refusal('The token endpoint answered without an access token that can be sent.');
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    return refusal('The token endpoint answered with a token that is not a bearer token.');
  return { kind: 'granted', value: `Bearer ${token}`, lifeSeconds: lifeSeconds(life) };
}

function refusal(detail: string, log = detail): TokenReading {
  return { kind: 'denied', detail, log };
}

/** Some endpoints write the number as a text. */
function lifeSeconds(value: unknown): number {
  const seconds = Number(value);
  if (value === undefined || value === null || !Number.isFinite(seconds) || seconds <= 0) return defaultLifeSeconds;
  return Math.min(seconds, maxLifeSeconds);
}

function jsonObject(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

async function within(result: Promise<AccessResult>, timeoutMs: number): Promise<AccessResult> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<AccessResult>((resolve) => {
    const detail = 'The token endpoint did not answer in time.';
    timer = setTimeout(() => resolve({ kind: 'denied', detail, log: detail }), timeoutMs);
  });
  try {
    return await Promise.race([result, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
