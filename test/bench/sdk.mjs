// What the SDKs cost without I/O, in this process and on this machine. `npm run build && node test/bench/sdk.mjs`
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { formatBinary, formatStructured, generateSecret, parseSecret, sign } from '@hookcast/protocol';
import { createPublisher } from '@hookcast/publisher';
import { Keyring } from '../../libs/receiver/dist/keyring.js';
import { openRequest } from '../../libs/receiver/dist/open-request.js';

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Microseconds for one call: the median of rounds, taken in turns so that a slow moment hits all alike. */
function compare(candidates, { rounds = 41, calls = 4_000 } = {}) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = 0; round < rounds + 5; round += 1) {
    for (const [name, call] of Object.entries(candidates)) {
      const began = process.hrtime.bigint();
      for (let at = 0; at < calls; at += 1) call();
      if (round >= 5) times[name].push(Number(process.hrtime.bigint() - began) / calls / 1_000);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
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
  const key = parseSecret(secret).key;
  const given = Buffer.from(headers['webhook-signature'].slice(3), 'base64');
  const prefix = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`;
  return () => {
    const mac = createHmac('sha256', key).update(prefix).update(body).digest();
    if (!timingSafeEqual(mac, given)) throw new Error('forged');
    return JSON.parse(body.toString('utf8'));
  };
}

const forms = {
  structured: {
    headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    body: formatStructured(event),
  },
  binary: formatBinary(event),
};
for (const [form, parts] of Object.entries(forms)) {
  const request = signedRequest(parts);
  const sdk = () => {
    if (openRequest(request, keyring).kind !== 'opened') throw new Error('refused');
  };
  const times = compare({ bare: bare(request), sdk });
  console.log(
    `verify and parse, ${form}, ${request.body.length} bytes: ${times.sdk.toFixed(2)} µs; ` +
      `bare HMAC and JSON.parse ${times.bare.toFixed(2)} µs; ratio ${(times.sdk / times.bare).toFixed(2)}`,
  );
}

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
for (let round = 0; round < 45; round += 1) {
  const calls = [];
  const began = process.hrtime.bigint();
  for (let at = 0; at < 4_000; at += 1) calls.push(bus.publish('orders', payload, { key: 'customer-7' }));
  if (round >= 5) times.push(Number(process.hrtime.bigint() - began) / 4_000 / 1_000);
  await Promise.all(calls);
}
console.log(`publish() of ${data.length} bytes of JSON, without I/O: ${median(times).toFixed(2)} µs a call`);
await bus.close();
server.close();
