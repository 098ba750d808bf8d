import { setting, wholeNumber } from './setting.js';

const mebibyte = 1024 * 1024;

/** Bounds on what anybody can make the broker read, hold or do. */
export const limitSettings = {
  maxEventBytes: setting('HOOKCAST_MAX_EVENT_BYTES', {
    doc: 'Largest event; more is answered with 413.',
    fallback: 256 * 1024,
    parse: wholeNumber(1024, 16 * mebibyte),
  }),
  maxBatchBytes: setting('HOOKCAST_MAX_BATCH_BYTES', {
    doc: 'Largest body of a batch publish.',
    fallback: 4 * mebibyte,
    parse: wholeNumber(1024, 64 * mebibyte),
  }),
  maxBatchEvents: setting('HOOKCAST_MAX_BATCH_EVENTS', {
    doc: 'Most events in one batch publish.',
    fallback: 1000,
    parse: wholeNumber(1, 1000),
  }),
  maxHops: setting('HOOKCAST_MAX_HOPS', {
    doc: 'Hooks that may lie behind a published event, counted in `hookcast-hops`; more is taken for a circle of services.',
    fallback: 16,
    parse: wholeNumber(1, 1000),
  }),
  maxQueuedBytes: setting('HOOKCAST_MAX_QUEUED_BYTES', {
    doc: 'Bytes of accepted requests that wait for their commit before a process answers 503.',
    fallback: 64 * mebibyte,
    parse: wholeNumber(mebibyte, 4096 * mebibyte),
  }),
  maxBodyBytes: setting('HOOKCAST_MAX_BODY_BYTES', {
    doc: 'Largest JSON body of every other request.',
    fallback: mebibyte,
    parse: wholeNumber(1024, 16 * mebibyte),
  }),
  maxSourceBytes: setting('HOOKCAST_MAX_SOURCE_BYTES', {
    doc: 'Largest body of a request to a source; more is answered with 413. Senders go up to 25 MiB.',
    fallback: 25 * mebibyte,
    parse: wholeNumber(1024, 64 * mebibyte),
  }),
  maxReaders: setting('HOOKCAST_MAX_READERS', {
    doc: 'Long polls and event streams that one process holds open; more are answered with 429.',
    fallback: 1000,
    parse: wholeNumber(1, 100_000),
  }),
  maxHookTimeoutMs: setting('HOOKCAST_MAX_HOOK_TIMEOUT_MS', {
    doc: 'Largest `timeoutMs` a subscription may ask for. A stop waits this long for what is in flight.',
    fallback: 30_000,
    parse: wholeNumber(1000, 300_000),
  }),
  requestTimeoutMs: setting('HOOKCAST_REQUEST_TIMEOUT_MS', {
    doc: 'Milliseconds in which a client has to send its whole request.',
    fallback: 30_000,
    parse: wholeNumber(1000, 600_000),
  }),
  headersTimeoutMs: setting('HOOKCAST_HEADERS_TIMEOUT_MS', {
    doc: 'Milliseconds in which a client has to send the head of its request.',
    fallback: 15_000,
    parse: wholeNumber(500, 600_000),
  }),
  answerTimeoutMs: setting('HOOKCAST_ANSWER_TIMEOUT_MS', {
    doc: 'Milliseconds without a byte taken after which a client that does not read its answer, or its event stream, is cut off.',
    fallback: 30_000,
    parse: wholeNumber(1000, 600_000),
  }),
  keepAliveMs: setting('HOOKCAST_KEEP_ALIVE_MS', {
    doc: 'Milliseconds that an idle connection of a client is kept. More than the idle timeout of the load balancer in front (usually 60 s), so that it closes first.',
    fallback: 65_000,
    parse: wholeNumber(1000, 3_600_000),
  }),
  maxHeaderBytes: setting('HOOKCAST_MAX_HEADER_BYTES', {
    doc: 'Largest head of a request, request line included; more is answered with 431.',
    fallback: 16_384,
    parse: wholeNumber(4096, mebibyte),
  }),
  maxHeaders: setting('HOOKCAST_MAX_HEADERS', {
    doc: 'Most header lines of a request; more are answered with 431.',
    fallback: 100,
    parse: wholeNumber(20, 2000),
  }),
  maxConnections: setting('HOOKCAST_MAX_CONNECTIONS', {
    doc: 'Connections of clients that one process holds at a time; further ones are closed.',
    fallback: 10_000,
    parse: wholeNumber(10, 1_000_000),
  }),
  maxAddressConnections: setting('HOOKCAST_MAX_ADDRESS_CONNECTIONS', {
    doc: 'The same for one client address; 0 sets no limit, which is right behind a proxy, where all clients have its address.',
    fallback: 0,
    parse: wholeNumber(0, 1_000_000),
  }),
  maxJsonDepth: setting('HOOKCAST_MAX_JSON_DEPTH', {
    doc: 'Levels of nesting in a JSON body; looked at before it is parsed. Published data is never parsed and may have 128.',
    fallback: 32,
    parse: wholeNumber(8, 128),
  }),
  maxJsonNodes: setting('HOOKCAST_MAX_JSON_NODES', {
    doc: 'Values in a JSON body, counted before it is parsed.',
    fallback: 50_000,
    parse: wholeNumber(100, 1_000_000),
  }),
  keyRequestsPerSecond: setting('HOOKCAST_KEY_REQUESTS_PER_SECOND', {
    doc: 'Requests a second that one API key gets from one process; more are answered with 429. The operator’s own key has no quota. 0 sets no limit.',
    fallback: 10_000,
    parse: wholeNumber(0, 10_000_000),
  }),
  keyBurst: setting('HOOKCAST_KEY_BURST', {
    doc: 'Requests that a key which was quiet may send at once.',
    fallback: 20_000,
    parse: wholeNumber(1, 10_000_000),
  }),
};
