import type { Agent } from 'node:http';
import type { PublisherHooks } from './request-report.js';
import type { BatchLimits } from './batch-draft.js';
import type { BufferLimits } from './event-buffer.js';
import type { RetryPacing } from './retry-delay.js';
import type { SpoolSettings as SpoolFiles } from './spool.js';

/** How a publisher reaches its broker, and how hard it tries. */
export interface PublisherOptions {
  /** The broker, such as `https://bus.internal` or `http://127.0.0.1:8080`; a path in it is kept as a prefix. */
  url: string;
  /** A key with the scope `publish:<topic pattern>`. Missing is an error when the publisher is created. */
  apiKey: string | undefined;
  /** The CloudEvents source of its events: a URI reference that names the service. @default 'urn:hookcast:publisher' */
  source?: string | undefined;
  /** A call that is not settled by then is rejected with `timeout`. @default 30_000 */
  timeoutMs?: number | undefined;
  /** For one request, from connecting to the end of the answer. @default 10_000 */
  requestTimeoutMs?: number | undefined;
  /** Attempts of one call within its `timeoutMs`. @default Infinity */
  maxAttempts?: number | undefined;
  /** The wait after a first failure doubles from `baseMs` to `maxMs`, with jitter. @default { baseMs: 100, maxMs: 5_000 } */
  retry?: Partial<RetryPacing> | undefined;
  /** Requests in flight, over all topics. @default 4 */
  maxRequests?: number | undefined;
  /** Requests in flight for one topic. @default 2 */
  maxRequestsPerTopic?: number | undefined;
  /** Events in one request, at most 1,000. @default 1_000 */
  maxBatchEvents?: number | undefined;
  /** Bytes of one request's body. @default 4 MiB */
  maxBatchBytes?: number | undefined;
  /** Events that may wait for their answer, in flight included. @default 50_000 */
  maxBufferedEvents?: number | undefined;
  /** @default 64 MiB */
  maxBufferedBytes?: number | undefined;
  /**
   * What `publish()` does while the buffer is full: `reject` with `buffer-full` at once, or `wait` for room within
   * `timeoutMs`. Waiting bounds memory only for callers that await their calls.
   *
   * @default 'reject'
   */
  whenFull?: 'reject' | 'wait' | undefined;
  /** For a private CA, client certificates or a proxy; must keep connections alive. @default one of its own */
  agent?: Agent | undefined;
  /**
   * What happens while the broker cannot be reached:
   *
   * - `direct`: calls wait in memory and are tried again until their `timeoutMs`
   * - `spool`: events go to a file and are published from there, in order, when the broker is back; needs `spool`
   *
   * For events that must stand or fall with a database transaction see `publisher.outbox()`, in either mode.
   *
   * @default 'direct'
   */
  mode?: 'direct' | 'spool' | undefined;
  /** How `publisher.outbox()` writes, and a relay reads. */
  outbox?: OutboxOptions | undefined;
  /** Where and how events are kept in the mode `spool`. */
  spool?: SpoolOptions | undefined;
  /** The trace context of the caller, for calls that bring none; called once for each event. */
  trace?: (() => TraceContext | undefined) | undefined;
  /** Called with figures, for metrics and logs. */
  hooks?: PublisherHooks | undefined;
}

export interface SpoolSettings extends SpoolFiles {
  afterMs: number;
}

export interface OutboxOptions {
  /** With its schema, if it is not on the search path. @default 'hookcast_outbox' */
  table?: string | undefined;
  /** Wakes the relay at the commit (NOTIFY). Off, commits do not take turns for it and the relay finds events by looking. @default true */
  notify?: boolean | undefined;
}

/** A W3C trace context. */
export interface TraceContext {
  traceparent: string;
  tracestate?: string | undefined;
}

export interface SpoolOptions {
  /** A directory on a local disk, for this publisher alone; made when it is missing. */
  directory: string;
  /**
   * `always`: an event counts as spooled after fdatasync, and survives the machine. `interval` (synced every second) and
   * `never`: after write, and survives the process.
   *
   * @default 'always'
   */
  fsync?: 'always' | 'interval' | 'never' | undefined;
  /** Bytes that may wait on disk; beyond it calls are rejected with `spool-full`. @default 256 MiB */
  maxBytes?: number | undefined;
  /** A file that has grown to this size is followed by a new one, and removed once all of it is published. @default 8 MiB */
  segmentBytes?: number | undefined;
  /**
   * A call that the broker has not answered by then goes to the spool, and so does all that follows until the broker
   * answers within that time again. 0: every call goes to the spool, and none waits for the broker.
   *
   * @default 100
   */
  afterMs?: number | undefined;
}

/** The options with every default filled in. */
export interface PublisherSettings {
  url: URL;
  apiKey: string;
  source: string;
  timeoutMs: number;
  requestTimeoutMs: number;
  maxAttempts: number;
  retry: RetryPacing;
  maxRequests: number;
  maxRequestsPerTopic: number;
  batch: BatchLimits;
  buffer: BufferLimits;
  agent: Agent | undefined;
  hooks: PublisherHooks;
  trace: (() => TraceContext | undefined) | undefined;
  spool: SpoolSettings | undefined;
  outbox: { table: string; notify: boolean };
}

const mebibyte = 1024 * 1024;

/** @throws {TypeError} that names every option that is wrong */
export function publisherSettings(options: PublisherOptions): PublisherSettings {
  const errors: string[] = [];
  const number = numberReader(options, errors);
  const settings: PublisherSettings = {
    url: brokerUrl(options.url, errors),
    apiKey: apiKey(options.apiKey, errors),
    source: options.source ?? 'urn:hookcast:publisher',
    timeoutMs: number('timeoutMs', 30_000),
    requestTimeoutMs: number('requestTimeoutMs', 10_000),
    maxAttempts: number('maxAttempts', Infinity),
    retry: { baseMs: 100, maxMs: 5_000, ...options.retry },
    maxRequests: number('maxRequests', 4),
    maxRequestsPerTopic: number('maxRequestsPerTopic', 2),
    batch: { maxEvents: number('maxBatchEvents', 1_000, 1_000), maxBytes: number('maxBatchBytes', 4 * mebibyte) },
    buffer: {
      maxEvents: number('maxBufferedEvents', 50_000),
      maxBytes: number('maxBufferedBytes', 64 * mebibyte),
      whenFull: options.whenFull ?? 'reject',
    },
    agent: options.agent,
    hooks: options.hooks ?? {},
    trace: options.trace,
    spool: spoolSettings(options, errors),
    outbox: { table: options.outbox?.table ?? 'hookcast_outbox', notify: options.outbox?.notify ?? true },
  };
  if (errors.length > 0) throw new TypeError(`createPublisher: ${errors.join('; ')}`);
  return settings;
}

function spoolSettings({ mode, spool }: PublisherOptions, errors: string[]): PublisherSettings['spool'] {
  if (mode !== 'spool') {
    if (spool !== undefined) errors.push("spool is only used with mode: 'spool'");
    return undefined;
  }
  if (!spool?.directory) {
    errors.push("spool.directory is missing: mode 'spool' needs one");
    return undefined;
  }
  const atLeast = (least: number, name: 'maxBytes' | 'segmentBytes' | 'afterMs', fallback: number): number => {
    const value = spool[name] ?? fallback;
    if (!(value >= least)) errors.push(`spool.${name} must be at least ${least}, not ${value}`);
    return value;
  };
  return {
    directory: spool.directory,
    fsync: spool.fsync ?? 'always',
    maxBytes: atLeast(1, 'maxBytes', 256 * mebibyte),
    segmentBytes: atLeast(1, 'segmentBytes', 8 * mebibyte),
    afterMs: atLeast(0, 'afterMs', 100),
  };
}

function apiKey(key: string | undefined, errors: string[]): string {
  if (!key) errors.push('apiKey is missing');
  else if (!/^[\x21-\x7e]+$/.test(key)) errors.push('apiKey has characters that no key has');
  return key ?? '';
}

function brokerUrl(text: string, errors: string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  errors.push('url must be an http or https URL without credentials');
  return new URL('http://invalid');
}

type NumberOption = {
  [K in keyof PublisherOptions]-?: PublisherOptions[K] extends number | undefined ? K : never;
}[keyof PublisherOptions];

function numberReader(options: PublisherOptions, errors: string[]) {
  return (name: NumberOption, fallback: number, max = Infinity): number => {
    const value = options[name] ?? fallback;
    if (value >= 1 && value <= max) return value;
    errors.push(`${name} must be from 1${max === Infinity ? '' : ` to ${max}`}, not ${value}`);
    return fallback;
  };
}
