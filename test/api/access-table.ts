import { createHmac } from 'node:crypto';

/**
 * Who is let in by a route: admins always, and whoever has the scope. `any key` is any that works; `operator` is `read`
 * of the namespace default.
 */
type Needs = 'nothing' | 'any key' | 'publish' | 'subscribe' | 'read' | 'read or subscribe' | 'admin' | 'operator';

/** What a key of another namespace finds there. */
type Across =
  /** What is in the address is not there for it: 404. */
  | 'nothing'
  /** It sees, makes or publishes to what is its own. */
  | 'its own'
  /** The same for everybody. */
  | 'the same'
  /** Whoever has the address, which is a secret, may send what is signed with another; no key is asked for. */
  | 'by its address';

export interface Row {
  needs: Needs;
  across: Across;
  /** A body that is valid, so that nothing but the key or the address can be wrong. */
  body?: object;
  /** The fields of a form, in place of a body. @param proof that the request comes from the page */
  form?: (proof: string) => Record<string, string>;
  headers?: Record<string, string>;
  /** What whoever is let in is answered with, where that is no success. */
  status?: number;
}

const hook = 'http://127.0.0.1:3000/';
const subscription = { topics: ['orders.created'], url: hook };

/** The routes of the API and the first ones of the page, by method and template. */
export const accessTable: Record<string, Row> = {
  'GET /': { needs: 'nothing', across: 'the same' },
  'GET /page.css': { needs: 'nothing', across: 'the same' },
  'GET /page.js': { needs: 'nothing', across: 'the same' },
  'GET /page.svg': { needs: 'nothing', across: 'the same' },
  'GET /docs': { needs: 'any key', across: 'the same' },
  'GET /openapi.json': { needs: 'any key', across: 'the same' },
  'GET /health/live': { needs: 'nothing', across: 'the same' },
  'GET /health/ready': { needs: 'nothing', across: 'the same' },
  'GET /metrics': { needs: 'operator', across: 'its own' },
  'GET /.well-known/hookcast-keys.json': { needs: 'nothing', across: 'the same' },

  'GET /v1/topics': { needs: 'read', across: 'its own' },
  'GET /v1/topics/:name': { needs: 'read', across: 'nothing' },
  'PUT /v1/topics/:name': { needs: 'admin', across: 'its own', body: {} },
  'DELETE /v1/topics/:name': { needs: 'admin', across: 'nothing' },
  'POST /v1/topics/:topic/events': { needs: 'publish', across: 'its own', body: {} },
  'GET /v1/topics/:topic/events': { needs: 'read', across: 'nothing' },
  'GET /v1/topics/:topic/stream': { needs: 'read', across: 'nothing' },
  'GET /v1/events/:id': { needs: 'read', across: 'nothing' },

  'GET /v1/subscriptions': { needs: 'read', across: 'its own' },
  'GET /v1/subscriptions/:name': { needs: 'read or subscribe', across: 'nothing' },
  'PUT /v1/subscriptions/:name': { needs: 'subscribe', across: 'its own', body: subscription },
  'DELETE /v1/subscriptions/:name': { needs: 'subscribe', across: 'nothing' },
  'POST /v1/subscriptions/:name/pause': { needs: 'subscribe', across: 'nothing' },
  'POST /v1/subscriptions/:name/resume': { needs: 'subscribe', across: 'nothing', body: {} },
  'POST /v1/subscriptions/:name/test': { needs: 'subscribe', across: 'nothing' },
  'POST /v1/subscriptions/:name/rotate-secret': { needs: 'subscribe', across: 'nothing', body: {} },
  'POST /v1/subscriptions/:name/seek': { needs: 'subscribe', across: 'nothing', body: { to: 'latest' } },
  'POST /v1/subscriptions/:name/match': { needs: 'subscribe', across: 'nothing', body: {} },
  'GET /v1/subscriptions/:name/deliveries': { needs: 'read or subscribe', across: 'nothing' },
  'GET /v1/subscriptions/:name/deliveries/:eventId': { needs: 'read or subscribe', across: 'nothing' },
  'POST /v1/subscriptions/:name/deliveries/:eventId/retry': { needs: 'subscribe', across: 'nothing' },
  'POST /v1/subscriptions/:name/replays': { needs: 'subscribe', across: 'nothing', body: { from: 'earliest' } },
  'GET /v1/subscriptions/:name/minutes': { needs: 'read or subscribe', across: 'nothing' },
  'GET /v1/subscriptions/:name/expirations': { needs: 'read or subscribe', across: 'nothing' },

  'GET /v1/dead-letters': { needs: 'read', across: 'its own' },
  'GET /v1/dead-letters/groups': { needs: 'read', across: 'its own' },
  'GET /v1/dead-letters/:id': { needs: 'read', across: 'nothing' },
  'POST /v1/dead-letters/redrive': { needs: 'subscribe', across: 'nothing', body: { subscription: 'billing' } },
  'POST /v1/dead-letters/discard': { needs: 'subscribe', across: 'nothing', body: { subscription: 'billing' } },
  'GET /v1/operations': { needs: 'read', across: 'its own' },
  'GET /v1/operations/:id': { needs: 'read or subscribe', across: 'nothing' },
  'DELETE /v1/operations/:id': { needs: 'subscribe', across: 'nothing' },

  'GET /v1/services': { needs: 'read', across: 'its own' },
  'PUT /v1/services/:service': {
    needs: 'subscribe',
    across: 'its own',
    body: { subscriptions: [{ name: 'declared', ...subscription }] },
  },
  'POST /v1/services/:service/heartbeat': { needs: 'subscribe', across: 'nothing' },

  'GET /v1/senders': { needs: 'read', across: 'the same' },
  'GET /v1/sources': { needs: 'read', across: 'its own' },
  'GET /v1/sources/:name': { needs: 'read', across: 'nothing' },
  'PUT /v1/sources/:name': {
    needs: 'admin',
    across: 'its own',
    body: { sender: 'github', secret: 'a-secret-of-mine' },
  },
  'DELETE /v1/sources/:name': { needs: 'admin', across: 'nothing' },
  'POST /v1/sources/:name/rotate-token': { needs: 'admin', across: 'nothing', body: {} },
  'GET /v1/sources/:name/receptions': { needs: 'read', across: 'nothing' },
  'GET /v1/sources/:name/minutes': { needs: 'read', across: 'nothing' },
  'POST /v1/sources/:name/receptions/:id/republish': { needs: 'admin', across: 'nothing' },
  'POST /v1/sources/:name/capture': { needs: 'admin', across: 'nothing', body: {} },
  'GET /v1/sources/:name/captures': { needs: 'admin', across: 'nothing' },
  'POST /v1/sources/:name/websub': { needs: 'admin', across: 'nothing', body: { topicUrl: hook } },
  'DELETE /v1/sources/:name/websub': { needs: 'admin', across: 'nothing' },

  'GET /v1/keys': { needs: 'admin', across: 'its own' },
  'POST /v1/keys': { needs: 'admin', across: 'its own', body: { name: 'made', scopes: ['read'] } },
  'DELETE /v1/keys/:id': { needs: 'admin', across: 'nothing' },
  'POST /v1/keys/:id/rotate': { needs: 'admin', across: 'nothing', body: {} },
  'POST /v1/signing-keys/rotate': { needs: 'admin', across: 'its own', body: {} },
  'GET /v1/audit': { needs: 'admin', across: 'its own' },
  'POST /v1/reconciliations': { needs: 'admin', across: 'its own', body: {} },
  'GET /v1/overview': { needs: 'read', across: 'its own' },
  'GET /v1/live': { needs: 'read', across: 'its own' },
  'GET /v1/map': { needs: 'read', across: 'its own' },
  'GET /v1/workers': { needs: 'operator', across: 'its own' },
};

export const sourceSecret = 'a-shared-secret-0123456789';
const signature = createHmac('sha256', sourceSecret).update('{}').digest('hex');

/** The other routes of the program: the files of the page and of the documentation, the page's forms, the way in for senders. */
export const otherRoutes: Record<string, Row> = {
  'GET /assets/:file': { needs: 'nothing', across: 'the same', status: 404 },
  'GET /docs/': { needs: 'any key', across: 'the same' },
  'GET /docs/index.html': { needs: 'any key', across: 'the same' },
  'GET /docs/LICENSE': { needs: 'any key', across: 'the same', status: 404 },
  'GET /docs/swagger-ui-init.js': { needs: 'any key', across: 'the same' },
  'GET /docs/docs/swagger-ui-init.js': { needs: 'any key', across: 'the same' },
  'POST /in/:address': {
    needs: 'nothing',
    across: 'by its address',
    body: {},
    headers: { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-delivery': 'd1', 'x-github-event': 'push' },
  },
  'POST /session': { needs: 'nothing', across: 'the same', form: () => ({ key: 'of nobody' }) },
  // The last one: a session that has ended is let in nowhere.
  'POST /session/end': { needs: 'nothing', across: 'the same', form: (csrf) => ({ csrf }) },
};
