import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import pg from 'pg';
import { connectUnlessEnded, dedicatedClient } from './dedicated-client.js';
import { TailListener } from './tail/tail-listener.js';

/** A server that takes connections and never says a word, as one that is overloaded or frozen. */
let server: Server;
let pool: pg.Pool;
beforeAll(async () => {
  server = createServer((socket) => socket.resume().on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  pool = new pg.Pool({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, user: 'anybody' });
});
afterAll(async () => {
  await pool.end();
  server.close();
});

test('connecting fails when the client is ended meanwhile', async () => {
  const accepted = once(server, 'connection');
  const client = dedicatedClient(pool, {});
  const connecting = connectUnlessEnded(client);
  await accepted;
  void client.end();
  await expect(connecting).rejects.toThrow('given up');
});

test('a listener that is still connecting can be stopped', async () => {
  const accepted = once(server, 'connection');
  const listener = new TailListener({ pool, onHeads: () => {}, timeoutMs: 60_000 });
  listener.start();
  await accepted;
  await listener.stop();
});
