import { type RawRequest, type Reception, type SourceConfig, type SourceResponse } from './reception.js';
import { receive } from './receive.js';
import { decryptResourceData } from './senders/msgraph.js';
import { styleOf } from './style.js';

/** One case of a vectors file: a request with its bytes, and whether it must be accepted. */
export interface Vector {
  readonly sender: string;
  /** Of the sender's delivery schemes; for a handshake any name. */
  readonly scheme: string;
  readonly kind: 'delivery' | 'handshake';
  readonly name: string;
  readonly valid: boolean;
  readonly reason?: string;
  readonly secret?: string;
  readonly publicKey?: string;
  readonly certPem?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** The clock, unix seconds. */
  readonly verifyAt?: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly bodyBase64: string;
  readonly expect?: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly bodyBase64?: string;
  };
  readonly dedupe?: string;
  readonly eventType?: string;
}

/**
 * Runs one vector through `receive`.
 *
 * @param now the clock for vectors that name none
 * @returns what differs from the expectation, or undefined
 */
export function checkVector(vector: Vector, now: Date): string | undefined {
  const source = sourceOf(vector);
  if (styleOf(source) === undefined) return `there is no sender ${vector.sender} with the scheme ${vector.scheme}`;
  const clock = vector.verifyAt === undefined ? now : new Date(vector.verifyAt * 1000);
  const reception = receive(requestOf(vector), source, clock);
  return vector.kind === 'handshake' ? checkHandshake(vector, reception) : checkDelivery(vector, source, reception);
}

export function requestOf(vector: Vector): RawRequest {
  const headers = Object.entries(vector.headers).flatMap(([name, value]) =>
    [value].flat().map((single): [string, string] => [name, single]),
  );
  return { method: vector.method, url: vector.url, headers, body: Buffer.from(vector.bodyBase64 ?? '', 'base64') };
}

export function sourceOf(vector: Vector): SourceConfig {
  const params = paramsOf(vector);
  const { certPem, publicKey, secret } = vector;
  const config: SourceConfig = {
    sender: vector.sender,
    secrets: secret === undefined ? [] : [secret],
    callbackUrl: params['callbackUrl'] ?? vector.url,
    params,
    ...(vector.kind === 'delivery' && { scheme: vector.scheme }),
    ...(publicKey !== undefined && { publicKeys: [publicKey] }),
    ...(certPem !== undefined && { certificate: () => certPem }),
  };
  return config;
}

/** Settings are text; lists become comma-separated. */
function paramsOf(vector: Vector): Record<string, string> {
  return Object.fromEntries(
    Object.entries(vector.params ?? {}).map(([name, value]) => [name, [value].flat().map(String).join(',')]),
  );
}

function checkDelivery(vector: Vector, source: SourceConfig, reception: Reception): string | undefined {
  if (!vector.valid) {
    if (reception.kind !== 'refused') return `must be refused (${vector.reason ?? 'invalid'}), was ${reception.kind}`;
    return reception.reason === 'misconfigured' ? 'was refused for a wrong configuration only' : undefined;
  }
  if (reception.kind === 'refused') return `must be accepted, was refused: ${reception.reason}`;
  const items = reception.kind === 'accepted' ? reception.items : [];
  const plaintext = source.params?.['plaintext'];
  return (
    differs(
      'dedupe id',
      vector.dedupe,
      items.map(({ deliveryId }) => deliveryId),
    ) ??
    differs(
      'event type',
      vector.eventType,
      items.map(({ eventType }) => eventType),
    ) ??
    differs(
      'plaintext',
      plaintext,
      items.map(({ data }) => decrypted(data, source)),
    )
  );
}

function decrypted(data: Buffer, source: SourceConfig): string {
  return decryptResourceData(data, source.params?.['privateKeyPem'] ?? '')?.toString() ?? '';
}

function differs(what: string, expected: string | undefined, found: readonly string[]): string | undefined {
  if (expected === undefined || found.includes(expected)) return undefined;
  return `${what} must be ${JSON.stringify(expected)}, was ${JSON.stringify(found)}`;
}

function checkHandshake(vector: Vector, reception: Reception): string | undefined {
  const isRefused = reception.kind === 'refused';
  if (vector.valid && isRefused) return `must be answered, was refused: ${reception.reason}`;
  if (!vector.valid && !isRefused) return `must be refused (${vector.reason ?? 'invalid'}), was ${reception.kind}`;
  return vector.expect && checkResponse(vector.expect, responseTo(reception));
}

function checkResponse(expected: NonNullable<Vector['expect']>, response: SourceResponse): string | undefined {
  const { status = response.status, headers = {}, bodyBase64 } = expected;
  if (status !== response.status) return `status must be ${status}, was ${response.status}`;
  const body = Buffer.from(response.body).toString('base64');
  if (bodyBase64 !== undefined && bodyBase64 !== body) return `body must be ${bodyBase64}, was ${body} (base64)`;
  const wrong = Object.entries(headers).find(([name, value]) => !isSameHeader(name, value, response.headers));
  return wrong && `header ${wrong.join(' must be ')}, the answer has ${JSON.stringify(response.headers)}`;
}

function responseTo(reception: Reception): SourceResponse {
  if (reception.kind === 'refused') return { status: reception.status, headers: {}, body: '' };
  return reception.response ?? { status: 200, headers: {}, body: '' };
}

/** A media type may carry parameters that the expectation does not name. */
function isSameHeader(name: string, expected: string, headers: SourceResponse['headers']): boolean {
  const found = headers[name.toLowerCase()];
  if (name.toLowerCase() !== 'content-type' || expected.includes(';')) return found === expected;
  return found?.split(';', 1)[0]?.trim().toLowerCase() === expected.toLowerCase();
}
