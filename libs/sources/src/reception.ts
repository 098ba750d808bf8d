/** One inbound request exactly as it arrived. Nothing is decoded, joined or trimmed. */
export interface RawRequest {
  /** The HTTP method, in any case. */
  readonly method: string;
  /** The request target, `/in/name/token?code=…`, or an absolute URL: only its query is read. */
  readonly url: string;
  /** Every header line in order, a repeated name as several pairs (Node: `rawHeaders` in twos). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The body's bytes after transfer and content encodings were removed. */
  readonly body: Buffer;
}

/** What the owner of a source configured. Treated as immutable: change it by passing another object. */
export interface SourceConfig {
  /** A name out of `senders()`. */
  readonly sender: string;
  /** Which of the sender's schemes is in use; the sender's first one by default. There is no fallback to another. */
  readonly scheme?: string;
  /** Shared secrets, several while rotating; any of them may have signed. */
  readonly secrets: readonly string[];
  /** Public keys, for the schemes that are asymmetric. */
  readonly publicKeys?: readonly string[];
  /** The URL that the sender was given, byte for byte, for the senders that sign it. */
  readonly callbackUrl?: string;
  /** Further settings of the sender (`webhookId`, `verifyToken` …); `senders()` lists them. */
  readonly params?: Readonly<Record<string, string>>;
  /** The PEM text behind a certificate URL that has passed the sender's host rule, or undefined when it is not at hand. */
  certificate?(url: string): string | undefined;
  /** PEM certificates that a sender's certificate must chain up to (the public roots, in production). */
  readonly trustedCertificates?: readonly string[];
}

/** An answer for the sender; the broker writes it as it stands. */
export interface SourceResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One event out of a delivery; a batch gives several. */
export interface ReceivedItem {
  /**
   * Equal for every redelivery of the same event: the sender's id, else a composite of body fields, else a hash of the
   * bytes (with a short time window when the body carries no time of its own).
   */
  readonly deliveryId: string;
  /** What duplicates are recognised by, where the sender's id alone would merge different events; else `deliveryId`. */
  readonly dedupeKey: string;
  /** Where the id comes from: the weaker tiers only catch redeliveries with equal bytes. */
  readonly dedupe: 'id' | 'composite' | 'hash';
  /** The sender's own event name, unchanged: `issues.opened`, `orders/create`, `Push Hook`. */
  readonly eventType: string;
  /** When it happened according to the sender. */
  readonly time?: Date;
  readonly subject?: string;
  readonly contentType: string;
  /** Bytes of the delivery: all of them, or the slice of this item in a batch. */
  readonly data: Buffer;
}

/** Something the broker has to do after the answer, since this library opens no sockets. */
export type FollowUp =
  /** GET this URL once to confirm the subscription; its host and the topic have been checked. */
  | { readonly kind: 'confirm'; readonly url: string }
  /** The sender ended the subscription; the source receives nothing until it is renewed. */
  | { readonly kind: 'revoked'; readonly reason: string }
  /** A WebSub hub verified our intent; the lease ends after so many seconds. */
  | { readonly kind: 'lease'; readonly mode: 'subscribe' | 'unsubscribe'; readonly leaseSeconds?: number };

/** Why a request was refused. For the operator only: the sender is told no more than the status. */
export type Refusal =
  | 'misconfigured'
  | 'no-secret'
  | 'method'
  | 'too-large'
  | 'unsupported-media-type'
  | 'missing-signature'
  | 'repeated-header'
  | 'malformed-signature'
  | 'signature-mismatch'
  | 'missing-header'
  | 'malformed-timestamp'
  | 'too-old'
  | 'too-new'
  | 'unknown-key'
  | 'algorithm'
  | 'certificate-url'
  | 'certificate-unavailable'
  | 'certificate-name'
  | 'certificate-dates'
  | 'certificate-untrusted'
  | 'malformed-body'
  | 'challenge'
  | 'verify-token'
  | 'origin'
  | 'topic';

type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 413 | 415;

export interface Refused {
  readonly kind: 'refused';
  readonly status: RefusalStatus;
  readonly reason: Refusal;
  /** With status 405: the methods this source takes. */
  readonly allow?: readonly string[];
}

export interface Handshake {
  readonly kind: 'handshake';
  readonly response: SourceResponse;
  readonly followUp?: FollowUp;
}

export interface Accepted {
  readonly kind: 'accepted';
  readonly items: readonly ReceivedItem[];
  /** The answer once the items are stored; absent means any 2xx will do. */
  readonly response?: SourceResponse;
  readonly followUp?: FollowUp;
}

export type Reception = Handshake | Accepted | Refused;

const statusOf: Readonly<Record<Refusal, RefusalStatus>> = {
  misconfigured: 401,
  'no-secret': 401,
  method: 405,
  'too-large': 413,
  'unsupported-media-type': 415,
  'missing-signature': 401,
  'repeated-header': 400,
  'malformed-signature': 401,
  'signature-mismatch': 401,
  'missing-header': 400,
  'malformed-timestamp': 400,
  'too-old': 401,
  'too-new': 401,
  'unknown-key': 401,
  algorithm: 401,
  'certificate-url': 401,
  'certificate-unavailable': 401,
  'certificate-name': 401,
  'certificate-dates': 401,
  'certificate-untrusted': 401,
  'malformed-body': 400,
  challenge: 400,
  'verify-token': 403,
  origin: 405,
  topic: 404,
};

export function refused(reason: Refusal): Refused {
  return { kind: 'refused', status: statusOf[reason], reason };
}
