// A service whose effect is a row, written once for each event. With `die` it ends, as by kill -9, when the effect is committed
// and the answer is not sent. `node inbox-service.mjs <database url> <secret> <port> [die]`
import http from 'node:http';
import pg from 'pg';
import { createReceiver } from '@hookcast/receiver';
import { createInbox } from '@hookcast/receiver/inbox';

const [connectionString, secret, port, mode] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString });
const inbox = createInbox();

async function handle(_, context) {
  const client = await pool.connect();
  await client.query('begin');
  const { kind } = await inbox.once(client, context, () =>
    client.query('insert into effects (event_id) values ($1)', [context.id]),
  );
  await client.query('commit');
  client.release();
  if (mode === 'die') process.kill(process.pid, 'SIGKILL');
  process.stdout.write(`${kind} ${context.id}\n`);
}

const receiver = createReceiver({ secrets: [secret], on: { '**': handle } });
http
  .createServer((request, response) => void receiver.node(request, response))
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
