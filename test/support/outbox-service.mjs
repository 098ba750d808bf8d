// A service that writes orders and their events in one transaction after the other, without a relay. Prints the id of each
// once it is committed. `node outbox-service.mjs <database url> <topic>`
import pg from 'pg';
import { createPublisher } from '@hookcast/publisher';

const [connectionString, topic] = process.argv.slice(2);
const bus = createPublisher({ url: 'http://127.0.0.1:9', apiKey: 'not-used' });
const client = new pg.Client({ connectionString });
await client.connect();
for (let at = 0; ; at += 1) {
  const id = `order-${at}`;
  await client.query('begin');
  await client.query('insert into orders (id) values ($1)', [id]);
  await bus.outbox(client).publish(topic, { id }, { id, key: 'k' });
  await client.query('commit');
  process.stdout.write(`${id}\n`);
}
