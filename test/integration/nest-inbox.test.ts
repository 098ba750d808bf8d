import { Controller, Global, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import pg from 'pg';
import { DataSource, EntityManager, EntitySchema } from 'typeorm';
import { createTestBus } from '@hookcast/publisher/testing';
import { createInbox, type SqlTransaction } from '@hookcast/receiver/inbox';
import {
  DeadLetter,
  HookcastReceiver,
  HookcastReceiverModule,
  OnEvent,
  type EventContext,
  type HookcastInboxOptions,
} from '@hookcast/receiver/nest';
import { HookcastServer, type HookcastContext } from '@hookcast/receiver/nest-microservice';
import { createEmptyDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

interface Order {
  orderId: string;
  fails?: boolean;
  isHopeless?: boolean;
}

const Invoice = new EntitySchema<{ orderId: string }>({
  name: 'invoice',
  columns: { orderId: { type: 'text', primary: true } },
});
let database: TestDatabase;
let source: DataSource;
const bus = createTestBus();
const open: { close(): Promise<unknown> }[] = [];
beforeAll(async () => {
  database = await createEmptyDatabase();
  source = await new DataSource({ type: 'postgres', url: database.url, entities: [Invoice] }).initialize();
  await createInbox().createTable(database.pool);
  await database.pool.query('create table effects (handler text not null, order_id text not null)');
});
beforeEach(async () => {
  await database.pool.query('truncate effects, hookcast_inbox');
});
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});
afterAll(async () => {
  await source.destroy();
  await database.drop();
});

async function write(
  transaction: SqlTransaction,
  handler: string,
  { orderId, fails, isHopeless }: Order,
): Promise<void> {
  await transaction.query('insert into effects values ($1, $2)', [handler, orderId]);
  if (fails) throw new Error('the second half failed');
  if (isHopeless) throw new DeadLetter('no such customer');
}

const effects = async () =>
  (
    await database.pool.query<{ effect: string }>("select handler || ' ' || order_id as effect from effects order by 1")
  ).rows.map(({ effect }) => effect);

@Injectable()
class Invoices {
  @OnEvent(['orders.created', 'orders.*'], { subscription: 'billing.orders', inbox: true })
  async write(order: Order, _: EventContext, tx: SqlTransaction): Promise<void> {
    await write(tx, 'invoice', order);
  }

  @OnEvent('orders.created', { subscription: 'billing.orders', inbox: { handler: 'thanks' } })
  async thank(order: Order, _: EventContext, tx: SqlTransaction): Promise<void> {
    await write(tx, 'thanks', { orderId: order.orderId });
  }

  @OnEvent('orders.created', { subscription: 'billing.orders' })
  async count(order: Order): Promise<void> {
    await database.pool.query("insert into effects values ('count', $1)", [order.orderId]);
  }
}

async function application(providers: Type[], inbox?: HookcastInboxOptions) {
  @Module({ imports: [HookcastReceiverModule.forRoot({ secrets: [bus.secret], inbox })], providers })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  open.push(app);
  const receiver = app.get(HookcastReceiver);
  const deliver = async (order: Order, attempt = 1) =>
    bus.deliver(receiver, 'orders.created', order, { id: order.orderId, subscription: 'billing.orders', attempt });
  return { deliver };
}

describe.each<[string, () => HookcastInboxOptions]>([
  ['a DataSource of TypeORM', () => ({ connection: source })],
  ['a pool of pg', () => ({ connection: database.pool })],
])('with %s', (_, inbox) => {
  test('what a handler writes in its transaction exists once, however often the event comes', async () => {
    const { deliver } = await application([Invoices], inbox());
    expect(await deliver({ orderId: 'a' })).toMatchObject({ verdict: 'ok' });
    expect(await deliver({ orderId: 'a' }, 2)).toMatchObject({ verdict: 'ok' });
    expect(await effects()).toEqual(['count a', 'count a', 'invoice a', 'thanks a']);
  });

  test('a handler that fails leaves nothing, and is called again while the others are not', async () => {
    const { deliver } = await application([Invoices], inbox());
    expect(await deliver({ orderId: 'a', fails: true })).toMatchObject({ verdict: 'retry' });
    expect(await effects()).toEqual(['count a', 'thanks a']);
    expect(await deliver({ orderId: 'a' }, 2)).toMatchObject({ verdict: 'ok' });
    expect(await effects()).toEqual(['count a', 'count a', 'invoice a', 'thanks a']);
  });

  test('a verdict rolls back, and gets through', async () => {
    const { deliver } = await application([Invoices], inbox());
    expect(await deliver({ orderId: 'a', isHopeless: true })).toMatchObject({ verdict: 'dead-letter' });
    expect(await effects()).toEqual(['count a', 'thanks a']);
  });

  test('several deliveries at once have one effect', async () => {
    const { deliver } = await application([Invoices], inbox());
    await Promise.all(Array.from({ length: 8 }, (__, at) => deliver({ orderId: 'a' }, at + 1)));
    expect((await effects()).filter((effect) => effect !== 'count a')).toEqual(['invoice a', 'thanks a']);
  });
});

test('a handler and its module as in the README', async () => {
  await source.query('create table invoice ("orderId" text primary key)');
  const options = { secrets: [bus.secret] };
  // #region README
  @Injectable()
  class InvoiceWriter {
    @OnEvent('orders.created', { inbox: true })
    async write(order: Order, _: EventContext, tx: EntityManager) {
      await tx.save(Invoice, { orderId: order.orderId });
    }
  }

  const receiverModule = HookcastReceiverModule.forRootAsync({
    inject: [DataSource],
    useFactory: (dataSource: DataSource) => ({ ...options, inbox: { connection: dataSource } }),
  });
  // #endregion
  @Global()
  @Module({ providers: [{ provide: DataSource, useFactory: () => source }], exports: [DataSource] })
  class DatabaseModule {}
  @Module({ imports: [DatabaseModule, receiverModule], providers: [InvoiceWriter] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  open.push(app);
  for (const orderId of ['first', 'comes again and would be another']) {
    await bus.deliver(app.get(HookcastReceiver), 'orders.created', { orderId }, { id: 'a' });
  }
  expect(await source.manager.find(Invoice)).toEqual([{ orderId: 'first' }]);
});

test('a connection that breaks in a handler fails the event and harms nothing else', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  pool.on('error', () => {});
  @Injectable()
  class Breaking {
    @OnEvent('orders.created', { inbox: true })
    async handle(order: Order, _: EventContext, tx: pg.PoolClient): Promise<void> {
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      if (order.fails) await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await write(tx, 'invoice', { orderId: order.orderId });
    }
  }
  const { deliver } = await application([Breaking], { connection: pool });
  expect(await deliver({ orderId: 'a', fails: true })).toMatchObject({ verdict: 'retry' });
  expect(await deliver({ orderId: 'a' }, 2)).toMatchObject({ verdict: 'ok' });
  expect(await effects()).toEqual(['invoice a']);
  await pool.end();
});

test('an inbox that is not there, and names that are taken, stop the start and say so', async () => {
  await expect(application([Invoices])).rejects.toThrow('Invoices.write wants an inbox');
  @Injectable()
  class Twice {
    @OnEvent('a.b', { inbox: { handler: 'same' } })
    one(): void {}

    @OnEvent('a.c', { inbox: { handler: 'same' } })
    other(): void {}
  }
  await expect(application([Twice], { connection: source })).rejects.toThrow('Two handlers are "same"');
});

test('an @EventPattern handler has its transaction in the context', async () => {
  @Controller()
  class Billing {
    // oxlint-disable-next-line typescript/no-unnecessary-type-arguments -- chooses the overload that takes any method
    @EventPattern<string>('orders.created', { hookcast: { inbox: true } })
    async bill(@Payload() order: Order, @Ctx() context: HookcastContext<EntityManager>): Promise<void> {
      await write(context.transaction, 'bill', order);
    }

    @EventPattern('orders.*')
    async audit(@Ctx() context: HookcastContext): Promise<void> {
      expect(() => context.transaction).toThrow('has no inbox');
    }
  }
  @Module({ controllers: [Billing] })
  class AppModule {}
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false });
  open.push(app);
  app.connectMicroservice({
    strategy: new HookcastServer({ app, secrets: [bus.secret], inbox: { connection: source } }),
  });
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  const url = `${await app.getUrl()}/hooks`;
  for (const attempt of [1, 2]) {
    const reply = await bus.deliver(url, 'orders.created', { orderId: 'a' }, { id: 'a', attempt });
    expect(reply.verdict).toBe('ok');
  }
  expect(await effects()).toEqual(['bill a']);
});

test('while the application listens, what was handled long ago is forgotten', async () => {
  const insert =
    'insert into hookcast_inbox (subscription, event_id, handled_at) values ($1, $2, now() - $3::interval)';
  await database.pool.query(insert, ['s', 'old', '15 days']);
  await database.pool.query(insert, ['s', 'new', '13 days']);
  @Module({
    imports: [HookcastReceiverModule.forRoot({ secrets: [bus.secret], inbox: { connection: source } })],
    providers: [Invoices],
  })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false });
  open.push(app);
  await app.listen(0, '127.0.0.1');
  const ids = async () => (await database.pool.query('select event_id from hookcast_inbox')).rows;
  await until(async () => (await ids()).length === 1);
  expect(await ids()).toEqual([{ event_id: 'new' }]);
});
