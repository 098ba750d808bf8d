import { encryptionKey, forwardProxy, oneOf, setting, wholeNumber } from './setting.js';

/** How the broker guards itself: sessions, wrong keys, its clock. */
export const guardSettings = {
  previousEncryptionKey: setting<Buffer | undefined>('HOOKCAST_ENCRYPTION_KEY_PREVIOUS', {
    doc: 'Another key that opens stored secrets and signs along while `HOOKCAST_ENCRYPTION_KEY` is being replaced.',
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
  maxClockSkewMs: setting('HOOKCAST_MAX_CLOCK_SKEW_MS', {
    doc: 'Milliseconds that the clocks of this process and of the database may differ; beyond it the process warns and is not ready. Receivers refuse signatures whose time is off.',
    fallback: 30_000,
    parse: wholeNumber(1000, 300_000),
  }),
};
