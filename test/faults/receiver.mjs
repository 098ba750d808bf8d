// The hooks of the fault tests, a process of its own: verifies every request with the standardwebhooks package and appends
// what came to a file, one JSON line each, before it answers. The path says how it behaves: /<subscription>/<manner>.
// Arguments: port, secret, file.
import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';

const [port, secret, file] = process.argv.slice(2);
const webhook = new Webhook(secret);
const out = openSync(file, 'a');
const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');

function verified(body, headers) {
  try {
    webhook.verify(body, headers);
    return true;
  } catch (error) {
    return String(error);
  }
}

/** The data of a structured event, cut out of its body as text: nothing is parsed and written again. */
const dataOf = (body) => body.subarray(body.indexOf('"data":') + 7, body.lastIndexOf('}'));

const pathOf = ({ url }) => new URL(url, 'http://hooks').pathname;

/** How often each event has come to each hook. */
const tries = new Map();

/** Which try it is, and two numbers from 0 to 255 that look random and follow from the event and the try. */
function fateOf(request) {
  const event = `${pathOf(request)} ${request.headers['webhook-id']}`;
  const nth = (tries.get(event) ?? 0) + 1;
  tries.set(event, nth);
  const [first, second] = createHash('sha256').update(`${event} ${nth}`).digest();
  return { nth, first, second };
}

/** What becomes of an unlucky try. One in 256 hangs and one drips: each holds a place of a window until it times out. */
const mischief = (dice) => {
  if (dice < 1) return manners.hang;
  if (dice < 2) return manners.drip;
  if (dice < 8) return manners.endless;
  if (dice < 14) return manners.bomb;
  if (dice < 40) return manners.reset;
  return (exchange) => exchange.answer(500);
};

const after = (ms, exchange) => setTimeout(() => exchange.answer(204), ms);

/** An answer that comes in single bytes, one every so many milliseconds. */
const inBytes = (everyMs, { request: { socket } }) => {
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok');
  const write = (at) => {
    if (socket.destroyed) return;
    if (at === bytes.length) return socket.end();
    socket.write(bytes.subarray(at, at + 1));
    setTimeout(write, everyMs, at + 1);
  };
  write(0);
};

const isPoison = ({ headers }) => headers['webhook-id'].endsWith('-poison');

const manners = {
  // Answers after 20 to 150 ms, so that there always is something in flight.
  steady: (exchange) => after(20 + fateOf(exchange.request).first / 2, exchange),
  // 30% of the first two tries fail, the same ones in every run; a third one never does, which bounds the wait. Hooks that
  // are back from the dead have a good start: a probe that fails doubles the wait for the next.
  flaky: (exchange) => {
    const { nth, first, second } = fateOf(exchange.request);
    if (nth <= 2 && first < 2.56 * 30 && process.uptime() > 15) mischief(second)(exchange);
    else exchange.answer(204);
  },
  slow: (exchange) => after(20, exchange),
  paced: (exchange) => after(250, exchange),
  // 0.3 s, or 6 s, for the whole of the answer; 0.9 s for its status line alone.
  bytes: (exchange) => {
    exchange.record(200);
    inBytes(5, exchange);
  },
  'slow-bytes': (exchange) => {
    exchange.record(0);
    inBytes(100, exchange);
  },
  // The event that is the end of whoever sends it: twice nobody lives to hear the answer.
  poison: (exchange) => {
    if (isPoison(exchange.request) && fateOf(exchange.request).nth <= 2) exchange.record(0);
    else after(20, exchange);
  },
  hang: ({ record }) => record(0),
  reset: ({ request, record }) => {
    record(0);
    request.socket.resetAndDestroy();
  },
  drip: ({ response, record }) => {
    record(0);
    response.writeHead(500, { 'content-type': 'text/plain' });
    const drops = setInterval(() => response.write('.'), 100);
    response.on('close', () => clearInterval(drops));
  },
  endless: ({ response, record }) => {
    record(0);
    response.writeHead(500, { 'content-type': 'text/plain' });
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 46)));
    };
    response.on('drain', pour);
    pour();
  },
  bomb: ({ response, record }) => {
    record(0);
    response.writeHead(500, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }).end(bomb);
  },
};

const server = createServer((request, response) => {
  // A new hook is asked whether it takes events; one that does not understand the question gets them all the same.
  if (request.method !== 'POST') return response.writeHead(405).end();
  const began = Date.now();
  const chunks = [];
  const [, subscription, manner] = pathOf(request).split('/');
  request.on('error', () => {});
  response.on('error', () => {});
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const record = (status) => {
      const seen = {
        began,
        at: Date.now(),
        subscription,
        id: request.headers['webhook-id'],
        position: request.headers['hookcast-position'],
        sha: sha(dataOf(body)),
        verified: verified(body, request.headers),
        status,
      };
      writeSync(out, `${JSON.stringify(seen)}\n`);
    };
    const answer = (status) => {
      record(status);
      response.writeHead(status).end();
    };
    manners[manner]({ request, response, record, answer });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => process.send('listening'));
process.on('disconnect', () => process.exit(0));
