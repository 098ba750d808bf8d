import { type Extract, type ExtractTime, type Part } from './extract.js';
import { type Inbound } from './inbound.js';
import { type FollowUp, type Handshake, type Refused, type SourceConfig, type SourceResponse } from './reception.js';
import { type Scheme } from './scheme.js';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** A request that is answered and gives no event: undefined when this request is none of the kind. */
export interface HandshakeRule {
  readonly methods: readonly Method[];
  /** For the table: what the sender asks and what it gets. */
  readonly describes: string;
  answer(request: Inbound, source: SourceConfig, now: Date): Handshake | Refused | undefined;
}

/** A setting beyond the secrets. */
export interface ParamRule {
  readonly describes: string;
  readonly required?: boolean;
  /** Only for these schemes; for all when absent. */
  readonly schemes?: readonly string[];
  /** What is wrong with a value, or undefined. */
  check?(value: string): string | undefined;
}

/** How a verified part becomes an event. */
export interface EventRules {
  readonly type: Extract;
  /** The sender's own id, equal over its retries. */
  readonly id?: Extract;
  /** Body fields that together do not repeat, for senders without an id. */
  readonly composite?: Extract;
  /** Set where one id of the sender covers several events: what tells them apart. */
  readonly within?: Extract;
  readonly time?: ExtractTime;
  readonly subject?: Extract;
  /**
   * How long equal bytes count as one event when there is neither id nor composite. 0: for ever, because the bytes carry
   * a time or a state of their own.
   * @default 60
   */
  readonly hashSeconds?: number;
}

/** The style of one SaaS sender. Adding one: a file, a row in `sender-table.ts` and its vectors. */
export interface Sender {
  readonly name: string;
  readonly title: string;
  /** Where the sender documents its webhooks. */
  readonly documentation: string;
  /** The first is the default. */
  readonly schemes: Readonly<Record<string, Scheme>>;
  /** Methods of deliveries. @default ['POST'] */
  readonly methods?: readonly Method[];
  readonly params?: Readonly<Record<string, ParamRule>>;
  /** The style as the settings of a source make it, for the sender that is configured instead of coded. */
  configure?(params: Readonly<Record<string, string>>): Sender;
  /** What is wrong with the settings taken together: the setting to blame, and why. */
  conflict?(
    params: Readonly<Record<string, string>>,
    schemeName: string,
  ): { readonly param: string; readonly detail: string } | undefined;
  /** Handshakes that the sender does not sign; they come before verification and never use the secret unrestricted. */
  readonly unsigned?: readonly HandshakeRule[];
  /** Handshakes and pings that count only once they are verified. */
  readonly verified?: readonly HandshakeRule[];
  readonly event: EventRules;
  /** The path of the array that makes up a batch (`''` when the body is the array). A body without it is one event. */
  readonly batch?: string;
  /** A batch that is not a JSON array in the body. Undefined: the body is not what the sender sends. */
  split?(request: Inbound): readonly Part[] | undefined;
  /** The answer after the items are stored, where a bare 2xx is not enough. */
  response?(request: Inbound): SourceResponse | undefined;
  followUp?(request: Inbound, source: SourceConfig): FollowUp | undefined;
  /** A further check of a verified delivery. */
  check?(request: Inbound, source: SourceConfig): Refused | undefined;
  /** The status for everything that does not verify, when the sender insists on one. */
  readonly refuseWith?: 401;
  /** Seconds the sender waits for the answer, when it says so. */
  readonly answerWithin?: number;
  /** For the table: how the sender retries. */
  readonly retries: string;
  /** How long delivery ids are to be remembered: at least as long as the sender retries. @default 7 */
  readonly dedupeDays?: number;
}
