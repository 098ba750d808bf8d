// What the SDKs cost without I/O, in this process and on this machine. `npm run build && node test/bench/sdk.mjs`
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { formatBinary, formatStructured, generateSecret, parseSecret, sign } from '@hookcast/protocol';
import { createPublisher } from '@hookcast/publisher';
import { createOutboxRelay, outboxTableSql } from '@hookcast/publisher/outbox';
import { startEmbeddedPostgres } from '@hookcast/database/embedded';
import pg from 'pg';
import { Keyring } from '../../libs/receiver/dist/keyring.js';
import { openRequest } from '../../libs/receiver/dist/open-request.js';

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Microseconds for one call of each: the median of many short rounds, taken in turns. `ratio` is the median of the rounds'
 * own ratios to the first candidate, which a machine that is slow for a while does not move.
 */
function compare(candidates, { rounds = 400, calls = 500 } = {}) {
  const entries = Object.entries(candidates);
  const times = entries.map(() => []);
  for (let round = 0; round < rounds + 20; round += 1) {
    for (const [place, [, call]] of entries.entries()) {
      const began = process.hrtime.bigint();
      for (let at = 0; at < calls; at += 1) call();
      if (round >= 20) times[place].push(Number(process.hrtime.bigint() - began) / calls / 1_000);
    }
  }
  const [first] = times;
  return Object.fromEntries(
    entries.map(([name], place) => {
      const ratio = median(times[place].map((time, round) => time / first[round]));
      return [name, { micros: median(times[place]).toFixed(2), ratio: ratio.toFixed(2) }];
    }),
  );
}

const order = {
  orderId: 42,
  customer: 'customer-7',
  total: 99.5,
  lines: [
    { sku: 'abc', count: 2 },
    { sku: 'def', count: 1 },
  ],
};
const event = {
  id: '018f7d2e-7a3b-7c4d-8e5f-000000000001',
  source: '/orders',
  type: 'orders.created',
  time: '2026-11-24T12:00:00Z',
  datacontenttype: 'application/json',
  extensions: { partitionkey: 'customer-7' },
  data: Buffer.from(JSON.stringify(order)),
};
const filler = 470 - formatStructured({ ...event, data: Buffer.from(JSON.stringify({ ...order, filler: '' })) }).length;
event.data = Buffer.from(JSON.stringify({ ...order, filler: 'x'.repeat(filler) }));

const secret = generateSecret();
const keyring = new Keyring({ secrets: [secret] });

function signedRequest({ headers, body }) {
  const timestamp = Math.floor(Date.now() / 1000);
  return {
    headers: {
      ...headers,
      'user-agent': 'Hookcast/0.1.0',
      'webhook-id': event.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign({ id: event.id, timestamp, body }, [parseSecret(secret)]),
      'hookcast-topic': 'orders.created',
      'hookcast-subscription': 'billing.orders.created',
      'hookcast-attempt': '1',
      'hookcast-position': '4:17',
      'hookcast-hops': '1',
    },
    body,
  };
}

/** The least that anybody must do: HMAC over the signed text, a safe comparison and JSON.parse. */
function bare({ headers, body }) {
  const { key } = parseSecret(secret);
  const given = Buffer.from(headers['webhook-signature'].slice(3), 'base64');
  const prefix = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`;
  return () => {
    const mac = createHmac('sha256', key).update(prefix).update(body).digest();
    if (!timingSafeEqual(mac, given)) throw new Error('forged');
    return JSON.parse(body.toString('utf8'));
  };
}

/** In binary form the event's attributes are headers, which somebody has to gather and decode as well. */
function bareBinary(request) {
  const verifyAndParse = bare(request);
  return () => {
    const attributes = {};
    for (const name in request.headers) {
      if (name.startsWith('ce-')) attributes[name.slice(3)] = decodeURIComponent(request.headers[name]);
    }
    return { ...attributes, data: verifyAndParse() };
  };
}

const sdkOf = (request) => () => {
  if (openRequest(request, keyring).kind !== 'opened') throw new Error('refused');
};
const structured = signedRequest({
  headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
  body: formatStructured(event),
});
const binary = signedRequest(formatBinary(event));
for (const { form, request, name, baseline } of [
  { form: 'structured', request: structured, name: 'bare HMAC and JSON.parse', baseline: bare(structured) },
  { form: 'binary', request: binary, name: 'bare HMAC and JSON.parse', baseline: bare(binary) },
  { form: 'binary', request: binary, name: 'bare HMAC, JSON.parse and ce- headers', baseline: bareBinary(binary) },
]) {
  const times = compare({ baseline, sdk: sdkOf(request) });
  console.log(
    `verify and parse, ${form}, ${request.body.length} bytes: ${times.sdk.micros} µs; ` +
      `${name} ${times.baseline.micros} µs; ratio ${times.sdk.ratio}`,
  );
}

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

// Calls of one turn, until publish() has returned: nothing is sent before the turn ends but the first.
const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const events = [JSON.parse(Buffer.concat(chunks))].flat();
    const stored = events.map(({ id }, at) => ({ id, topic: 'orders', position: `1:${at}`, duplicate: false }));
    response.writeHead(201).end(JSON.stringify(stored.length === 1 ? stored[0] : { events: stored }));
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const bus = createPublisher({ url: `http://127.0.0.1:${server.address().port}`, apiKey: 'key', source: '/orders' });
const { data } = event;
const payload = JSON.parse(data);
const times = [];
for (let round = 0; round < 220; round += 1) {
  const calls = [];
  const began = process.hrtime.bigint();
  for (let at = 0; at < 500; at += 1) calls.push(bus.publish('orders', payload, { key: 'customer-7' }));
  if (round >= 20) times.push(Number(process.hrtime.bigint() - began) / 500 / 1_000);
  await Promise.all(calls);
}
console.log(`publish() of ${data.length} bytes of JSON, without I/O: ${median(times).toFixed(2)} µs a call`);
await bus.close();

// What waits in memory while a broker does not answer, and whether the hundredth thousand takes longer than the first.
const silent = http.createServer(() => {});
await once(silent.listen(0, '127.0.0.1'), 'listening');
const waiting = 100_000;
const patient = createPublisher({
  url: `http://127.0.0.1:${silent.address().port}`,
  apiKey: 'key',
  source: '/orders',
  maxBufferedEvents: waiting,
});
const memory = () => {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};
const before = memory();
const tenths = [];
const calls = [];
for (let tenth = 0; tenth < 10; tenth += 1) {
  const began = process.cpuUsage().user;
  for (let at = 0; at < waiting / 10; at += 1) {
    calls.push(patient.publish('orders', payload, { key: `customer-${at % 100}` }));
    if (at % 500 === 0) await new Promise((resolve) => void setImmediate(resolve));
  }
  tenths.push((process.cpuUsage().user - began) / (waiting / 10));
}
const [bytesEach, bodyEach] = [(memory() - before) / waiting, patient.buffered.bytes / waiting];
await patient.publish('orders', payload).catch(({ reason }) => {
  console.log(
    `${waiting} events waiting: ${Math.round(bytesEach)} bytes each in memory, ${Math.round(bodyEach)} of them the event; ` +
      `CPU of a call ${tenths[0].toFixed(1)} µs in the first tenth, ${tenths[9].toFixed(1)} in the last; one more: ${reason}`,
  );
});
const ends = Promise.allSettled(calls);
await patient.close({ timeoutMs: 0 });
await ends;
silent.closeAllConnections();
silent.close();

// An outbox in a Postgres of its own, drained by its relay against the same publish API.
const folder = mkdtempSync(join(tmpdir(), 'hookcast-bench-'));
const database = await startEmbeddedPostgres({ dataDir: join(folder, 'pg18') });
const pool = new pg.Pool({ connectionString: database.url, max: 4 });
pool.on('error', () => {});
await pool.query(outboxTableSql());
const outboxed = 20_000;
const client = await pool.connect();
await client.query('begin');
const events = Array.from({ length: outboxed / 20 }, () => ({ data: payload, key: 'customer-7' }));
for (let at = 0; at < 20; at += 1) await bus.outbox(client).publishBatch('orders', events);
await client.query('commit');
client.release();
const relay = createOutboxRelay({ url: `http://127.0.0.1:${server.address().port}`, apiKey: 'key', pool });
const rounds = [];
const started = performance.now();
for (let published = 0; published < outboxed; published += rounds.at(-1).published) {
  const began = performance.now();
  const { published: count } = await relay.runOnce();
  rounds.push({ published: count, ms: performance.now() - began });
}
const perSecond = (outboxed / (performance.now() - started)) * 1_000;
console.log(
  `outbox relay: ${Math.round(perSecond)} events/s of ${outboxed}, rounds of ${rounds[0].published} in ` +
    `${median(rounds.map(({ ms }) => ms)).toFixed(0)} ms, the last in ${rounds.at(-1).ms.toFixed(0)} ms`,
);
await relay.stop();
await pool.end();
await database.stop();
rmSync(folder, { recursive: true, force: true });
server.close();
server.closeAllConnections();
