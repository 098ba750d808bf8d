import { HeadWatch, notifyFree, TailListener, TailNotifier } from '@hookcast/log';
import { createDataPool } from '@hookcast/database';
import { until } from '../support/until.js';
import { databaseProxy } from '../support/database-proxy.js';
import { anEvent, logSetup, firstStream, type LogSetup } from './log-setup.js';

let log: LogSetup;
beforeAll(async () => {
  log = await logSetup();
});
afterAll(async () => log.drop());

/** What a listener has heard so far, merged. */
async function listen(pool = log.pool, options: { intervalMs?: number; timeoutMs?: number } = {}) {
  const heard = new Map<number, number>();
  let hints = 0;
  const listener = new TailListener({
    pool,
    ...options,
    onHeads: (heads) => {
      hints += 1;
      for (const [streamId, seq] of heads) heard.set(streamId, seq);
    },
  });
  expect(await listener.runOnce()).toEqual({ connected: true });
  return { heard, hints: () => hints, listener };
}

test('another process hears of an append', async () => {
  const topic = await log.topic('heard');
  const { streamId } = firstStream(topic);
  const notifier = new TailNotifier({ pool: log.pool });
  const { heard, listener } = await listen();
  const watch = new HeadWatch({ reader: log.reader });
  await log.appender({ onAppended: (heads) => notifier.notify(heads) }).append(topic, [anEvent('a')]);
  expect(await until(() => heard.get(streamId))).toBe(1);
  const waiting = watch.waitForHead(new Map([[streamId, 0]]), 60_000);
  watch.advance(heard);
  expect(await waiting).toBe(true);
  await listener.stop();
  await notifier.stop();
});

test('another process hears that streams wait for an owner, and takes it for no head', async () => {
  let free = 0;
  const heads: ReadonlyMap<number, number>[] = [];
  const listener = new TailListener({
    pool: log.pool,
    onHeads: (each) => void heads.push(each),
    onFree: () => (free += 1),
  });
  await listener.runOnce();
  await notifyFree(log.pool);
  await until(() => free === 1);
  expect(heads).toEqual([]);
  await listener.stop();
});

test('what comes close together is one hint', async () => {
  const notifier = new TailNotifier({ pool: log.pool, intervalMs: 50 });
  const { heard, hints, listener } = await listen();
  for (let seq = 1; seq <= 500; seq += 1)
    notifier.notify(
      new Map([
        [1, seq],
        [2, seq],
      ]),
    );
  await until(() => heard.get(1) === 500 && heard.get(2) === 500);
  expect(hints()).toBeLessThanOrEqual(2);
  await notifier.stop();
  await listener.stop();
});

test('stopping sends what is pending, and sends nothing afterwards', async () => {
  const notifier = new TailNotifier({ pool: log.pool, intervalMs: 60_000 });
  const { heard, listener } = await listen();
  notifier.notify(new Map([[3, 1]]));
  await until(() => heard.get(3) === 1);
  notifier.notify(new Map([[3, 2]]));
  await notifier.stop();
  await until(() => heard.get(3) === 2);
  notifier.notify(new Map([[3, 3]]));
  expect(await notifier.runOnce()).toEqual({ streams: 0 });
  await listener.stop();
});

test('more streams than one notification holds arrive all the same', async () => {
  const notifier = new TailNotifier({ pool: log.pool });
  const { heard, listener } = await listen();
  const heads = new Map(Array.from({ length: 3_000 }, (_, index) => [1_000_000 + index, 2 ** 40 + index] as const));
  notifier.notify(heads);
  await until(() => heard.size >= heads.size);
  expect(heard).toEqual(heads);
  await listener.stop();
  await notifier.stop();
});

test('both come back by themselves after the network was gone', async () => {
  const proxy = await databaseProxy(log.url);
  const pool = createDataPool(proxy.url, { max: 1 });
  const notifier = new TailNotifier({ pool });
  const { heard, listener } = await listen(pool);
  listener.start();
  notifier.notify(new Map([[4, 1]]));
  await until(() => heard.get(4) === 1);
  proxy.cut();
  notifier.notify(new Map([[4, 2]]));
  await until(async () => !(await listener.runOnce()).connected);
  proxy.mend();
  await until(async () => {
    notifier.notify(new Map([[4, 3]]));
    await listener.runOnce();
    return heard.get(4) === 3;
  });
  await listener.stop();
  await notifier.stop();
  await pool.end();
  await proxy.close();
});

test('a connection on which nothing passes any more is replaced', async () => {
  const proxy = await databaseProxy(log.url);
  const pool = createDataPool(proxy.url, { max: 1 });
  const { listener } = await listen(pool, { timeoutMs: 1_000 });
  proxy.silence('both');
  expect(await listener.runOnce()).toEqual({ connected: false });
  proxy.mend();
  expect(await listener.runOnce()).toEqual({ connected: true });
  await listener.stop();
  await pool.end();
  await proxy.close();
});
