import { encryptionKey, forwardProxy, oneOf, setting, wholeNumber } from './setting.js';

/** How the broker guards itself: sessions, wrong keys, its clock. */
export const guardSettings = {
  previousEncryptionKey: setting<Buffer | undefined>('HOOKCAST_ENCRYPTION_KEY_PREVIOUS', {
    doc: 'Another key that opens stored secrets while `HOOKCAST_ENCRYPTION_KEY` is being replaced.',
    fallback: undefined,
    shown: 'none',
    secret: true,
    parse: encryptionKey,
  }),
  egressProxy: setting<string | undefined>('HOOKCAST_EGRESS_PROXY', {
    doc: 'Forward proxy for all requests to hooks and senders: `http://[user:password@]host:port`. `HTTP_PROXY` is ignored.',
    fallback: undefined,
    shown: 'none',
    secret: true,
    parse: forwardProxy,
  }),
  egressProxyResolves: setting<'here' | 'proxy'>('HOOKCAST_EGRESS_PROXY_RESOLVES', {
    doc: 'Who resolves host names: `here`, judged by the rules of the broker, or the `proxy`, by its own rules.',
    fallback: 'here',
    parse: oneOf('here', 'proxy'),
  }),
  sessionIdleMinutes: setting('HOOKCAST_SESSION_IDLE_MINUTES', {
    doc: 'Minutes without a request after which somebody is logged out of the page.',
    fallback: 30,
    parse: wholeNumber(1, 1440),
  }),
  sessionHours: setting('HOOKCAST_SESSION_HOURS', {
    doc: 'Hours after which a session of the page ends in any case.',
    fallback: 12,
    parse: wholeNumber(1, 720),
  }),
  failedKeysPerMinute: setting('HOOKCAST_FAILED_KEYS_PER_MINUTE', {
    doc: 'Wrong keys that one address may try at the login form; then it has to wait, longer with each further one.',
    fallback: 10,
    parse: wholeNumber(1, 1_000_000),
  }),
  wrongKeysPerMinute: setting('HOOKCAST_WRONG_KEYS_PER_MINUTE', {
    doc: 'Wrong keys in `Authorization` from one address; further ones are answered with 429 for a while, longer each time. A right key is let in all the same.',
    fallback: 1000,
    parse: wholeNumber(1, 1_000_000),
  }),
  maxClockSkewMs: setting('HOOKCAST_MAX_CLOCK_SKEW_MS', {
    doc: 'Milliseconds that the clocks of this process and of the database may differ; beyond it the process warns and is not ready. Receivers refuse signatures whose time is off.',
    fallback: 30_000,
    parse: wholeNumber(1000, 300_000),
  }),
};
