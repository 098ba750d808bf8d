import { rootCertificates } from 'node:tls';
import {
  receive,
  validateSource,
  type Accepted,
  type FollowUp,
  type Handshake,
  type RawRequest,
  type ReceivedItem,
  type Reception,
  type Refused,
  type SourceConfig,
  type SourceResponse,
} from '@hookcast/sources';
import { downloadCertificate } from './sender-downloads.js';
import { optionLimit } from './option-limit.js';
import { rawRequestOf, type SenderRequest } from './sender-request.js';
import { SenderRequestError } from './sender-request-error.js';

/** How a service has set up one sender. Treated as immutable: rotate by passing another object. */
export interface SenderOptions {
  /** Shared secrets, several while rotating; any of them may have signed. */
  readonly secrets?: readonly string[] | undefined;
  /** Public keys, for the senders that sign with a private one. */
  readonly publicKeys?: readonly string[] | undefined;
  /** Which of the sender's schemes is in use. There is no fallback to another. @default the sender's first */
  readonly scheme?: string | undefined;
  /** The URL that the sender was given, byte for byte, for the senders that sign it. */
  readonly callbackUrl?: string | undefined;
  /** Further settings of the sender; `senders()` lists them. */
  readonly params?: Readonly<Record<string, string>> | undefined;
  /** @default the roots of Node.js */
  readonly trustedCertificates?: readonly string[] | undefined;
  /** Gets the PEM text at a URL which the sender's rule has allowed. @default downloads it, and keeps it */
  readonly certificate?: ((url: string) => Promise<string | undefined> | string | undefined) | undefined;
  /** Larger bodies are refused. @default 25 MiB, the largest that a sender announces */
  readonly maxBodyBytes?: number | undefined;
  /** The clock that timestamps are compared with. */
  readonly now?: (() => Date) | undefined;
}

/** A genuine request. */
export interface FromSender {
  /** A `handshake` or a ping carries no events and is to be answered, nothing else. */
  readonly kind: 'delivery' | 'handshake';
  /** The events, one by one where the sender batches them. The same one may come again, with the same `deliveryId`. */
  readonly items: readonly ReceivedItem[];
  /** What the sender expects as the answer, once the items are safe. */
  readonly response: SourceResponse;
  /** What is to be done besides answering: confirm a subscription, renew a lease. */
  readonly followUp?: FollowUp;
}

/** The largest that a sender announces. */
export const defaultMaxBodyBytes = 25 * 1024 * 1024;
/** Options by object, so that a sender with constant options is set up once. */
const sources = new WeakMap<SenderOptions, Map<string, SourceConfig>>();

/**
 * Checks a webhook of a SaaS sender in that sender's style and takes the events out of it.
 *
 * @example
 * const { items, response } = await verifyFrom('github', request, { secrets: [secret] });
 *
 * @param sender a name out of `senders()`
 * @throws {SenderRequestError} when the request is not the sender's, or its raw bytes are not to be had
 * @throws {TypeError} when nothing can be verified with these options
 * @throws {RangeError} when `maxBodyBytes` is no number of at least 1
 */
export async function verifyFrom(sender: string, request: SenderRequest, options: SenderOptions): Promise<FromSender> {
  const source = sourceOf(sender, options);
  const raw = await rawRequestOf(request, options.maxBodyBytes ?? defaultMaxBodyBytes);
  const reception = await receiveWithCertificate(raw, source, options);
  switch (reception.kind) {
    case 'refused':
      throw refusal(sender, reception);
    case 'handshake':
      return genuine('handshake', [], reception);
    case 'accepted':
      return genuine('delivery', reception.items, reception);
  }
}

/** Throws where the options cannot work, before a request comes. @throws {TypeError} that names everything wrong */
export function checkSenderOptions(sender: string, options: SenderOptions): void {
  sourceOf(sender, options);
}

function sourceOf(sender: string, options: SenderOptions): SourceConfig {
  optionLimit('maxBodyBytes', options.maxBodyBytes ?? defaultMaxBodyBytes, 1);
  const known = sources.get(options) ?? new Map<string, SourceConfig>();
  sources.set(options, known);
  const source = known.get(sender) ?? checked(configOf(sender, options));
  known.set(sender, source);
  return source;
}

function configOf(sender: string, options: SenderOptions): SourceConfig {
  const { secrets = [], publicKeys, scheme, callbackUrl, params, trustedCertificates = rootCertificates } = options;
  return {
    sender,
    secrets,
    trustedCertificates,
    ...(publicKeys && { publicKeys }),
    ...(scheme !== undefined && { scheme }),
    ...(callbackUrl !== undefined && { callbackUrl }),
    ...(params && { params }),
  };
}

function checked(source: SourceConfig): SourceConfig {
  const problems = validateSource(source).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  if (problems.length > 0) throw new TypeError(`${source.sender} cannot be verified: ${problems.join(' ')}`);
  return source;
}

/** The check asks for a certificate without waiting, so it runs again when that has been fetched. */
async function receiveWithCertificate(
  raw: RawRequest,
  source: SourceConfig,
  { now = () => new Date(), certificate = downloadCertificate }: SenderOptions,
): Promise<Reception> {
  const at = now();
  let wanted: string | undefined;
  const asking = (url: string): undefined => void (wanted = url);
  // With a setting of its own, the style of a configured sender is kept by the identity of the source.
  const first = receive(raw, isFetching(source) ? { ...source, certificate: asking } : source, at);
  if (wanted === undefined) return first;
  const pem = await certificate(wanted);
  if (pem === undefined) return first;
  return receive(raw, { ...source, certificate: () => pem }, at);
}

/** Only what is coded asks for certificates; what is configured (`generic`) signs with secrets. */
const isFetching = ({ sender }: SourceConfig): boolean => sender !== 'generic';

function refusal(sender: string, { reason, status, allow }: Refused): SenderRequestError {
  // Not the sender's fault, who tries again after a 503 and, with some, never after a 401.
  const isOurs = reason === 'certificate-unavailable';
  return new SenderRequestError(`A request was refused, it is not one of ${sender}: ${reason}.`, {
    reason,
    status: isOurs ? 503 : status,
    ...(allow && { allow }),
  });
}

const received: SourceResponse = { status: 200, headers: {}, body: '' };

function genuine(
  kind: FromSender['kind'],
  items: readonly ReceivedItem[],
  { response = received, followUp }: Accepted | Handshake,
): FromSender {
  return { kind, items, response, ...(followUp && { followUp }) };
}
