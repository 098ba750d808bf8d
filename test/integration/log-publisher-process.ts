// A process that publishes what it is told to: started by log-races.test.ts, one Appender per process.
import { createDataPool } from '@hookcast/database';
import { Appender, type AppendResult, type NewEvent, type TopicRef } from '@hookcast/log';

export interface Order {
  topic: TopicRef;
  /** `[id, data]` of the events of each request. All requests are made at once. */
  requests: [id: string, data: string][][];
}

const pool = createDataPool(process.argv[2] ?? '', { max: 2 });
const appender = new Appender({ pool, maxBatchEvents: 25 });

const toEvent = ([id, data]: [string, string]): NewEvent => ({
  id,
  type: 'test',
  source: '/test',
  attributes: {},
  data: Buffer.from(data),
});

process.on('message', (order: Order | 'stop') => {
  void (order === 'stop' ? stop() : publish(order));
});
process.send?.('ready');

async function publish({ topic, requests }: Order): Promise<void> {
  const results: AppendResult[] = await Promise.all(
    requests.map(async (events) => appender.append(topic, events.map(toEvent))),
  );
  process.send?.(results);
}

async function stop(): Promise<void> {
  await appender.stop();
  await pool.end();
  process.disconnect();
}
