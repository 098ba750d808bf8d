import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { bankUrl, port } from '../settings.js';

// What both programs share: how orders come in, and what is done with them.

export interface Order {
  orderId: string;
  total: number;
  /** RFC 3339 */
  remindAt: string;
}

export async function bill(order: Order): Promise<void> {
  const { ok, status } = await fetch(bankUrl, { method: 'POST', body: JSON.stringify(order) });
  if (!ok) throw new Error(`the bank answered ${status}`);
  console.log(`billed ${order.orderId}`);
}

export const thank = ({ orderId }: Order): void => console.log(`thanked for ${orderId}`);

export const remind = ({ orderId }: Order): void => console.log(`reminded of ${orderId}`);

/** The HTTP server of the shop: orders on every path, unless `answer` takes the request. */
export function serve(
  place: (order: Order) => Promise<void>,
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Server {
  const placeFrom = async (request: IncomingMessage) => place(JSON.parse(await text(request)));
  const server = createServer((request, response) => {
    if (answer(request, response)) return;
    placeFrom(request).then(
      () => response.writeHead(202).end(),
      () => response.writeHead(503).end(),
    );
  });
  return server.listen(port, '127.0.0.1', () => console.log('listens'));
}
