import { generateSecret } from '@hookcast/protocol';
import { hookServer, type HookServer, type ReceivedRequest, type ScriptedAnswer } from '../support/hook-server.js';

interface Declared {
  name: string;
  topics: string[];
  url: string;
  leaseSeconds?: number;
}

/**
 * The services section of the HTTP contract on a real server, with declarations in memory: the same declaration again
 * changes nothing and gives the same secrets. `server.answer()` scripts what the next requests get instead.
 */
export interface ServicesApi {
  server: HookServer;
  url: string;
  /** What each service declared last. */
  declared: Map<string, { revision?: number; subscriptions: Declared[] }>;
  secretOf(subscription: string): string;
  /** Gives the subscription another secret, of which the service is not told. */
  rotate(subscription: string): string;
  heartbeats: string[];
  /** Has these `whpk_` keys published. */
  publish(...publicKeys: string[]): void;
  close(): Promise<void>;
}

export async function servicesApi(options: { showsSecrets?: boolean } = {}): Promise<ServicesApi> {
  const server = await hookServer();
  const declared: ServicesApi['declared'] = new Map();
  const secrets = new Map<string, string>();
  const heartbeats: string[] = [];
  let published: string[] = [];
  const secretOf = (name: string) => {
    const secret = secrets.get(name) ?? generateSecret();
    secrets.set(name, secret);
    return secret;
  };

  server.respondWith((request) => {
    if (request.url === '/.well-known/hookcast-keys.json') {
      return json(200, { keys: published.map((publicKey) => ({ publicKey })) });
    }
    const [, service = '', heartbeat] = /^\/v1\/services\/([^/]+?)(\/heartbeat)?(?:\?.*)?$/.exec(request.url) ?? [];
    if (request.headers.authorization !== 'Bearer good-key') return json(401, { code: 'unauthenticated' });
    if (heartbeat !== undefined) {
      if (!declared.has(service)) return json(404, { code: 'service-not-found' });
      heartbeats.push(service);
      return json(200, { service, subscriptions: [] });
    }
    return declare(service, request);
  });

  function declare(service: string, request: ReceivedRequest): ScriptedAnswer {
    const body = JSON.parse(request.body.toString()) as { revision?: number; subscriptions: Declared[] };
    const stored = declared.get(service);
    const revision = body.revision ?? stored?.revision ?? 0;
    if (revision < (stored?.revision ?? 0)) return json(409, { code: 'revision-outdated' });
    const isDryRun = request.url.endsWith('?dryRun=true');
    const isNew = stored === undefined && !isDryRun;
    if (!isDryRun) declared.set(service, body);
    const names = body.subscriptions.map(({ name }) => name);
    const shown = isDryRun
      ? (stored?.subscriptions ?? []).filter(({ name }) => names.includes(name))
      : body.subscriptions;
    const subscriptions = shown.map((one) => ({
      ...one,
      secret: options.showsSecrets === false ? 'whsec_…abcd' : secretOf(one.name),
    }));
    return json(isNew ? 201 : 200, { service, dryRun: isDryRun, plan: {}, subscriptions });
  }

  return {
    server,
    url: server.url,
    declared,
    secretOf,
    rotate: (name) => {
      secrets.delete(name);
      return secretOf(name);
    },
    heartbeats,
    publish: (...publicKeys) => void (published = publicKeys),
    close: () => server.close(),
  };
}

const json = (status: number, body: object): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
