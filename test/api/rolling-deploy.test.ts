import { Controller, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createRegistration, planText, type RegistrationOptions } from '@hookcast/receiver';
import { HookcastReceiverModule, OnEvent, printPlan } from '@hookcast/receiver/nest';
import { until } from '../support/until.js';
import { adminKey, testBroker, type TestBroker } from '../support/app.js';

let broker: TestBroker;
beforeAll(async () => {
  broker = await testBroker();
});
afterAll(async () => {
  await broker?.close();
});

const subscription = (name: string, topics: string[]) => ({ name, topics, url: 'http://127.0.0.1:3000/hooks' });

function instance(service: string, options: Pick<RegistrationOptions, 'revision' | 'subscriptions'>) {
  const lines: string[] = [];
  const log = {
    info: () => {},
    warn: (line: string) => void lines.push(line),
    error: (line: string) => void lines.push(line),
  };
  return {
    ...options,
    lines,
    registration: createRegistration({ broker: { url: broker.url, apiKey: adminKey }, service, log, ...options }),
  };
}

async function subscriptionsOf(service: string): Promise<string[]> {
  const { body } = await broker.call<{ items: { name: string; topics: string[] }[] }>(
    'GET',
    `/v1/subscriptions?service=${service}`,
  );
  return body.items.map(({ name, topics }) => `${name} ${topics.join(' ')}`).toSorted();
}

test('while two revisions run side by side the newer one holds, and the older one keeps serving', async () => {
  const older = instance('rolling', {
    revision: 1,
    subscriptions: [subscription('rolling.orders', ['orders.*']), subscription('rolling.refunds', ['refunds.*'])],
  }).registration;
  const newer = instance('rolling', {
    revision: 2,
    subscriptions: [subscription('rolling.orders', ['orders.**']), subscription('rolling.payments', ['payments.*'])],
  }).registration;
  expect(await older.runOnce()).toMatchObject({ kind: 'registered' });
  expect(await newer.runOnce()).toMatchObject({ kind: 'registered' });
  const wanted = ['rolling.orders orders.**', 'rolling.payments payments.*'];
  for (let round = 0; round < 3; round += 1) {
    expect(await older.runOnce()).toEqual({ kind: 'renewed' });
    expect(await newer.runOnce()).toEqual({ kind: 'renewed' });
    expect(await subscriptionsOf('rolling')).toEqual(wanted);
  }
  expect(older.secretsOf('rolling.orders')).toEqual(newer.secretsOf('rolling.orders'));

  const restarted = instance('rolling', {
    revision: 1,
    subscriptions: [subscription('rolling.orders', ['orders.*']), subscription('rolling.refunds', ['refunds.*'])],
  }).registration;
  expect(await restarted.runOnce()).toEqual({ kind: 'outdated', subscriptions: 1 });
  expect(await subscriptionsOf('rolling')).toEqual(wanted);
  expect(restarted.secretsOf('rolling.orders')).toEqual(newer.secretsOf('rolling.orders'));
  expect(await restarted.runOnce()).toEqual({ kind: 'renewed' });
});

test('an instance of the older revision says once that it is outdated, and goes on renewing leases', async () => {
  const leased = { ...subscription('outdated.orders', ['orders.*']), leaseSeconds: 60 };
  const older = instance('outdated', { revision: 1, subscriptions: [leased] });
  older.registration.start();
  await until(() => older.registration.isRegistered);
  await instance('outdated', { revision: 2, subscriptions: [leased] }).registration.runOnce();
  // As when a request is signed with a secret it does not know: it declares again to learn of others.
  older.registration.refresh();
  await until(() => older.lines.length === 1);
  expect(older.lines[0]).toBe('A newer revision of outdated than 1 is registered, and is left as it is');
  expect(await older.registration.runOnce()).toEqual({ kind: 'renewed' });
  older.registration.stop();
});

test('a plan tells what would change, and changes nothing', async () => {
  await instance('planned', {
    subscriptions: [subscription('planned.orders', ['orders.*']), subscription('planned.refunds', ['refunds.*'])],
  }).registration.runOnce();
  const before = await subscriptionsOf('planned');
  const next = instance('planned', {
    subscriptions: [subscription('planned.orders', ['orders.**']), subscription('planned.payments', ['payments.*'])],
  }).registration;
  const plan = await next.plan();
  expect(plan).toEqual({
    kind: 'ok',
    value: {
      service: 'planned',
      created: ['planned.payments'],
      updated: ['planned.orders'],
      unchanged: [],
      removed: ['planned.refunds'],
    },
  });
  expect(await subscriptionsOf('planned')).toEqual(before);
  expect(next.isRegistered).toBe(false);
});

test('a plan is refused for what declaring it would be refused for', async () => {
  const { registration } = instance('stealing', { subscriptions: [subscription('planned.orders', ['orders.*'])] });
  expect(await registration.plan()).toMatchObject({ kind: 'refused', code: 'subscription-owned' });
});

test('a plan is written one change a line', () => {
  const plan = { service: 'billing', created: ['a'], updated: ['b'], unchanged: ['c', 'd'], removed: ['e'] };
  expect(planText(plan)).toBe('billing:\n  + a\n  ~ b\n  - e (with its backlog)\n  2 unchanged');
  expect(planText({ ...plan, created: [], updated: [], removed: [] })).toBe('billing: nothing changes\n  2 unchanged');
});

describe('printPlan of a Nest application', () => {
  @Injectable()
  @Controller()
  class Handlers {
    @OnEvent('orders.created')
    handle(): void {}
  }

  async function printed(apiKey: string): Promise<string> {
    @Module({
      imports: [
        HookcastReceiverModule.forRoot({
          broker: { url: broker.url, apiKey },
          service: 'nested',
          url: 'http://127.0.0.1:3000',
        }),
      ],
      providers: [Handlers],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    const lines: string[] = [];
    await printPlan(app, (line) => lines.push(line));
    return lines.join('\n');
  }
  afterEach(() => void (process.exitCode = undefined));

  test('tells what the handlers would declare, and leaves the broker as it is', async () => {
    expect(await printed(adminKey)).toBe('nested:\n  + nested.orders.created\n  0 unchanged');
    expect(await subscriptionsOf('nested')).toEqual([]);
    expect(process.exitCode).toBeUndefined();
  });

  test('makes the process fail when the broker says no', async () => {
    expect(await printed('no-key-of-this-broker')).toMatch(/^There is no plan: the broker answered 401/);
    expect(process.exitCode).toBe(1);
  });
});
