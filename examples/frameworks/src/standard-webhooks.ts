import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';

// A receiver as it was written for Svix, or for any other sender of Standard Webhooks: nothing of Hookcast is in it.
const { HOOKCAST_SECRET = '', PORT = '3000' } = process.env;
const webhook = new Webhook(HOOKCAST_SECRET);

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  try {
    const payload = webhook.verify(Buffer.concat(chunks).toString('utf8'), headers);
    console.log(`billed ${JSON.stringify(payload)}`);
    response.writeHead(204).end();
  } catch {
    response.writeHead(401).end();
  }
}

const server = createServer((request, response) => void receive(request, response));

server.listen(Number(PORT), '127.0.0.1', () => console.log('listens'));
