import { DeliveryModule, DeliveryWorker, type DeliveryModuleOptions } from '@hookcast/delivery';
import { createDataPool } from '@hookcast/database';
import { HookClient } from '@hookcast/egress';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import type pg from 'pg';
import { until } from '../support/until.js';
import { requestsOf, setup, type DeliverySetup } from './delivery-setup.js';

let run: DeliverySetup;
let pool: pg.Pool;
let client: HookClient;
beforeEach(async () => {
  run = await setup();
  pool = createDataPool(run.database.url, { max: 4 });
  client = new HookClient({ policy: { allow: ['127.0.0.0/8'] } });
  await run.topic('orders.created');
  await run.subscribe('billing', { topics: ['orders.created'] });
});
afterEach(async () => {
  await client.destroy();
  await pool.end();
  await run.close();
});

async function application(options: Partial<DeliveryModuleOptions> = {}) {
  const { catalog } = run;
  const module = await Test.createTestingModule({
    imports: [DeliveryModule.forRootAsync({ useFactory: () => ({ pool, client, catalog, ...options }) })],
  }).compile();
  return module.init();
}

test('the worker starts with the application and gives its streams away when that ends', async () => {
  const app = await application();
  await run.publish('orders.created', [{ id: 'e1' }]);
  await until(() => requestsOf(run.hooks, 'billing').length === 1, { what: 'the delivery' });
  expect(app.get(DeliveryWorker).ownedStreams).toHaveLength(2);
  expect(app.get(SchedulerRegistry).getCronJobs().size).toBe(1);
  await app.close();
  expect(await run.rows('select distinct owner from assignments')).toEqual([{ owner: null }]);
  expect(await run.rows('select 1 from workers')).toEqual([]);
  expect(await run.rows('select sum(delivered)::int as n from cursors')).toEqual([{ n: 1 }]);
});

test('in a process that only serves the API the worker owns nothing', async () => {
  const app = await application({ isWorker: false });
  await app.get(DeliveryWorker).reload();
  expect(app.get(DeliveryWorker).ownedStreams).toEqual([]);
  expect(await run.rows('select 1 from workers')).toEqual([]);
  await app.close();
});
