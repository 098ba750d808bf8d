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

/** A share of the first two tries fails, the same ones in every run; a third one never does, which bounds the wait. */
function isUnlucky(request, percent) {
  if (Number(request.headers['hookcast-attempt']) > 2) return false;
  const name = `${request.headers['webhook-id']} ${request.headers['hookcast-attempt']}`;
  return (createHash('sha256').update(name).digest()[0] ?? 0) < 2.56 * percent;
}

const manners = {
  ok: (_request, answer) => answer(204),
  slow: (_request, answer) => setTimeout(() => answer(204), 20),
  flaky: (request, answer) => answer(isUnlucky(request, 30) ? 500 : 204),
  down: (_request, answer) => answer(500),
  hang: () => {},
  reset: (request) => request.socket.resetAndDestroy(),
  drip: (_request, _answer, response) => {
    response.writeHead(500, { 'content-type': 'text/plain' });
    const drops = setInterval(() => response.write('.'), 100);
    response.on('close', () => clearInterval(drops));
  },
  endless: (_request, _answer, response) => {
    response.writeHead(500, { 'content-type': 'text/plain' });
    const pour = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 46)));
    };
    response.on('drain', pour);
    pour();
  },
  bomb: (_request, _answer, response) => {
    response.writeHead(500, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }).end(bomb);
  },
};

const server = createServer((request, response) => {
  // A new hook is asked whether it takes events; one that does not understand the question gets them all the same.
  if (request.method !== 'POST') return response.writeHead(405).end();
  const chunks = [];
  const [, subscription, manner] = request.url.split('/');
  request.on('error', () => {});
  response.on('error', () => {});
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const record = (status) =>
      writeSync(
        out,
        `${JSON.stringify({
          at: Date.now(),
          subscription,
          id: request.headers['webhook-id'],
          position: request.headers['hookcast-position'],
          sha: sha(dataOf(body)),
          verified: verified(body, request.headers),
          status,
        })}\n`,
      );
    const answer = (status) => {
      record(status);
      response.writeHead(status).end();
    };
    if (!['ok', 'slow', 'flaky', 'down'].includes(manner)) record(0);
    manners[manner](request, answer, response);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => process.send('listening'));
process.on('disconnect', () => process.exit(0));
