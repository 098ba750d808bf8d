import type { TestBroker } from '../support/app.js';
import { until } from '../support/until.js';
import { otherRoutes, sourceSecret } from './access-table.js';

const url = 'http://127.0.0.1:3000/';

/** What stands for a parameter in the address of an object of the namespace default. */
export type Objects = Record<string, string>;

/** Makes one of everything that an address may name. */
export async function makeObjects(broker: TestBroker): Promise<Objects> {
  const subscriptions = [{ name: 'billing', topics: ['orders.created'], url, headers: { 'x-token': 'geheim' } }];
  await broker.call('PUT', '/v1/services/billing-service', { subscriptions });
  const { id } = await broker.publish('orders.created', {});
  const deadLetter = await makeDeadLetter(broker, id);
  const redrive = await broker.call<{ id: string }>('POST', '/v1/dead-letters/redrive', { subscription: 'billing' });
  const key = await broker.call<{ id: string }>('POST', '/v1/keys', { name: 'named', scopes: ['read'] });
  const { address, reception } = await makeReception(broker);
  return {
    'topics/:name': 'orders.created',
    'topics/:topic': 'orders.created',
    'subscriptions/:name': 'billing',
    'services/:service': 'billing-service',
    'sources/:name': 'hub',
    'events/:id': id,
    'deliveries/:eventId': id,
    'dead-letters/:id': deadLetter,
    'operations/:id': redrive.body.id,
    'receptions/:id': reception,
    'keys/:id': key.body.id,
    'in/:address': address,
    'assets/:file': 'none.js',
  };
}

async function makeDeadLetter(broker: TestBroker, eventId: string): Promise<string> {
  await broker.database.pool.query(
    `insert into dead_letters (stream_id, subscription_id, seq, dead_at, reason, attempts, event_at, event_id, topic)
     select stream_id, s.id, seq, now(), 'exhausted', 1, e.created_at, event_id, 'orders.created'
     from events e, subscriptions s where event_id = $1`,
    [eventId],
  );
  const { body } = await broker.call<{ items: { id: string }[] }>('GET', '/v1/dead-letters');
  return body.items[0]?.id ?? '';
}

async function makeReception(broker: TestBroker): Promise<{ address: string; reception: string }> {
  const { body } = await broker.call<{ url: string }>('PUT', '/v1/sources/hub', {
    sender: 'github',
    secret: sourceSecret,
  });
  const { pathname } = new URL(body.url);
  const headers = otherRoutes['POST /in/:address']?.headers ?? {};
  await fetch(`${broker.url}${pathname}`, { method: 'POST', body: '{}', headers });
  const list = '/v1/sources/hub/receptions';
  const first = async () => (await broker.call<{ items: { id: string }[] }>('GET', list)).body.items[0];
  const reception = await until(first, { what: 'the reception' });
  return { address: pathname.replace('/in/', ''), reception: reception.id };
}

/** The address of an object that is there, or, with `otherwise`, of one that is not. */
export function addressOf(template: string, objects: Objects, otherwise?: string): string {
  return template.replaceAll(/([a-z-]+)\/(:[a-zA-Z]+)/g, (_, collection: string, parameter: string) => {
    const value = otherwise ?? objects[`${collection}/${parameter}`];
    if (value === undefined) throw new Error(`Say in this test what stands for ${collection}/${parameter}.`);
    return `${collection}/${value}`;
  });
}
