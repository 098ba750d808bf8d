// A receiver of its own process: verifies every request with the standardwebhooks package and appends what came
// to a file, one JSON line each, before it answers. Arguments: port, secret, file.
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const [port, secret, file] = process.argv.slice(2);
const webhook = new Webhook(secret);
const out = openSync(file, 'a');

function verified(body, headers) {
  try {
    webhook.verify(body, headers);
    return true;
  } catch (error) {
    return String(error);
  }
}

const server = createServer((request, response) => {
  // The question of a handshake is no delivery; most endpoints answer it like this.
  if (request.method === 'OPTIONS') {
    response.writeHead(405).end();
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const record = {
      headers: request.headers,
      body: body.toString('base64'),
      verified: verified(body, request.headers),
    };
    writeSync(out, `${JSON.stringify(record)}\n`);
    response.writeHead(204).end();
  });
});
server.listen(Number(port), '127.0.0.1', () => process.send?.('listening'));
process.on('disconnect', () => process.exit(0));
process.on('exit', () => closeSync(out));
process.on('uncaughtException', (error) => {
  appendFileSync(file, `${JSON.stringify({ failed: String(error) })}\n`);
  process.exit(1);
});
