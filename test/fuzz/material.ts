import { createHmac } from 'node:crypto';
import { adminKey, type BrokerProcess } from '../support/broker.js';
import type { HookServer } from '../support/hook-server.js';
import { until } from '../support/until.js';
import type { Document, Material } from './requests.js';

const secret = 'a-secret-0123456789';
/** Of each kind: what requests delete, cancel or empty is gone for those that follow. */
const count = 10;

interface Page {
  items: { id: string }[];
  nextCursor: string | null;
}

/** Where all is made. */
export interface Workshop {
  broker: BrokerProcess;
  hook: HookServer;
  document: Document;
}

/** As the endpoints that are named below: a hook that takes nothing, one that takes all, a page of WebSub and its hub. */
export function playEndpoints(hook: HookServer): void {
  const link = `<${hook.url}/hub>; rel="hub", <${hook.url}/page>; rel="self"`;
  hook.respondWith(({ url }) => {
    if (url === '/refused') return 422;
    return url === '/page' ? { status: 200, headers: { link } } : 202;
  });
}

/**
 * Something that is there for every parameter of a path, under names that no round before has had: its requests may have
 * deleted, paused or changed everything that they could name.
 */
export async function makeMaterial(workshop: Workshop, round: number): Promise<Material> {
  const { broker, hook, document } = workshop;
  const ask = asker(broker);
  const topic = `fuzz.r${round}`;
  const { refused, taken, waiting, services } = await subscribe(ask, hook, { topic, round });
  const subscriptions = [refused, taken, waiting];
  const events = await times(async (a) => ask<Made>('POST', `/v1/topics/${topic}/events`, { a }));
  const list = `/v1/dead-letters?subscription=${refused}&limit=200`;
  const buried = await until(async () => isFull(await ask<Page>('GET', list)), { what: 'the dead letters' });
  const deadLetters = idsOf(buried.items);
  const source = await receive(workshop, ask, `hub-${round}`);
  const websub = `feed-${round}`;
  await ask('PUT', `/v1/sources/${websub}`, { sender: 'websub', topic: websub });
  const keys = await times(async () => makeKey(ask, ['read']));
  return {
    document,
    authorizations: await makeAuthorizations(ask),
    objects: {
      topics: [topic, topic, 'orders.created', 'fuzzed.one'],
      subscriptions: [...subscriptions, ...subscriptions, 'billing', 'fuzzed'],
      services: [...services, ...services, 'billing-service', 'fuzzed'],
      sources: [source.name, source.name, websub, websub, 'hub'],
      receptions: source.receptions,
      events: idsOf(events),
      deliveries: idsOf(events),
      'dead-letters': [...deadLetters, '1-1-1', '1:1:1'],
      operations: await begin(ask, { refused, taken }, deadLetters),
      keys: [...idsOf(keys), 'admin', '1'],
    },
    values: {
      ...(await readable(ask, { topic, refused })),
      url: [`${hook.url}/taken`, `${hook.url}/refused`],
      topicUrl: [`${hook.url}/page`],
      hub: [`${hook.url}/hub`],
      subscription: subscriptions,
      event: idsOf(events),
      ids: [deadLetters.slice(0, 1), deadLetters.slice(1, 3), idsOf(events).slice(3, 5)],
    },
    hidden: [
      ['POST', source.path],
      ['GET', source.path],
      ['POST', '/in/hub/x'],
      ['POST', '/in/{name}/{token}'],
      ['POST', '/session'],
      ['POST', '/session/end'],
      ['GET', '/'],
      ['GET', '/docs'],
      ['GET', '/docs/{x}'],
      ['GET', '/openapi.json'],
      ['GET', '/{x}'],
    ],
  };
}

interface Made {
  id: string;
}

interface Page {
  items: Made[];
  nextCursor: string | null;
}

type Ask = <T>(method: string, path: string, body?: unknown) => Promise<T>;

/** @throws Error unless it is answered with a success: nothing here is odd */
function asker(broker: BrokerProcess): Ask {
  return async <T>(method: string, path: string, body?: unknown) => {
    const answer = await broker.api(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as T;
  };
}

const idsOf = (made: readonly Made[]): string[] => made.map(({ id }) => id);

const isFull = (page: Page): Page | undefined => (page.items.length >= count ? page : undefined);

const times = async <T>(make: (turn: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, async (_, turn) => make(turn)));

/** One each of a service of its own: a declaration of one takes no other away. */
async function subscribe(ask: Ask, hook: HookServer, { topic, round }: { topic: string; round: number }) {
  const names = { refused: `refused-${round}`, taken: `taken-${round}`, waiting: `waiting-${round}` };
  const services: string[] = [];
  for (const name of Object.values(names)) {
    const url = `${hook.url}/${name.split('-')[0]}`;
    services.push(`shop-of-${name}`);
    const subscriptions = [{ name, url, topics: [topic], nonRetryable: [422] }];
    await ask('PUT', `/v1/services/shop-of-${name}`, { subscriptions });
  }
  await ask('POST', `/v1/subscriptions/${names.waiting}/pause`);
  return { ...names, services };
}

async function receive({ broker }: Workshop, ask: Ask, name: string) {
  const { url } = await ask<{ url: string }>('PUT', `/v1/sources/${name}`, { sender: 'github', secret });
  const path = new URL(url).pathname;
  const signature = createHmac('sha256', secret).update('{}').digest('hex');
  const signed = { 'x-hub-signature-256': `sha256=${signature}`, 'x-github-event': 'push' };
  await times(async (turn) => {
    const headers = { ...signed, 'x-github-delivery': `${name}-${turn}` };
    await fetch(`${broker.url}${path}`, { method: 'POST', body: '{}', headers });
  });
  const list = `/v1/sources/${name}/receptions?limit=200`;
  const { items } = await until(async () => isFull(await ask<Page>('GET', list)), { what: 'the receptions' });
  return { name, path, receptions: idsOf(items) };
}

/** Operations: some are done soon, others go on for as long as the round. */
async function begin(ask: Ask, { refused, taken }: Record<'refused' | 'taken', string>, deadLetters: string[]) {
  const begun: { id: string }[] = [];
  for (const rate of [1, 1, 1, 1000, 1000, 1000]) {
    begun.push(await ask('POST', `/v1/subscriptions/${taken}/replays`, { from: 'earliest', rate }));
    const ids = deadLetters.slice(0, 5);
    begun.push(await ask('POST', '/v1/dead-letters/redrive', { subscription: refused, ids, rate }));
  }
  return begun.map(({ id }) => id);
}

const makeKey = async (ask: Ask, scopes: string[], namespace = 'default') =>
  ask<{ id: string; key: string }>('POST', '/v1/keys', { name: 'fuzz', scopes, namespace });

/** Keys that no request can name, so that they last. */
async function makeAuthorizations(ask: Ask): Promise<(string | undefined)[]> {
  const asking = [
    await makeKey(ask, ['publish:orders.*']),
    await makeKey(ask, ['subscribe:**']),
    await makeKey(ask, ['read']),
    await makeKey(ask, ['admin'], 'other'),
  ].map(({ key }) => `Bearer ${key}`);
  return [`Bearer ${adminKey}`, ...asking, 'Bearer hc_nobody', 'Basic YTpi', 'Bearer \u00e9', '', undefined];
}

/** Places in lists and logs as the broker itself writes them. */
async function readable(ask: Ask, { topic, refused }: { topic: string; refused: string }) {
  const lists = [
    '/v1/topics',
    '/v1/subscriptions',
    '/v1/dead-letters',
    `/v1/subscriptions/${refused}/deliveries`,
    '/v1/keys',
    '/v1/audit',
    '/v1/operations',
  ];
  const cursors: string[] = [];
  for (const list of lists) {
    const { nextCursor } = await ask<Page>('GET', `${list}?limit=1`);
    if (nextCursor !== null) cursors.push(nextCursor);
  }
  const log = await ask<{ items: { position: string }[] }>('GET', `/v1/topics/${topic}/events?from=earliest&limit=3`);
  const positions = log.items.map(({ position }) => position);
  const groups = await ask<{ items: { fingerprint: string }[] }>(
    'GET',
    `/v1/dead-letters/groups?subscription=${refused}`,
  );
  return {
    cursor: cursors,
    after: positions,
    to: positions,
    fingerprint: groups.items.map(({ fingerprint }) => fingerprint),
  };
}
